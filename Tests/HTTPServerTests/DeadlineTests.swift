import Bytes
import HTTP1
import Testing

@testable import HTTPServer
@testable import Reactor

@Suite struct DeadlineTests {
    private func expectEnd(
        _ test: TestServer, _ client: TestClient, _ answers: [String], whileSending bytes: String = ""
    ) {
        test.turn {
            _ = bytes.isEmpty ? 0 : client.sendSome(Array(bytes.utf8)[...])
            client.receive()
            return client.hasEnded || client.wasReset
        }
        #expect(client.answers == answers)
    }

    @Test func aHeadThatDripsIsGivenUp() throws {
        let test = try TestServer(requestTimeout: .milliseconds(50))
        let client = try test.connect()
        client.send("GET /now HTTP/1.1\r\nHost: a\r\nX-Drip: ")
        expectEnd(test, client, ["408 close problem"], whileSending: "x")
        #expect(test.responder.paths.isEmpty)
    }

    @Test func aBodyThatDripsIsGivenUp() throws {
        let test = try TestServer(requestTimeout: .milliseconds(50))
        let client = try test.connect()
        client.send(request("POST", "/body", ["Content-Length: 60000"]))
        expectEnd(test, client, ["408 close problem"])
        #expect(test.responder.lengths.isEmpty)
    }

    /// Reading an answer a little at a time gives no more time for sending the next request.
    @Test(arguments: ["GET /", request("POST", "/body", ["Content-Length: 60000"])])
    func whoReadsSlowlyMustSendInTime(begin: String) throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(get("/produce"))
        test.turn { test.responder.producers.count == 1 }
        let connection = try #require(test.responder.producers[0].connection)
        let piece = [UInt8](repeating: 7, count: 30_000)
        test.turn {
            if connection.stream.isWriteBlocked { return true }
            connection.write(piece.span)
            return false
        }
        connection.endBody()
        client.send(begin)
        test.turn { connection.phase.kind != .idle }
        connection.sweep(test.reactor.now + Duration.seconds(30))
        #expect(test.server.counters.ends[ConnectionEnd.slowHead.rawValue] == 0)
        let late = test.reactor.now + Duration.seconds(700)
        connection.stream.lastProgress = late
        connection.sweep(late)
        let ends = test.server.counters.ends
        #expect(ends[ConnectionEnd.slowHead.rawValue] + ends[ConnectionEnd.slowBody.rawValue] == 1)
        #expect(ends[ConnectionEnd.stalled.rawValue] == 0)
        client.reset()
        test.turn { test.server.connectionCount == 0 }
    }

    /// Its head came in two pieces, and it waits for the answer before it.
    @Test func anUpgradeThatWaitsIsNotLate() throws {
        let test = try TestServer()
        let client = try test.connect()
        let head = Array(upgradeRequest.utf8)
        client.send(Array(get("/later").utf8) + head[..<20])
        test.turn { test.responder.tickets.count == 1 }
        client.send(Array(head[20...]))
        test.turn { test.responder.paths.count == 2 }
        let connection = try #require(test.server.connections.values.first)
        connection.sweep(test.reactor.now + Duration.seconds(700))
        test.answer(0, "first")
        test.turn { client.transcript.contains("101 Switching") }
        test.settle()
        #expect(!client.transcript.contains("408"))
        client.send(text("echo"))
        test.turn { client.transcript.hasSuffix("echo") }
    }

    @Test func theTimeoutStandsBehindTheAnswersBeforeIt() throws {
        let test = try TestServer(requestTimeout: .milliseconds(50))
        let client = try test.connect()
        client.send(get("/later") + "GET /")
        test.turn { test.responder.tickets.count == 1 }
        // Past the sweep that refuses: what comes then is not read as the rest of the request.
        let deadline = Reactor.monotonic() + .milliseconds(1500)
        test.turn { Reactor.monotonic() > deadline }
        client.send("now HTTP/1.1\r\nHost: a\r\n\r\n")
        test.settle()
        test.answer(0, "first")
        expectEnd(test, client, ["200 first", "408 close problem"])
        #expect(test.responder.paths == ["/later"])
    }

    @Test func anIdleConnectionIsClosedWithoutAWord() throws {
        let test = try TestServer(idleTimeout: .milliseconds(50))
        let silent = try test.connect()
        let client = try test.connect()
        client.send(get("/now"))
        expectEnd(test, client, ["200 /now"])
        expectEnd(test, silent, [])
        #expect(test.server.connectionCount == 0)
    }

    @Test func whoWaitsForAnAnswerIsNotIdleNorLate() throws {
        let test = try TestServer(requestTimeout: .milliseconds(20), idleTimeout: .milliseconds(20))
        let client = try test.connect()
        // The second one waits for its 100 (Continue), which waits for the first one's answer.
        client.send(get("/later") + request("POST", "/body", ["Content-Length: 5", "Expect: 100-continue"]))
        test.turn { test.responder.paths.count == 2 }
        let deadline = Reactor.monotonic() + .milliseconds(1500)
        test.turn { Reactor.monotonic() > deadline }
        #expect(test.server.isWaiting(test.responder.tickets[0]))
        test.answer(0, "first")
        test.turn { client.transcript.hasSuffix("100 Continue\n\n") }
        client.send("12345")
        test.turn { client.transcript.hasSuffix("\n\n5") }
    }

    @Test func aClientThatTakesNothingIsGone() throws {
        let test = try TestServer()
        let client = try test.connect(receiveBuffer: 300_000)
        test.responder.script = Array(repeating: String(repeating: "p", count: 100_000), count: 1000)
        client.send(get("/produce"))
        test.turn { test.responder.producers.count == 1 }
        let connection = try #require(test.responder.producers[0].connection)
        test.turn { connection.stream.isWriteBlocked }
        connection.sweep(test.reactor.now + .seconds(30))
        #expect(!connection.stream.isClosed)
        connection.sweep(test.reactor.now + HTTPServerLimits.writeStall + Duration.seconds(5))
        #expect(connection.stream.isClosed)
        #expect(test.responder.producers[0].cancels == 1)
        test.turn { test.server.connectionCount == 0 }
    }
}

