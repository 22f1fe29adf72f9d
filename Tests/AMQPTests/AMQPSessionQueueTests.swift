import Bytes
import Testing

@testable import AMQP

/// What a session does about a queue that is not as it asks for, and how it hands deliveries back.
@Suite struct AMQPSessionQueueTests {
    private let consuming = Topology(
        exchange: "scores", queue: .durable(name: "poster", type: .quorum), prefetch: 50, manualAck: true)
    private let listening = Topology(exchange: "scores", exchangeDurable: false, queue: .exclusive)

    private func ready(_ topology: Topology) throws -> Conversation {
        let talk = Conversation(topology, publishes: false)
        try talk.logIn()
        _ = try talk.receives(.channelOpenOK)
        try talk.becomeReady()
        return talk
    }

    private let otherQueue = Reply(code: 406, text: "PRECONDITION_FAILED - inequivalent arg 'x-queue-type'")

    /// To queue.declare.
    private func declaring(_ topology: Topology) throws -> Conversation {
        let talk = Conversation(topology, publishes: false)
        try talk.logIn()
        _ = try talk.receives(.channelOpenOK)
        _ = try talk.receives(.exchangeDeclareOK)
        _ = try talk.sent()
        return talk
    }

    @Test func aQueueWithOtherArgumentsIsUsedAsItIs() throws {
        let talk = try declaring(consuming)
        #expect(talk.queueRefusal == nil)
        #expect(try talk.receives(.channelClose(otherQueue)) == .none)
        #expect(try talk.sent() == [.channelCloseOK, .channelOpen])
        #expect(talk.queueRefusal == otherQueue.text)
        #expect(try talk.receives(.channelOpenOK) == .none)
        _ = try talk.sent()
        #expect(try talk.receives(.exchangeDeclareOK) == .none)
        guard case .queueDeclare("poster", true, _, _, _, _)? = try talk.sent().first else {
            Issue.record("it is not just asked for")
            return
        }
        #expect(try talk.receives(.queueDeclareOK(name: "poster", consumers: 1)) == .none)
        try talk.becomeReady()
        #expect(talk.queueRefusal == otherQueue.text)
    }

    /// Who publishes declares it before the first message, and consumes nothing.
    @Test func theQueueOfOthersIsThereBeforeAnythingIsPublished() throws {
        let talk = try publishing()
        guard case .queueDeclare("poster", false, true, _, _, _)? = try talk.sent().first else {
            Issue.record("it is not declared")
            return
        }
        #expect(try talk.receives(.queueDeclareOK(name: "poster", consumers: 0)) == .none)
        #expect(try talk.sent() == [.queueBind(queue: "poster", exchange: "scores")])
        #expect(try talk.receives(.queueBindOK) == .ready)
        #expect(try talk.sent() == [])
        #expect(!talk.rebind())
    }

    @Test(arguments: [403, 405, 404] as [UInt16], [false, true])
    func aQueueOfOthersThatIsRefusedIsLetBe(code: UInt16, bound: Bool) throws {
        let talk = try publishing()
        if bound { _ = try talk.receives(.queueDeclareOK(name: "poster", consumers: 0)) }
        _ = try talk.sent()
        #expect(try talk.receives(.channelClose(Reply(code: code, text: "no"))) == .none)
        #expect(try talk.sent() == [.channelCloseOK, .channelOpen])
        _ = try talk.receives(.channelOpenOK)
        _ = try talk.receives(.confirmSelectOK)
        #expect(try talk.receives(.exchangeDeclareOK) == .ready)
    }

    /// To queue.declare.
    private func publishing() throws -> Conversation {
        let queue = Topology.Queue.durable(name: "poster", type: .quorum)
        let talk = Conversation(Topology(exchange: "scores", queue: queue, consumes: false), publishes: true)
        try talk.logIn()
        _ = try talk.receives(.channelOpenOK)
        _ = try talk.receives(.confirmSelectOK)
        _ = try talk.sent()
        _ = try talk.receives(.exchangeDeclareOK)
        return talk
    }

    /// Somebody has deleted the exchange, and a publisher has made it anew; or nobody has.
    @Test func whoConsumesBindsAgainNowAndThen() throws {
        let talk = try ready(listening)
        _ = try talk.sent()
        #expect(talk.rebind())
        guard case .queueBind(_, "scores")? = try talk.sent().first else {
            Issue.record("it is not bound")
            return
        }
        #expect(try talk.receives(.queueBindOK) == .none)
        #expect(talk.phase == .ready)
        talk.now = talk.now + .seconds(10)
        #expect(talk.rebind())
        _ = try talk.sent()
        let gone = Reply(code: 404, text: "NOT_FOUND - no exchange 'scores' in vhost '/'")
        let error = AMQPError.channelClosed(code: 404, text: gone.text)
        #expect(try talk.receives(.channelClose(gone)) == .channelClosed(error))
        #expect(!talk.rebind())
        _ = try talk.receives(.channelOpenOK)
        _ = try talk.sent()
        #expect(try talk.receives(.exchangeDeclareOK) == .none)
        try talk.becomeReady()
    }

