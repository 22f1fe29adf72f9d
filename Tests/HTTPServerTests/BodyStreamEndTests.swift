import Bytes
import HTTP1
import Reactor
import Testing

@testable import HTTPServer

/// How a streamed body ends otherwise than well: the consumer hears of it once.
@Suite struct BodyStreamEndTests {
    private let chunked = ["Transfer-Encoding: chunked"]

    @Test(arguments: [false, true])
    func theClientLeaves(whilePaused: Bool) throws {
        let test = try TestServer()
        test.responder.whenReceived = { _, _ in !whilePaused }
        let client = try test.connect()
        client.send(request("POST", "/stream", ["Content-Length: 10"]) + "12345")
        test.turn { test.responder.consumers.first?.bytes.count == 5 }
        client.reset()
        test.turn { test.server.connectionCount == 0 }
        #expect(test.responder.consumers[0].ends == ["cancelled"])
        test.responder.consumers[0].answer("late", on: test.server)
        test.server.resumeBody(test.responder.consumers[0].ticket)
        test.settle()
        #expect(test.responder.consumers[0].ends == ["cancelled"])
    }

    @Test func theClientLeavesAfterTheEnd() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(post("/taken", "12345"))
        test.turn { test.responder.consumers.first?.ends == ["ended"] }
        client.reset()
        test.turn { test.server.connectionCount == 0 }
        #expect(test.responder.consumers[0].ends == ["ended"])
    }

    @Test(arguments: [false, true])
    func theClientStopsInTheMiddle(whilePaused: Bool) throws {
        let test = try TestServer()
        test.responder.whenReceived = { _, _ in !whilePaused }
        let client = try test.connect()
        client.send(get("/later") + request("POST", "/taken", ["Content-Length: 10"]) + "12345")
        client.endSending()
        test.turn { test.responder.consumers.first?.bytes.count == 5 }
        if whilePaused {
            test.settle()
            #expect(test.responder.consumers[0].ends == [])
            test.server.resumeBody(test.responder.consumers[0].ticket)
        }
        test.turn { test.responder.consumers[0].ends == ["cancelled"] }
        test.responder.consumers[0].answer("late", on: test.server)
        test.answer(0, "first")
        test.turn {
            client.receive()
            return client.hasEnded
        }
        #expect(client.answers == ["200 close first"])
        test.turn { test.server.connectionCount == 0 }
        #expect(test.responder.consumers[0].ends == ["cancelled"])
    }

    @Test func theClientEndsSendingAfterTheBody() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(post("/taken", "12345"))
        client.endSending()
        test.turn { test.responder.consumers.first?.ends == ["ended"] }
        test.settle()
        test.responder.consumers[0].answer("done", on: test.server)
        test.turn { client.answers == ["200 close done"] }
        test.turn { test.server.connectionCount == 0 }
    }

    @Test func theDeclaredLengthIsOverTheLimit() throws {
        let test = try TestServer()
        let client = try test.connect()
        let length = ScriptedResponder.streamLimit + 1
        client.send(request("POST", "/stream", ["Content-Length: \(length)", "Expect: 100-continue"]))
        test.turn { client.answers == ["413 close problem"] }
        #expect(test.responder.consumers[0].ends == ["cancelled"])
        #expect(test.responder.consumers[0].bytes == [])
    }

    @Test(arguments: [("413", "1000000\r\n"), ("400", "zz\r\n")])
    func aChunkIsOverTheLimitOrMalformed(status: String, chunk: String) throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(get("/later") + request("POST", "/taken", chunked) + "1\r\na\r\n" + chunk + "b" + get("/now"))
        test.turn { test.responder.consumers.first?.ends == ["cancelled"] }
        // The rest is read past, though the refusal waits for its turn.
        let rest = [UInt8](repeating: 1, count: 8 << 20)
        var sent = 0
        test.turn {
            sent += max(0, client.sendSome(rest[sent...]))
            return sent == rest.count
        }
        test.responder.consumers[0].answer("late", on: test.server)
        test.answer(0, "first")
        test.turn { client.answers == ["200 first", "\(status) close problem"] }
        #expect(test.responder.consumers[0].text == "a")
        #expect(test.responder.consumers[0].ends == ["cancelled"])
        #expect(test.responder.paths.count == 2)
    }

    @Test func theBodyIsTooSlow() throws {
        let test = try TestServer(requestTimeout: .milliseconds(50))
        let client = try test.connect()
        client.send(request("POST", "/stream", ["Content-Length: 60000"]) + "12345")
        test.turn {
            client.receive()
            return client.hasEnded
        }
        #expect(client.answers == ["408 close problem"])
        #expect(test.responder.consumers[0].ends == ["cancelled"])
    }

    @Test func aPausedBodyIsNotTooSlow() throws {
        let test = try TestServer(requestTimeout: .milliseconds(20), idleTimeout: .milliseconds(20))
        test.responder.whenReceived = { _, _ in false }
        let client = try test.connect()
        client.send(post("/stream", "12345"))
        test.turn { test.responder.consumers.first?.bytes.count == 5 }
        let deadline = Reactor.monotonic() + .milliseconds(1500)
        test.turn { Reactor.monotonic() > deadline }
        #expect(test.responder.consumers[0].ends == [])
        test.server.resumeBody(test.responder.consumers[0].ticket)
        test.turn { client.answers == ["200 5"] }
    }

    @Test func pausesAreNoPartOfThePhase() {
        let start = Instant(nanoseconds: 0)
        var phase = ConnectionPhase(start)
        phase.enter(.body, start + .seconds(1))
        #expect(phase.age(start + .seconds(3)) == .seconds(2))
        phase.pause(start + .seconds(4))
        #expect(phase.isPaused && phase.age(start + .seconds(100)) == .seconds(3))
        phase.resume(start + .seconds(200))
        phase.remain(in: .body, start + .seconds(201))
        #expect(!phase.isPaused && phase.age(start + .seconds(202)) == .seconds(5))
        phase.remain(in: .idle, start + .seconds(203))
        #expect(phase.age(start + .seconds(204)) == .seconds(1))
    }

    // MARK: Expect

    @Test func theClientIsToldToGoOn() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(get("/later") + request("POST", "/stream", ["Content-Length: 5", "Expect: 100-continue"]))
        test.turn { test.responder.consumers.count == 1 }
        test.settle()
        #expect(client.transcript == "")
        test.answer(0, "first")
        test.turn { client.transcript.hasSuffix("firstHTTP/1.1 100 Continue\n\n") }
        client.send("12345" + get("/now"))
        test.turn { client.transcript.hasSuffix("/now") }
        #expect(client.transcript.contains("\n\n5HTTP"))
    }

    @Test func anAnswerInsteadOf100Closes() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(
            get("/later") + request("POST", "/taken", ["Content-Length: 5", "Expect: 100-continue"]))
        test.turn { test.responder.consumers.count == 1 }
        test.responder.consumers[0].answer("no", on: test.server)
        #expect(test.responder.consumers[0].ends == ["cancelled"])
        client.send(get("/now"))
        test.settle()
        test.answer(0, "first")
        test.turn {
            client.receive()
            return client.hasEnded
        }
        #expect(client.answers == ["200 first", "200 close no"])
        #expect(test.responder.paths.count == 2)
    }

    // MARK: Drain

    @Test(arguments: [false, true])
    func aBodyUnderWayIsFinished(whilePaused: Bool) throws {
        let test = try TestServer()
        test.responder.whenReceived = { _, _ in !whilePaused }
        let client = try test.connect()
        client.send(request("POST", "/stream", ["Content-Length: 10"]) + "12345")
        test.turn { test.responder.consumers.first?.bytes.count == 5 }
        test.server.drain(spreadOver: .zero)
        test.settle()
        client.send("67890")
        test.turn {
            if whilePaused { test.server.resumeBody(test.responder.consumers[0].ticket) }
            client.receive()
            return client.hasEnded
        }
        #expect(client.answers == ["200 close 10"])
        #expect(test.responder.consumers[0].ends == ["ended"])
        test.turn { test.server.connectionCount == 0 }
    }

    // MARK: Lifetime

    enum End: CaseIterable { case ended, answered, answeredPaused, reset, resetPaused, halfClosed, refused, tooLarge }

    @Test(arguments: End.allCases)
    func neitherConsumerNorConnectionStays(end: End) throws {
        let test = try TestServer()
        test.responder.whenReceived = { consumer, server in
            if end == .answered { consumer.answer("early", on: server) }
            return end != .answeredPaused && end != .resetPaused
        }
        let client = try test.connect()
        test.responder.script = ["hello"]
        client.send(get("/produce"))
        test.turn { client.transcript.hasSuffix("0\n\n") }
        weak let connection = test.responder.producers[0].connection
        test.responder.forgetProducers()
        let declared = end == .tooLarge ? ScriptedResponder.streamLimit + 1 : 10
        client.send(request("POST", "/stream", end == .refused ? chunked : ["Content-Length: \(declared)"]))
        client.send(end == .refused ? "1\r\na\r\nzz\r\n" : end == .ended ? "1234567890" : "12345")
        test.turn { test.responder.consumers.first.map { !$0.bytes.isEmpty || !$0.ends.isEmpty } ?? false }
        #expect(connection != nil || end == .tooLarge || end == .refused)
        let ticket = test.responder.consumers[0].ticket
        weak let consumer = test.responder.consumers[0]
        test.responder.forgetConsumers()
        switch end {
        case .ended, .answered, .refused, .tooLarge: break
        case .answeredPaused: test.server.respond(ticket, .ok, contentType: nil, body: Span())
        case .reset, .resetPaused: client.reset()
        case .halfClosed: client.endSending()
        }
        test.turn { consumer == nil }
        client.close()
        test.turn { test.server.connectionCount == 0 }
        test.settle()
        #expect(connection == nil)
    }
}
