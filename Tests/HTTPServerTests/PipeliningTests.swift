import Bytes
import HTTP1
import Reactor
import Testing

@testable import HTTPServer

@Suite struct PipeliningTests {
    @Test func answersLeaveInTheOrderOfTheRequestsWhateverOrderTheyAreMadeIn() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(get("/later1") + get("/later2") + get("/now") + get("/later3"))
        test.turn { test.responder.tickets.count == 3 }
        test.answer(2, "third")
        test.answer(1, "second")
        test.settle()
        #expect(client.transcript == "")
        test.answer(0, "first")
        test.turn { client.answers.count == 4 }
        #expect(client.answers == ["200 first", "200 second", "200 /now", "200 third"])
    }

    @Test func theAnswersOfATurnAreOneWrite() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send((0..<20).map { get("/now\($0)") }.joined())
        test.turn { client.receiveOnce() > 0 }
        let once = client.received.count
        #expect(client.answers == (0..<20).map { "200 /now\($0)" })
        #expect(client.received.count == once)
    }

    @Test func nothingIsReadBeyondTheLimitUntilAnswersLeave() throws {
        let test = try TestServer()
        let client = try test.connect()
        let limit = HTTPServerLimits.pipelinedRequests
        client.send((0..<3 * limit).map { get("/later\($0)") }.joined())
        test.turn { test.responder.tickets.count == limit }
        test.settle()
        #expect(test.responder.paths.count == limit)
        var answered = 0
        test.turn {
            while answered < test.responder.tickets.count {
                test.answer(answered, "\(answered)")
                answered += 1
            }
            return answered == 3 * limit
        }
        test.turn { client.answers.count == 3 * limit }
        #expect(client.answers == (0..<3 * limit).map { "200 \($0)" })
    }

    @Test func theLimitResumesAlsoWhenAnswersComeOneByOneFromTheEnd() throws {
        let test = try TestServer()
        let client = try test.connect()
        let limit = HTTPServerLimits.pipelinedRequests
        client.send((0...limit).map { get("/later\($0)") }.joined())
        test.turn { test.responder.tickets.count == limit }
        for index in (0..<limit).reversed() {
            test.answer(index, "\(index)")
            test.reactor.turn(waitingAtMost: .zero)
        }
        test.turn { test.responder.tickets.count == limit + 1 }
        test.answer(limit, "last")
        test.turn { client.answers.count == limit + 1 }
        #expect(client.answers.last == "200 last")
    }

    @Test func largeAnswersToASlowReaderNeitherPileUpNorStick() throws {
        let test = try TestServer()
        let client = try test.connect(receiveBuffer: 300_000)
        let count = 20
        client.send((0..<count).map { get("/large\($0)") }.joined())
        for _ in 0..<20 { test.reactor.turn(waitingAtMost: .milliseconds(1)) }
        // One answer makes the stream congested: what is parsed is what the kernel took, and a little more.
        #expect(test.responder.paths.count < count)
        test.turn {
            client.receiveOnce()
            return client.received.count > count * ScriptedResponder.large
        }
        test.turn { client.answers.count == count }
        client.send(get("/now"))
        test.turn { client.answers.last == "200 /now" }
    }

    @Test func largeAnswersByTicketToASlowReaderDoNotStick() throws {
        let test = try TestServer()
        let client = try test.connect(receiveBuffer: 300_000)
        let count = 200
        var answered = 0
        let text = String(repeating: "y", count: 50_000)
        client.send((0..<count).map { get("/later\($0)") }.joined())
        test.turn {
            client.receiveOnce()
            let waiting = test.responder.tickets.count
            for index in (answered..<waiting).reversed() { test.answer(index, text) }
            answered = waiting
            return client.received.count > count * 50_000
        }
        test.turn { client.answers.count == count }
    }

    @Test func aSecondAnswerToATicketIsDropped() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(get("/later1") + get("/later2"))
        test.turn { test.responder.tickets.count == 2 }
        test.answer(1, "second")
        test.answer(1, "again")
        test.answer(0, "first")
        test.answer(0, "again")
        test.answer(1, "again")
        client.send(get("/now"))
        test.turn { client.answers.count == 3 }
        #expect(client.answers == ["200 first", "200 second", "200 /now"])
    }

    @Test func aLateAnswerFindsNeitherTheClosedConnectionNorTheNextOneInItsSlot() throws {
        let test = try TestServer()
        let first = try test.connect()
        first.send(get("/later1"))
        test.turn { test.responder.tickets.count == 1 }
        #expect(test.server.isWaiting(test.responder.tickets[0]))
        first.reset()
        test.turn { !test.server.isWaiting(test.responder.tickets[0]) }
        let second = try test.connect()
        second.send(get("/later2"))
        test.turn { test.responder.tickets.count == 2 }
        #expect(test.responder.tickets[0].connection.slot == test.responder.tickets[1].connection.slot)
        test.answer(0, "late")
        test.answer(1, "right")
        test.turn { second.answers.count == 1 }
        #expect(second.answers == ["200 right"])
    }
}
