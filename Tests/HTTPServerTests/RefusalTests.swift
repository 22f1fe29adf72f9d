import Bytes
import HTTP1
import Reactor
import Testing

@testable import HTTPServer

@Suite struct ExpectContinueTests {
    private let expects = ["Content-Length: 5", "Expect: 100-continue"]

    @Test func stands_behindTheAnswersBeforeIt_RFC9110_10_1_1() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(get("/later") + request("POST", "/body", expects))
        test.turn { test.responder.paths.count == 2 }
        test.settle()
        #expect(client.transcript == "")
        test.answer(0, "first")
        test.turn { client.transcript.hasSuffix("HTTP/1.1 100 Continue\n\n") }
        client.send("12345")
        test.turn { client.transcript.hasSuffix("\n\n5") }
        let head = "HTTP/1.1 200 OK\nContent-Type: text/plain\nContent-Length: "
        #expect(client.transcript == "\(head)5\n\nfirstHTTP/1.1 100 Continue\n\n\(head)1\n\n5")
    }

    @Test func isOwedNoMoreWhenTheContentCameUnasked() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(get("/later") + request("POST", "/kept", expects) + "12345" + get("/now"))
        test.turn { test.responder.tickets.count == 2 }
        test.answer(1, "second")
        test.answer(0, "first")
        test.turn { client.answers.count == 3 }
        #expect(client.answers == ["200 first", "200 second", "200 /now"])
    }

    @Test(arguments: ["/now", "/later"])
    func withheld_theAnswerCloses(path: String) throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(request("POST", path, expects) + get("/now2"))
        test.turn { test.responder.paths == [path] }
        test.settle()
        if path == "/later" { test.answer(0, path) }
        test.turn {
            client.receive()
            return client.hasEnded
        }
        #expect(client.answers == ["200 close \(path)"])
        #expect(test.responder.paths == [path])
    }
}

@Suite struct RefusalTests {
    private let tooLong = ScriptedResponder.limit + 1