@Suite struct DrainTests {
    @Test func idleOnesAreClosedAndBusyOnesTold() throws {
        let test = try TestServer()
        let idle = try test.connect()
        let busy = try test.connect()
        let partial = try test.connect()
        busy.send(get("/later1") + get("/later2"))
        partial.send("GET /now HTT")
        test.turn { test.responder.tickets.count == 2 && test.server.connectionCount == 3 }
        test.settle()
        test.server.stopListening()
        test.server.drain(spreadOver: .zero)
        test.turn {
            idle.receive()
            return idle.hasEnded
        }
        test.answer(0, "first")
        test.answer(1, "second")
        partial.send("P/1.1\r\nHost: a\r\n\r\n")
        for client in [busy, partial] {
            test.turn {
                client.receive()
                return client.hasEnded
            }
        }
        #expect(busy.answers == ["200 first", "200 close second"])
        #expect(partial.answers == ["200 close /now"])
        test.turn { test.server.connectionCount == 0 }
    }

    @Test func oneWhoseLastAnswerWasMadeBeforeIsClosedAfterIt() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(get("/later1") + get("/later2"))
        test.turn { test.responder.tickets.count == 2 }
        test.answer(1, "second")
        test.server.drain(spreadOver: .zero)
        test.answer(0, "first")
        test.turn {
            client.receive()
            return client.hasEnded
        }
        #expect(client.answers == ["200 first", "200 second"])
    }

    @Test func oneThatIsAcceptedMeanwhileIsAnsweredOrClosed() throws {
        let test = try TestServer()
        test.server.drain(spreadOver: .zero)
        let asking = try test.connect()
        let silent = try test.connect()
        asking.send(get("/now"))
        test.turn {
            asking.receive()
            silent.receive()
            return asking.hasEnded && silent.hasEnded
        }
        #expect(asking.answers == ["200 close /now"])
        test.turn { test.server.connectionCount == 0 }
    }

    @Test func oneThatWasJustAcceptedMayAsk() throws {
        let test = try TestServer()
        let asking = try test.connect()
        let kept = try test.connect()
        kept.send(get("/now"))
        test.turn {
            kept.receive()
            return kept.answers.count == 1 && test.server.connectionCount == 2
        }
        test.server.drain(spreadOver: .zero)
        test.turn {
            kept.receive()
            return kept.hasEnded
        }
        asking.send(get("/now"))
        test.turn {
            asking.receive()
            return asking.hasEnded
        }
        #expect(asking.answers == ["200 close /now"])
    }

    @Test func aFleetIsToldToGoAwayBitByBit() throws {
        let test = try TestServer()
        let clients = try (0..<4 * HTTPServerLimits.drainsPerTick).map { _ in try test.connect() }
        for client in clients { client.send(upgradeRequest) }
        test.turn {
            for client in clients { client.receive() }
            return clients.allSatisfy { $0.transcript.contains("101 Switching") }
        }
        test.server.drain(spreadOver: .seconds(3600))
        func told() -> Int {
            for client in clients { client.receive() }
            return clients.count { $0.received.suffix(4) == [0x88, 2, 3, 0xe9] }
        }
        // However slow this is, a turn has one tick at most.
        test.reactor.turn(waitingAtMost: .zero)
        #expect(told() <= 2 * HTTPServerLimits.drainsPerTick, "those of one tick or two, and the others later")
        test.turn { told() == clients.count }
    }

    @Test func webSocketsAreToldToGoAwayAlsoWhenUpgradedMeanwhile() throws {
        let test = try TestServer()
        let before = try test.connect()
        before.send(upgradeRequest)
        test.turn { before.transcript.contains("101 Switching") }
        // More than are told at once, so that this one is upgraded between the beginning of the drain and its turn.
        let during = try test.connect()
        test.turn { test.server.connectionCount == 2 }
        let others = try (0..<HTTPServerLimits.drainsPerTick).map { _ in try test.connect() }
        test.turn { test.server.connectionCount == others.count + 2 || test.server.counters.refused > 0 }
        test.server.drain(spreadOver: .seconds(1))
        during.send(upgradeRequest)
        for client in [before, during] {
            test.turn {
                client.receive()
                return client.received.suffix(4) == [0x88, 2, 3, 0xe9]
            }
            client.send(frame(8, [3, 0xe9]))
            test.turn {
                client.receive()
                return client.hasEnded
            }
        }
    }
}
