import Bytes
import HTTP1
import Reactor
import Testing

@testable import HTTPServer

@Suite struct ResponseFormTests {
    @Test func headGetsTheHeadThatGetWouldGet_RFC9110_9_3_2() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(request("HEAD", "/now") + get("/now"))
        test.turn { client.transcript.hasSuffix("/now") }
        let head = "HTTP/1.1 200 OK\nContent-Type: text/plain\nContent-Length: 4\n\n"
        #expect(client.transcript == head + head + "/now")
    }

    @Test func headOfAProducedBodyTakesNoneOfIt() throws {
        let test = try TestServer()
        let client = try test.connect()
        test.responder.script = ["never"]
        client.send(request("HEAD", "/produce") + get("/now"))
        test.turn { client.transcript.hasSuffix("/now") }
        #expect(
            client.transcript.hasPrefix(
                "HTTP/1.1 200 OK\nContent-Type: text/plain\nTransfer-Encoding: chunked\n\nHTTP/1.1 200 OK\n"))
        #expect(test.responder.producers[0].resumes == 0)
        #expect(test.responder.producers[0].cancels == 1)
    }

    @Test func http10IsClosedUnlessItAsksToKeepAlive_RFC9112_9_3() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(
            request("GET", "/now1", version: "1.0", ["Connection: keep-alive"])
                + request("GET", "/now2", version: "1.0") + get("/now3"))
        test.turn {
            client.receive()
            return client.hasEnded
        }
        #expect(
            client.transcript
                == "HTTP/1.1 200 OK\nConnection: keep-alive\nContent-Type: text/plain\nContent-Length: 5\n\n/now1"
                + "HTTP/1.1 200 OK\nConnection: close\nContent-Type: text/plain\nContent-Length: 5\n\n/now2")
        #expect(test.responder.paths == ["/now1", "/now2"])
    }

    @Test func aProducedBodyIsChunked() throws {
        let test = try TestServer()
        let client = try test.connect()
        test.responder.script = ["hello", " there"]
        client.send(get("/produce") + get("/now"))
        test.turn { client.transcript.hasSuffix("/now") }
        #expect(
            client.transcript
                == "HTTP/1.1 200 OK\nContent-Type: text/plain\nTransfer-Encoding: chunked\n\n"
                + "5\nhello\n6\n there\n0\n\nHTTP/1.1 200 OK\nContent-Type: text/plain\nContent-Length: 4\n\n/now")
    }

    @Test func aProducedBodyTowardsHTTP10EndsWithTheConnection_RFC9112_6_3() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(
            request("GET", "/produce", version: "1.0", ["Connection: keep-alive"])
                + request("GET", "/later", version: "1.0", ["Connection: keep-alive"]))
        test.turn { test.responder.producers.count == 1 }
        test.settle()
        let connection = try #require(test.responder.producers[0].connection)
        connection.write(Array("hello".utf8).span)
        connection.endBody()
        // Nothing may stand behind the body, not even what was asked before it ended.
        for index in test.responder.tickets.indices { test.answer(index, "late") }
        test.turn {
            client.receive()
            return client.hasEnded
        }
        #expect(
            client.transcript == "HTTP/1.1 200 OK\nConnection: close\nContent-Type: text/plain\n\nhello")
    }

    @Test func whatWasAskedBeforeAnHTTP10BodyTurnedOutToBeTheLastIsDropped() throws {
        let test = try TestServer()
        let client = try test.connect()
        let keepAlive = ["Connection: keep-alive"]
        client.send(
            request("GET", "/later1", version: "1.0", keepAlive) + request("GET", "/later2", version: "1.0", keepAlive)
                + request("GET", "/produce", version: "1.0", keepAlive))
        test.turn { test.responder.producers.count == 1 }
        // The first is answered by a producer, while the others wait: the last one in the queue itself.
        let producer = ScriptedProducer(["hello"])
        test.server.respond(
            test.responder.tickets[0], .ok, contentType: "text/plain", fields: .init(), producer: producer)
        test.answer(1, "late")
        test.turn {
            client.receive()
            return client.hasEnded
        }
        #expect(client.transcript.hasSuffix("\n\nhello"))
        #expect(test.responder.producers[0].resumes == 0)
        #expect(test.responder.producers[0].cancels == 1)
    }

    @Test func aProducerIsCalledAgainWhenTheClientHasRead() throws {
        let test = try TestServer()
        let client = try test.connect(receiveBuffer: 300_000)
        let piece = String(repeating: "p", count: 100_000)
        test.responder.script = Array(repeating: piece, count: 50)
        client.send(get("/produce") + get("/now"))
        test.turn { test.responder.producers.count == 1 }
        test.turn {
            client.receiveOnce()
            return client.received.suffix(4) == Array("/now".utf8)
        }
        #expect(client.received.count > 5_000_000)
        #expect(test.responder.producers[0].resumes > 1)
        #expect(test.responder.producers[0].cancels == 0)
    }

    @Test func producersAreCancelledOnceWhenTheClientLeaves() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(get("/produce1") + get("/produce2"))
        test.turn { test.responder.producers.count == 2 }
        client.reset()
        test.turn { test.responder.producers.allSatisfy { $0.cancels == 1 } }
        test.turn { test.server.connectionCount == 0 }
        #expect(test.responder.producers.map(\.cancels) == [1, 1])
        #expect(test.responder.producers.map(\.resumes) == [1, 0])
    }

    @Test func aProducerIsCancelledAlsoWhenOnlyItsWritingTellsThatTheClientLeft() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(get("/produce"))
        test.turn { test.responder.producers.count == 1 }
        client.close()
        test.settle()
        let producer = test.responder.producers[0]
        test.turn {
            producer.connection?.write([1, 2, 3].span)
            return producer.cancels == 1
        }
        test.turn { test.server.connectionCount == 0 }
        #expect(producer.cancels == 1)
    }

    @Test func anAbortedBodyCutsTheConnectionAndNothingBehindItIsAnswered() throws {
        let test = try TestServer()
        let client = try test.connect()
        test.responder.script = ["abort"]
        client.send(get("/produce") + get("/now"))
        test.turn {
            client.receive()
            return client.hasEnded || client.wasReset
        }
        #expect(client.transcript == "")
        #expect(test.responder.paths == ["/produce"])
        #expect(test.responder.producers[0].cancels == 1)
        #expect(test.server.connectionCount == 0)
    }
}