    @Test func aDeclaredLengthOverTheLimitIsRefusedInsteadOf100() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(request("POST", "/body", ["Content-Length: \(tooLong)", "Expect: 100-continue"]))
        test.turn { client.answers == ["413 close problem"] }
    }

    @Test func theRefusalIsReadAlsoByAClientThatSendsAllBeforeItReads() throws {
        let test = try TestServer()
        let client = try test.connect()
        let total = 8 << 20
        client.send(request("POST", "/body", ["Content-Length: \(total)"]))
        let body = [UInt8](repeating: 1, count: total)
        var sent = 0
        test.turn {
            let count = client.sendSome(body[sent...])
            #expect(count >= 0, "the server cut a client that was sending")
            sent += max(0, count)
            return sent == total || count < 0
        }
        client.endSending()
        test.turn { client.answers == ["413 close problem"] }
        test.turn { test.server.connectionCount == 0 }
        #expect(test.responder.lengths == [])
    }

    @Test func chunksOverTheLimitAreRefused() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(request("POST", "/body", ["Transfer-Encoding: chunked"]))
        let chunk = "4000\r\n" + String(repeating: "c", count: 0x4000) + "\r\n"
        for _ in 0..<5 {
            client.send(chunk)
            test.settle()
        }
        test.turn { client.answers == ["413 close problem"] }
        #expect(test.responder.lengths == [])
    }

    @Test func chunksUpToTheLimitAreTaken() throws {
        let test = try TestServer()
        let client = try test.connect()
        let chunk = "4000\r\n" + String(repeating: "c", count: 0x4000) + "\r\n"
        client.send(request("POST", "/body", ["Transfer-Encoding: chunked"]))
        for _ in 0..<4 {
            client.send(chunk)
            test.settle()
        }
        client.send("0\r\n\r\n" + get("/now"))
        test.turn { client.answers == ["200 65536", "200 /now"] }
    }

    @Test func anErrorComesAfterTheAnswersBeforeItAndIsTheLast() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(get("/later1") + get("/later2") + "GET / HTTP/1.1\r\nBad Name: x\r\n\r\n" + get("/now"))
        test.turn { test.responder.tickets.count == 2 }
        test.settle()
        #expect(client.transcript == "")
        test.answer(1, "second")
        test.answer(0, "first")
        test.turn {
            client.receive()
            return client.hasEnded
        }
        #expect(client.answers == ["200 first", "200 second", "400 close problem"])
        #expect(test.responder.paths == ["/later1", "/later2"])
    }

    @Test func anErrorInABodyTakesThePlaceOfItsAnswer() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(request("POST", "/later", ["Transfer-Encoding: chunked"]) + "zz\r\n" + get("/now"))
        test.turn { client.answers == ["400 close problem"] }
        test.answer(0, "late")
        test.turn {
            client.receive()
            return client.hasEnded
        }
        #expect(client.answers == ["400 close problem"])
        #expect(test.responder.paths == ["/later"])
    }

    @Test func anErrorInABodyThatWasAnsweredOnlyCloses() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(request("POST", "/now", ["Transfer-Encoding: chunked"]) + "zz\r\n" + get("/now2"))
        test.turn {
            client.receive()
            return client.hasEnded
        }
        #expect(client.answers == ["200 /now"])
    }

    @Test func atTheLimitOfConnectionsTheNextOneIsTold() throws {
        let test = try TestServer(maximumConnections: 1)
        let first = try test.connect()
        first.send(get("/now"))
        test.turn { first.answers == ["200 /now"] }
        let second = try test.connect()
        test.turn {
            second.receive()
            return second.hasEnded
        }
        #expect(second.answers == ["503 close"])
        #expect(test.server.counters.refused == 1)
        #expect(test.server.counters.refusals[ConnectionRefusal.full.rawValue] == 1)
        first.close()
        test.turn { test.server.connectionCount == 0 }
        let third = try test.connect()
        third.send(get("/now"))
        test.turn { third.answers == ["200 /now"] }
    }

    @Test func whoIsRefusedReadsWhyThoughItsRequestCame() throws {
        let test = try TestServer(maximumConnections: 1)
        let first = try test.connect()
        first.send(get("/now"))
        test.turn { first.answers == ["200 /now"] }
        // More of them than linger: the others are refused all the same.
        let others = try (0..<HTTPServerLimits.refusedLingering + 10).map { _ in try test.connect() }
        for other in others { _ = other.sendSome(Array((get("/now") + get("/now")).utf8)[...]) }
        test.turn { Int(test.server.counters.refused) == others.count }
        test.turn {
            for other in others { other.receive() }
            return others.allSatisfy { $0.hasEnded || $0.wasReset }
        }
        for other in others.prefix(HTTPServerLimits.refusedLingering) {
            #expect(other.answers == ["503 close"] && !other.wasReset)
        }
        #expect(test.responder.paths.count == 1)
    }
}

@Suite struct HalfCloseTests {
    @Test func whatWasAskedIsStillAnswered() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(get("/later1") + get("/later2"))
        client.endSending()
        test.turn { test.responder.tickets.count == 2 }
        test.settle()
        test.answer(1, "second")
        test.answer(0, "first")
        test.turn {
            client.receive()
            return client.hasEnded
        }
        #expect(client.answers == ["200 first", "200 close second"])
        test.turn { test.server.connectionCount == 0 }
    }

    @Test func alsoBeyondTheLimitOfPipelining() throws {
        let test = try TestServer()
        let client = try test.connect()
        let count = HTTPServerLimits.pipelinedRequests + 10
        client.send((0..<count).map { get("/later\($0)") }.joined())
        client.endSending()
        var answered = 0
        test.turn {
            while answered < test.responder.tickets.count {
                test.answer(answered, "\(answered)")
                answered += 1
            }
            client.receive()
            return client.hasEnded
        }
        #expect(client.answers.count == count)
    }

    @Test func aRequestThatIsCutIsNotAnswered() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(get("/later") + request("POST", "/body", ["Content-Length: 5"]) + "123")
        client.endSending()
        test.turn { test.responder.paths.count == 2 }
        test.settle()
        test.answer(0, "first")
        test.turn {
            client.receive()
            return client.hasEnded
        }
        #expect(client.answers == ["200 close first"])
        #expect(test.responder.lengths == [])
        test.turn { test.server.connectionCount == 0 }
    }

    @Test(arguments: ["", "GET /no", "\r\n"])
    func withNothingAskedItIsClosed(bytes: String) throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(bytes)
        client.endSending()
        test.turn {
            client.receive()
            return client.hasEnded
        }
        #expect(client.transcript == "")
        test.turn { test.server.connectionCount == 0 }
    }
}
