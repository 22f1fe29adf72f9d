import Bytes
import HTTP1
import Reactor
import Testing

@testable import HTTPServer

private let chunked = ["Transfer-Encoding: chunked"]

/// Bytes of which none stands where another does.
private func pattern(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8 ^ $0 >> 16) }
}

@Suite struct BodyStreamTests {
    @Test func aBodyIsTakenAndAnsweredAtItsEnd() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(
            post("/stream", "hello") + post("/stream", "")
                + request("POST", "/stream", chunked) + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" + get("/stream")
                + get("/now"))
        test.turn { client.answers.count == 5 }
        #expect(client.answers == ["200 5", "200 0", "200 5", "200 0", "200 /now"])
        #expect(test.responder.consumers.map(\.text) == ["hello", "", "abcde", ""])
        #expect(test.responder.consumers.allSatisfy { $0.ends == ["ended"] })
    }

    @Test(arguments: [false, true])
    func aBodyThatDripsIsTakenAsItComes(isChunked: Bool) throws {
        let test = try TestServer()
        let client = try test.connect()
        let bytes = isChunked ? "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" : "abcde"
        client.send(request("POST", "/stream", isChunked ? chunked : ["Content-Length: 5"]))
        var came: Set<String> = []
        for byte in (bytes + get("/now")).utf8 {
            client.send([byte])
            test.settle()
            came.insert(test.responder.consumers[0].text)
        }
        test.turn { client.answers == ["200 5", "200 /now"] }
        #expect(came.isSuperset(of: ["a", "ab", "abc", "abcd", "abcde"]))
        #expect(test.responder.consumers[0].ends == ["ended"])
    }

    @Test func anAnswerAfterTheEndStandsInTheOrderOfTheRequests() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(get("/later") + post("/taken", "one") + get("/now") + post("/taken", "three"))
        test.turn { test.responder.consumers.count == 2 }
        #expect(test.responder.consumers.map(\.ends) == [["ended"], ["ended"]])
        test.responder.consumers[1].answer("fourth", on: test.server)
        test.responder.consumers[0].answer("second", on: test.server)
        test.settle()
        #expect(client.transcript == "")
        test.answer(0, "first")
        test.turn { client.answers == ["200 first", "200 second", "200 /now", "200 fourth"] }
    }

    // MARK: Pauses

    @Test(arguments: [false, true])
    func aPauseHoldsTheClientBackAndLosesNothing(isChunked: Bool) throws {
        let test = try TestServer()
        test.responder.whenReceived = { _, _ in false }
        let client = try test.connect()
        let body = pattern(10 << 20)
        let head = request("POST", "/stream", isChunked ? chunked : ["Content-Length: \(body.count)"])
        var bytes = Array(head.utf8)
        if isChunked {
            for start in stride(from: 0, to: body.count, by: 1 << 20) {
                bytes += Array("100000\r\n".utf8) + body[start..<start + 1 << 20] + [0x0D, 0x0A]
            }
            bytes += Array("0\r\n\r\n".utf8)
        } else {
            bytes += body
        }
        bytes += Array(get("/now").utf8)
        var sent = 0
        let send = { sent += max(0, client.sendSome(bytes[sent...])) }
        send()
        test.turn { test.responder.consumers.first?.bytes.isEmpty == false }
        let consumer = test.responder.consumers[0]
        let taken = consumer.bytes.count
        for _ in 0..<20 {
            send()
            test.settle()
        }
        #expect(consumer.bytes.count == taken)
        #expect(sent < bytes.count, "the client was not held back")
        var resumes = 0
        test.turn {
            send()
            test.server.resumeBody(consumer.ticket)
            resumes += 1
            return !consumer.ends.isEmpty
        }
        #expect(resumes > 10)
        #expect(consumer.bytes == body)
        test.turn { client.answers == ["200 \(body.count)", "200 /now"] }
    }

    @Test func theEndWaitsForThePause() throws {
        let test = try TestServer()
        test.responder.whenReceived = { _, _ in false }
        let client = try test.connect()
        client.send(post("/stream", "hello"))
        test.turn { test.responder.consumers.first?.bytes.count == 5 }
        test.settle()
        #expect(test.responder.consumers[0].ends == [])
        // No byte and no end of the connection comes to carry it on; and both stand behind it.
        client.endSending()
        test.settle()
        #expect(test.responder.consumers[0].ends == [])
        test.server.resumeBody(test.responder.consumers[0].ticket)
        test.turn { client.answers == ["200 close 5"] || client.answers == ["200 5"] }
        #expect(test.responder.consumers[0].ends == ["ended"])
        test.turn { test.server.connectionCount == 0 }
    }

    @Test func answersBeforeItLeaveDuringAPauseAndDoNotEndIt() throws {
        let test = try TestServer()
        test.responder.whenReceived = { _, _ in false }
        let client = try test.connect(receiveBuffer: 300_000)
        client.send(
            get("/later") + get("/large") + get("/produce") + request("POST", "/stream", ["Content-Length: 10"]))
        client.send("12345")
        test.turn { test.responder.consumers.first?.bytes.count == 5 }
        client.send("67890" + get("/now"))
        test.responder.script = ["unused"]
        test.answer(0, String(repeating: "y", count: ScriptedResponder.large))
        test.turn {
            client.receiveOnce(atMost: 100_000)
            return test.responder.producers[0].resumes > 0
        }
        let connection = try #require(test.responder.producers[0].connection)
        connection.write([1].span)
        connection.endBody()
        test.turn { client.transcript.hasSuffix("0\n\n") }
        test.settle()
        #expect(test.responder.consumers[0].bytes.count == 5)
        test.server.resumeBody(test.responder.consumers[0].ticket)
        test.turn { test.responder.consumers[0].bytes.count == 10 }
        test.server.resumeBody(test.responder.consumers[0].ticket)
        test.turn { client.transcript.hasSuffix("/now") }
    }

    @Test func onlyTheTicketOfThePausedBodyResumesIt() throws {
        let test = try TestServer()
        test.responder.whenReceived = { _, _ in false }
        let other = try test.connect()
        other.send(post("/stream", "other"))
        test.turn { test.responder.consumers.count == 1 }
        let client = try test.connect()
        client.send(get("/later") + post("/taken", "one"))
        test.turn { test.responder.consumers.count == 2 }
        test.server.resumeBody(test.responder.consumers[1].ticket)
        test.turn { test.responder.consumers[1].ends == ["ended"] }
        client.send(post("/taken", "two"))
        test.turn { test.responder.consumers.count == 3 && test.responder.consumers[2].bytes.count == 3 }
        other.reset()
        test.turn { test.server.connectionCount == 1 }
        for stale in [test.responder.tickets[0]] + test.responder.consumers[0...1].map(\.ticket) {
            test.server.resumeBody(stale)
        }
        test.settle()
        #expect(test.responder.consumers[2].ends == [])
        for _ in 0..<3 { test.server.resumeBody(test.responder.consumers[2].ticket) }
        test.turn { test.responder.consumers[2].ends == ["ended"] }
        #expect(test.responder.consumers[0].ends == ["cancelled"])
    }

    // MARK: Answers before the end

    @Test(arguments: [true, false])
    func anAnswerInTheMiddleIsReadAndTheRestIsDropped(fromWithin: Bool) throws {
        let test = try TestServer()
        test.responder.whenReceived = { consumer, server in
            if fromWithin { consumer.answer("early", on: server) }
            return false
        }
        let client = try test.connect()
        let rest = [UInt8](repeating: 1, count: 8 << 20)
        client.send(request("POST", "/taken", ["Content-Length: \(rest.count + 5)"]) + "12345")
        test.turn { test.responder.consumers.first?.bytes.count == 5 }
        let consumer = test.responder.consumers[0]
        if !fromWithin {
            test.settle()
            consumer.answer("early", on: test.server)
        }
        // Before the client goes on.
        #expect(consumer.ends == ["cancelled"])
        test.turn { client.answers == ["200 early"] }
        var sent = 0
        test.turn {
            sent += max(0, client.sendSome(rest[sent...]))
            return sent == rest.count
        }
        client.send(get("/now"))
        test.turn { client.answers == ["200 early", "200 /now"] }
        #expect(consumer.bytes.count == 5)
        #expect(consumer.ends == ["cancelled"])
        consumer.answer("again", on: test.server)
        test.settle()
        #expect(client.answers == ["200 early", "200 /now"])
    }

    @Test func anAnswerInTheMiddleWaitsForItsTurn() throws {
        let test = try TestServer()
        test.responder.whenReceived = { consumer, server in
            consumer.answer("early", on: server)
            return true
        }
        let client = try test.connect()
        client.send(get("/later") + post("/taken", "12345") + get("/now"))
        test.turn { test.responder.paths.count == 3 }
        #expect(client.transcript == "")
        test.answer(0, "first")
        test.turn { client.answers == ["200 first", "200 early", "200 /now"] }
        #expect(test.responder.consumers[0].ends == ["cancelled"])
    }

    @Test func whatIsDroppedHasTheSameLimit() throws {
        let test = try TestServer()
        test.responder.whenReceived = { consumer, server in
            consumer.answer("early", on: server)
            return true
        }
        let client = try test.connect()
        let size = String(ScriptedResponder.streamLimit, radix: 16)
        client.send(request("POST", "/taken", chunked) + "1\r\na\r\n")
        test.turn { client.answers == ["200 early"] }
        client.send("\(size)\r\nb" + get("/now"))
        test.turn {
            client.receive()
            return client.hasEnded
        }
        #expect(client.answers == ["200 early"])
        #expect(test.responder.consumers[0].ends == ["cancelled"])
    }
}
