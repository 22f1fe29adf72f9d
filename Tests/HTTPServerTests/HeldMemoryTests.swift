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
            test.server.shedHeld()
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
        #expect(test.server.isShortOfMemory && ended(test, .memory) == 0, "who asks lets go of nobody")
        test.turn { test.server.connectionCount == 0 }
        #expect(!test.server.isShortOfMemory && ended(test, .memory) == 1)
        #expect(test.server.heldByClients == 0)
    }

    /// It holds most when its body brings all of them over the limit, for its head was kept until it was whole.
    @Test func theRequestThatBringsItOverTheLimitIsNotLetGoOfMidway() throws {
        let test = try TestServer(heldBytes: 512 * 1024)
        let bodies = try (0..<8).map { _ in try test.connect() }
        for client in bodies {
            client.send(
                request("POST", "/body", ["Content-Length: 65000"]) + String(repeating: "b", count: 60_500))
        }
        let heads = try (0..<2).map { _ in try test.connect() }
        let field = "X: " + String(repeating: "h", count: 63_000)
        for client in heads {
            client.send(String(request("POST", "/body", ["Content-Length: 41000", field]).dropLast(2)))
        }
        test.settle()
        heads[0].send("\r\n\r\n" + String(repeating: "b", count: 41_000))
        // Refused, or, when a second has passed meanwhile and others were let go of, taken.
        test.turn { heads[0].answers == ["503 close problem"] || heads[0].answers == ["200 41000"] }
        test.settle()
        #expect(test.server.heldByClients <= 512 * 1024)
        for client in bodies + heads { client.close() }
        test.turn { test.server.connectionCount == 0 }
    }

    /// Whatever a responder still says of a request that was refused from within its call.
    @Test(arguments: ["/body", "/stream", "/ws", "/now"]) func whatWasRefusedDoesNotGoOn(path: String) throws {
        let test = try TestServer()
        test.responder.whenAsked = { server in
            for connection in server.connections.values { connection.shed() }
        }
        let client = try test.connect()
        client.send(
            path == "/ws" ? upgradeRequest : request("POST", path, ["Content-Length: 99999999"]) + "body of it")
        test.turn {
            client.receive()
            return client.hasEnded
        }
        #expect(client.answers == ["503 close problem"])
        #expect(test.responder.lengths.isEmpty && test.responder.consumers.allSatisfy { $0.ends == ["cancelled"] })
        test.responder.forgetConsumers()
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
            #expect(test.server.heldByClients <= limit + 65_536)
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

    /// As many as there may be, each with less than is worth letting go of where there are few.
    @Test func littleOfManyIsMuch() throws {
        let test = try TestServer(maximumConnections: 200, heldBytes: 1 << 20)
        let clients = try (0..<140).map { _ in try test.connect() }
        for client in clients {
            client.send(request("POST", "/body", ["Content-Length: 9000"]) + String(repeating: "b", count: 8000))
        }
        test.turn { test.responder.paths.count == clients.count }
        test.settle()
        test.server.shedHeld()
        #expect(!test.server.isShortOfMemory && ended(test, .memory) > 0)
        let next = try test.connect()
        next.send(post("/body", "next"))
        test.turn { next.answers == ["200 4"] }
        for client in clients { client.close() }
        test.turn { test.server.connectionCount == 1 }
    }

    /// What their sessions hold counts, and they are let go of before it is too much.
    @Test func handshakesThatAreNotDone() throws {
        let test = try TestServer(heldBytes: 1 << 20, tls: TestCertificate.context())
        let clients = try (0..<40).map { _ in try test.connect() }
        let begin: [UInt8] = [22, 3, 1, 0, 40, 1, 0, 64, 0, 3, 3] + [UInt8](repeating: 7, count: 34)
        for client in clients { client.send(begin) }
        test.turn { test.server.connectionCount == clients.count }
        test.turn { ended(test, .memory) > 0 }
        test.settle()
        #expect(test.server.heldByClients <= 1 << 20 && test.server.connectionCount < clients.count)
        let next = try SecureClient(test)
        next.send(get("/now"))
        test.turn {
            next.receive()
            return next.plain.suffix(4).elementsEqual("/now".utf8)
        }
    }

    @Test func belowItNobodyIsLetGo() throws {
        let test = try TestServer()
        let clients = try (0..<20).map { _ in try test.connect(receiveBuffer: 4096) }
        for client in clients { client.send(String(repeating: get("/large"), count: 8)) }
        test.settle()
        test.server.shedHeld()
        #expect(!test.server.isShortOfMemory && ended(test, .memory) == 0)
        #expect(test.server.heldByClients <= 20 * (300_000 + 2 * 256 * 1024))
        #expect(test.server.connectionCount == 20)
    }
}
