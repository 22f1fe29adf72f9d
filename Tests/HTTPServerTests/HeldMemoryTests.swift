import Reactor
import Testing

@testable import HTTPServer

/// What clients make a server hold, all of them together.
@Suite struct HeldMemoryTests {
    private func ended(_ test: TestServer, _ end: ConnectionEnd) -> UInt64 { test.server.counters.ends[end.rawValue] }

    /// Each asks as much as it may, and reads nothing: what is answered is far more than a socket takes.
    @Test func answersThatNobodyReadsAreLetGoOf() throws {
        let limit = 4 << 20
        let test = try TestServer(heldBytes: limit)
        let reader = try test.connect()
        reader.send(get("/later"))
        test.turn { test.responder.tickets.count == 1 }
        let page = String(repeating: "p", count: 100_000)
        for round in 0..<3 {
            let client = try test.connect(receiveBuffer: 4096)
            let before = test.responder.tickets.count
            client.send(String(repeating: get("/later"), count: HTTPServerLimits.pipelinedRequests))
            test.turn { test.responder.tickets.count == before + HTTPServerLimits.pipelinedRequests }
            for index in before..<test.responder.tickets.count { test.answer(index, page) }
            test.settle()
            test.server.countHeld()
            #expect(test.server.heldByClients <= limit)
            #expect(ended(test, .memory) == UInt64(round + 1))
        }
        test.turn { test.server.connectionCount == 1 }
        test.answer(0, "first")
        test.turn { reader.answers == ["200 first"] }
    }

    /// The one that holds up the answers behind it is let go with them.
    @Test func answersThatWaitForTheirTurnCountToo() throws {
        let test = try TestServer(heldBytes: 1 << 20)
        let client = try test.connect()
        client.send(String(repeating: get("/later"), count: 64))
        test.turn { test.responder.tickets.count == 64 }
        let page = String(repeating: "p", count: 100_000)
        for index in 1..<64 { test.answer(index, page) }
        #expect(test.server.isShortOfMemory == false, "who was over the limit was let go")
        #expect(ended(test, .memory) == 1 && test.server.heldByClients == 0)
        test.turn { test.server.connectionCount == 0 }
    }

    @Test func bodiesThatNeverEndAreRefusedBeyondIt() throws {
        let limit = 512 * 1024
        let test = try TestServer(heldBytes: limit)
        let piece = String(repeating: "b", count: 50_000)
        let clients = try (0..<40).map { _ in try test.connect() }
        for client in clients {
            client.send(request("POST", "/body", ["Content-Length: 60000"]) + piece)
            test.settle()
            #expect(test.server.heldByClients <= limit + 60_000)
        }
        let refused = clients.filter { $0.answers == ["503 close problem"] }
        #expect(refused.count >= clients.count - limit / 50_000 - 2 && refused.count < clients.count)
        #expect(ended(test, .memory) == UInt64(refused.count))
        for client in clients { client.close() }
        test.turn { test.server.connectionCount == 0 }
        let next = try test.connect()
        next.send(post("/body", piece))
        test.turn { next.answers == ["200 50000"] }
    }

    @Test func belowItNobodyIsLetGo() throws {
        let test = try TestServer()
        let clients = try (0..<20).map { _ in try test.connect(receiveBuffer: 4096) }
        for client in clients { client.send(String(repeating: get("/large"), count: 8)) }
        test.settle()
        test.server.countHeld()
        #expect(!test.server.isShortOfMemory && ended(test, .memory) == 0)
        #expect(test.server.heldByClients <= 20 * (300_000 + 2 * 256 * 1024))
        #expect(test.server.connectionCount == 20)
    }
}