    @Test func aQueueThatComesAndGoesIsGivenUpAfterAWhile() throws {
        let talk = try declaring(consuming)
        let gone = Reply(code: 404, text: "NOT_FOUND - no queue 'poster' in vhost '/'")
        var passive = [false]
        var error: AMQPError?
        while error == nil, passive.count < 20 {
            do {
                _ = try talk.receives(.channelClose(passive.last == true ? gone : otherQueue))
                _ = try talk.receives(.channelOpenOK)
                _ = try talk.receives(.exchangeDeclareOK)
                for case .queueDeclare(_, let isPassive, _, _, _, _) in try talk.sent() { passive.append(isPassive) }
            } catch let thrown as AMQPError {
                error = thrown
            }
        }
        #expect(passive == [false, true, false, true, false, true, false, true])
        #expect(error == .topology(code: 404, text: gone.text))
        #expect(error?.isLasting == false)
    }

    @Test func aQueueThatIsRefusedForGoodIsALastingError() throws {
        let error = AMQPError.topology(code: 403, text: "ACCESS_REFUSED")
        #expect(throws: error) {
            try declaring(consuming).receives(.channelClose(Reply(code: 403, text: "ACCESS_REFUSED")))
        }
        #expect(error.isLasting)
        // The broker names an exclusive queue itself: there is none to be used as it is.
        #expect(throws: AMQPError.topology(code: 406, text: otherQueue.text)) {
            try declaring(listening).receives(.channelClose(otherQueue))
        }
    }

    @Test func aQueueThatComesBackOtherwiseTakesTheChannelOfItsDeliveriesAlong() throws {
        let talk = try ready(consuming)
        #expect(try talk.receives(.basicCancel(consumerTag: "c", noWait: true)) == .consumerCancelled)
        let error = AMQPError.channelClosed(code: 406, text: otherQueue.text)
        #expect(try talk.receives(.channelClose(otherQueue)) == .channelClosed(error))
        #expect(try talk.sent().last == .channelOpen)
        #expect(!talk.isChannelUsable)
    }

    // MARK: Handing back

    @Test func handsDeliveriesBackByOpeningTheChannelAnew() throws {
        let talk = try ready(consuming)
        #expect(try talk.handBack())
        #expect(try talk.sent() == [.channelClose(Reply(code: 200, text: ""))])
        #expect(!talk.isChannelUsable)
        #expect(try talk.handBack() == false)
        #expect(try talk.receives(.basicDeliver(tag: 3, redelivered: false)) == .discard)
        #expect(try talk.receives(.basicCancel(consumerTag: "c", noWait: false)) == .none)
        #expect(try talk.sent() == [])
        #expect(try talk.receives(.channelCloseOK) == .channelClosed(.handedBack))
        #expect(try talk.sent() == [.channelOpen])
        _ = try talk.receives(.channelOpenOK)
        try talk.becomeReady()
        #expect(talk.isChannelUsable)
    }

    /// Found by fuzzing: the answer to channel.flow would reach the broker when the channel is gone.
    @Test func aChannelOnItsWayOutIsNotSpokenOn() throws {
        let talk = try ready(consuming)
        #expect(try talk.handBack())
        _ = try talk.sent()
        #expect(try talk.receives(.channelFlow(active: false)) == .none)
        #expect(try talk.sent() == [])
        #expect(!talk.isBlocked)
        #expect(talk.close(code: 200, text: "goodbye"))
        _ = try talk.sent()
        #expect(try talk.receives(.channelFlow(active: false)) == .none)
        #expect(try talk.sent() == [])
    }

    @Test func handingBackMeetsAChannelCloseOrAnEnd() throws {
        let talk = try ready(consuming)
        #expect(try talk.handBack())
        #expect(throws: AMQPError.channelClosed(code: 406, text: "timed out")) {
            try talk.receives(.channelClose(Reply(code: 406, text: "timed out")))
        }
        let leaving = try ready(consuming)
        #expect(try leaving.handBack())
        #expect(leaving.close(code: 200, text: "goodbye"))
        #expect(try leaving.receives(.channelCloseOK) == .none)
        #expect(try leaving.receives(.connectionCloseOK) == .closed(.closed))
    }
}
