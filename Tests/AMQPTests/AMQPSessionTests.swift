import Bytes
import Testing

@testable import AMQP

private let publishing = Topology(exchange: "scores")
private let consuming = Topology(
    exchange: "scores", queue: .durable(name: "poster", type: .quorum), prefetch: 50, manualAck: true)
private let listening = Topology(exchange: "scores", exchangeDurable: false, queue: .exclusive)

@Suite struct AMQPSessionTests {
    @Test func fromTheProtocolHeaderToReadyAsAPublisher() throws {
        let talk = Conversation(publishing)
        #expect(talk.sentBytes() == Array("AMQP".utf8) + [0, 0, 9, 1])
        #expect(try talk.receives(.start) == .none)
        #expect(
            try talk.sent() == [
                .connectionStartOK(
                    clientProperties: [
                        Field("product", .text("test")), Field("version", .text("1.0")),
                        Field("connection_name", .text("worker 1")),
                        Field(
                            "capabilities",
                            .table([
                                Field("publisher_confirms", .flag(true)), Field("basic.nack", .flag(true)),
                                Field("connection.blocked", .flag(true)),
                                Field("consumer_cancel_notify", .flag(true)),
                                Field("authentication_failure_close", .flag(true)),
                            ])),
                    ], mechanism: "PLAIN", response: "\0ada\0secret")
            ])
        let proposal = Tuning(channelMax: 2047, frameMax: 131_072, heartbeat: 60)
        #expect(try talk.receives(.connectionTune(proposal)) == .tuned)
        #expect(
            try talk.sent() == [
                .connectionTuneOK(Tuning(channelMax: 1, frameMax: 131_072, heartbeat: 30)),
                .connectionOpen(virtualHost: "games"),
            ])
        #expect(try talk.receives(.connectionOpenOK) == .none)
        #expect(try talk.sent() == [.channelOpen])
        #expect(try talk.receives(.channelOpenOK) == .none)
        #expect(try talk.sent() == [.confirmSelect])
        #expect(try talk.receives(.confirmSelectOK) == .none)
        #expect(
            try talk.sent() == [.exchangeDeclare(name: "scores", type: "fanout", passive: false, durable: true)])
        #expect(try talk.receives(.exchangeDeclareOK) == .ready)
        #expect(try talk.sent() == [])
        #expect(talk.phase == .ready)
    }

    @Test func aConsumerWithManualAcks() throws {
        let talk = Conversation(consuming, publishes: false)
        try talk.logIn()
        #expect(try talk.receives(.channelOpenOK) == .none)
        #expect(
            try talk.sent() == [.exchangeDeclare(name: "scores", type: "fanout", passive: false, durable: true)])
        #expect(try talk.receives(.exchangeDeclareOK) == .none)
        #expect(
            try talk.sent() == [
                .queueDeclare(
                    name: "poster", passive: false, durable: true, exclusive: false, autoDelete: false,
                    arguments: [
                        Field("x-queue-type", .text("quorum")), Field("x-single-active-consumer", .flag(true)),
                        Field("x-delivery-limit", .integer(.max)),
                    ])
            ])
        #expect(try talk.receives(.queueDeclareOK(name: "poster", consumers: 2)) == .none)
        #expect(talk.otherConsumers == 2)
        #expect(try talk.sent() == [.queueBind(queue: "poster", exchange: "scores")])
        #expect(try talk.receives(.queueBindOK) == .none)
        #expect(try talk.sent() == [.basicQoS(prefetch: 50)])
        #expect(try talk.receives(.basicQoSOK) == .none)
        #expect(try talk.sent() == [.basicConsume(queue: "poster", noAck: false)])
        #expect(try talk.receives(.basicConsumeOK(consumerTag: "c")) == .ready)
        #expect(
            try talk.receives(.basicDeliver(tag: 1, redelivered: true)) == .deliver(tag: 1, redelivered: true))
        talk.session.ack(1, multiple: true, into: &talk.output)
        talk.session.nack(2, multiple: false, requeue: true, into: &talk.output)
        talk.session.reject(3, requeue: false, into: &talk.output)
        #expect(
            try talk.sent() == [
                .basicAck(tag: 1, multiple: true), .basicNack(tag: 2, multiple: false, requeue: true),
                .basicReject(tag: 3, requeue: false),
            ])
    }

    @Test func anExclusiveQueueIsNamedByTheBrokerAndNeedsNoAcks() throws {
        let talk = Conversation(listening, publishes: false)
        try talk.logIn()
        _ = try talk.receives(.channelOpenOK)
        #expect(
            try talk.sent() == [.exchangeDeclare(name: "scores", type: "fanout", passive: false, durable: false)])
        _ = try talk.receives(.exchangeDeclareOK)
        #expect(
            try talk.sent() == [
                .queueDeclare(
                    name: "", passive: false, durable: false, exclusive: true, autoDelete: true, arguments: [])
            ])
        _ = try talk.receives(.queueDeclareOK(name: "amq.gen-7", consumers: 0))
        #expect(try talk.sent() == [.queueBind(queue: "amq.gen-7", exchange: "scores")])
        _ = try talk.receives(.queueBindOK)
        #expect(try talk.sent() == [.basicConsume(queue: "amq.gen-7", noAck: true)])
        #expect(try talk.receives(.basicConsumeOK(consumerTag: "c")) == .ready)
    }

    // MARK: Tuning

    @Test(arguments: [
        // The broker's proposal, our wish in seconds, and what comes of it.
        (Tuning(channelMax: 0, frameMax: 0, heartbeat: 0), 30, Tuning(channelMax: 1, frameMax: 131_072, heartbeat: 30)),
        (
            Tuning(channelMax: 9, frameMax: 4096, heartbeat: 10), 30,
            Tuning(channelMax: 1, frameMax: 4096, heartbeat: 10)
        ),
        (
            Tuning(channelMax: 9, frameMax: .max, heartbeat: 60), 0,
            Tuning(channelMax: 1, frameMax: 131_072, heartbeat: 60)
        ),
        (Tuning(channelMax: 9, frameMax: 8192, heartbeat: 0), 0, Tuning(channelMax: 1, frameMax: 8192, heartbeat: 0)),
    ])
    func tunesToTheSmallerWish(_ proposal: Tuning, _ wish: Int, _ expected: Tuning) throws {
        let talk = Conversation(publishing, heartbeat: .seconds(wish))
        _ = try talk.receives(.start)
        _ = talk.sentBytes()
        _ = try talk.receives(.connectionTune(proposal))
        #expect(try talk.sent().first == .connectionTuneOK(expected))
        #expect(talk.frameMax == Int(expected.frameMax))
        #expect(talk.heartbeat == .seconds(Int(expected.heartbeat)))
    }

    @Test func aFrameMaxUnderTheSmallestIsRefused() throws {
        let talk = Conversation(publishing)
        _ = try talk.receives(.start)
        #expect(throws: AMQPError.malformed("frame-max 4095")) {
            try talk.receives(.connectionTune(Tuning(channelMax: 1, frameMax: 4095, heartbeat: 0)))
        }
    }

    // MARK: Refusals

    @Test func aBrokerThatCannotWhatWeNeed() throws {
        #expect(throws: AMQPError.unsupported("log in by EXTERNAL; only PLAIN is known")) {
            try Conversation(publishing).receives(
                .connectionStart(version: ProtocolVersion(), serverProperties: [], mechanisms: "EXTERNAL"))
        }
        #expect(throws: AMQPError.unsupported("a broker without publisher confirms")) {
            try Conversation(publishing).receives(
                .connectionStart(version: ProtocolVersion(), serverProperties: [], mechanisms: "PLAIN"))
        }
        #expect(throws: AMQPError.malformed("it speaks version 8-0")) {
            try Conversation(publishing).receives(
                .connectionStart(
                    version: ProtocolVersion(major: 8, minor: 0), serverProperties: [], mechanisms: "PLAIN"))
        }
        // Who only consumes needs no confirms.
        let event = try Conversation(listening, publishes: false).receives(
            .connectionStart(version: ProtocolVersion(), serverProperties: [], mechanisms: "PLAIN"))
        #expect(event == .none)
    }

    @Test func aWrongPasswordIsToldByCloseOrByHangingUp() throws {
        let talk = Conversation(publishing)
        _ = try talk.receives(.start)
        _ = talk.sentBytes()
        let refusal = Method.connectionClose(Reply(code: 403, text: "ACCESS_REFUSED - no"))
        #expect(try talk.receives(refusal) == .closed(.accessRefused("ACCESS_REFUSED - no")))
        #expect(try talk.sent() == [.connectionCloseOK])

        let silent = Conversation(publishing)
        _ = try silent.receives(.start)
        #expect(
            silent.lost("closed by the broker")
                == .accessRefused("it closed the connection after the credentials (closed by the broker)"))
        #expect(Conversation(publishing).lost("reset") == .lost("reset"))
    }

    @Test func aVirtualHostThatIsNotThere() throws {
        let talk = Conversation(publishing)
        _ = try talk.receives(.start)
        _ = try talk.receives(.connectionTune(Tuning(channelMax: 0, frameMax: 0, heartbeat: 0)))
        let refusal = Method.connectionClose(Reply(code: 530, text: "NOT_ALLOWED - vhost games not found"))
        #expect(try talk.receives(refusal) == .closed(.virtualHost("NOT_ALLOWED - vhost games not found")))
    }

    @Test func connectionCloseIsAnsweredInUse() throws {
        let talk = Conversation(publishing)
        try talk.logIn()
        _ = try talk.receives(.channelOpenOK)
        try talk.becomeReady()
        let event = try talk.receives(.connectionClose(Reply(code: 320, text: "CONNECTION_FORCED - bye")))
        #expect(event == .closed(.connectionClosed(code: 320, text: "CONNECTION_FORCED - bye")))
        #expect(try talk.sent() == [.connectionCloseOK])
        #expect(talk.phase == .closed)
    }

    @Test(arguments: [
        Method.channelOpenOK, .exchangeDeclareOK,
        .connectionStart(version: .init(), serverProperties: [], mechanisms: ""),
        .basicConsumeOK(consumerTag: "c"), .basicCancel(consumerTag: "c", noWait: true), .other(7),
        .channelClose(Reply(code: 504, text: "")), .connectionCloseOK,
    ])
    func anAnswerNobodyAskedForIsAnError(_ method: Method) throws {
        let talk = Conversation(publishing)
        _ = try talk.receives(.start)
        do {
            _ = try talk.receives(method)
            Issue.record("\(method) was taken")
        } catch let error as AMQPError {
            guard case .malformed(let text) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(text.hasSuffix("in phase tune"))
        }
    }

    // MARK: The exchange

    private let otherwise = Reply(
        code: 406,
        text:
            "PRECONDITION_FAILED - inequivalent arg 'durable' for exchange 'scores' in vhost '/': received 'true' but "
            + "current is 'false'")

    @Test func anExchangeWithOtherPropertiesIsUsedAsItIs() throws {
        let talk = Conversation(publishing)
        try talk.logIn()
        _ = try talk.receives(.channelOpenOK)
        _ = try talk.receives(.confirmSelectOK)
        _ = try talk.sent()
        #expect(try talk.receives(.channelClose(otherwise)) == .none)
        #expect(try talk.sent() == [.channelCloseOK, .channelOpen])
        #expect(try talk.receives(.channelOpenOK) == .none)
        #expect(try talk.sent() == [.confirmSelect])
        #expect(try talk.receives(.confirmSelectOK) == .none)
        #expect(
            try talk.sent() == [.exchangeDeclare(name: "scores", type: "fanout", passive: true, durable: true)])
        #expect(try talk.receives(.exchangeDeclareOK) == .ready)
    }

    @Test func anExchangeThatComesAndGoesIsGivenUpAfterAWhile() throws {
        let talk = Conversation(publishing)
        try talk.logIn()
        let gone = Reply(code: 404, text: "NOT_FOUND - no exchange 'scores' in vhost '/'")
        var passive: [Bool] = []
        var error: AMQPError?
        while error == nil, passive.count < 10 {
            _ = try talk.receives(.channelOpenOK)
            _ = try talk.receives(.confirmSelectOK)
            for case .exchangeDeclare(_, _, let isPassive, _) in try talk.sent() { passive.append(isPassive) }
            do {
                _ = try talk.receives(.channelClose(passive.last == true ? gone : otherwise))
            } catch let thrown as AMQPError {
                error = thrown
            }
        }
        #expect(passive == [false, true, false, true, false, true, false, true])
        #expect(error == .topology(code: 404, text: gone.text))
        #expect(error?.isLasting == false)
    }

    @Test func anExchangeOfAnotherTypeIsNotUsed() throws {
        let talk = Conversation(publishing)
        try talk.logIn()
        _ = try talk.receives(.channelOpenOK)
        _ = try talk.receives(.confirmSelectOK)
        let text = "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'scores' in vhost '/': received 'fanout'"
        #expect(throws: AMQPError.exchangeType(text)) {
            try talk.receives(.channelClose(Reply(code: 406, text: text)))
        }
        #expect(AMQPError.exchangeType(text).isLasting)
    }

    // MARK: In use

    private func ready(_ topology: Topology, publishes: Bool = true) throws -> Conversation {
        let talk = Conversation(topology, publishes: publishes)
        try talk.logIn()
        _ = try talk.receives(.channelOpenOK)
        try talk.becomeReady()
        return talk
    }

    @Test func confirmsArePassedOn() throws {
        let talk = try ready(publishing)
        #expect(try talk.receives(.basicAck(tag: 7, multiple: true)) == .confirmed(tag: 7, multiple: true))
        #expect(
            try talk.receives(.basicNack(tag: 8, multiple: false, requeue: false)) == .refused(tag: 8, multiple: false))
        #expect(try talk.receives(.basicReturn(Reply(code: 312, text: "NO_ROUTE"))) == .discard)
    }

    @Test func aCancelledConsumerDeclaresItsQueueAgainOnTheSameChannel() throws {
        let talk = try ready(consuming)
        #expect(try talk.receives(.basicCancel(consumerTag: "c", noWait: false)) == .consumerCancelled)
        let sent = try talk.sent()
        #expect(sent.first == .basicCancelOK(consumerTag: "c"))
        #expect(sent.count == 2)
        #expect(talk.isChannelUsable)
        // Confirms of what was published before still come.
        #expect(try talk.receives(.basicAck(tag: 1, multiple: false)) == .confirmed(tag: 1, multiple: false))
        #expect(try talk.receives(.queueDeclareOK(name: "poster", consumers: 0)) == .none)
        try talk.becomeReady()

        #expect(try talk.receives(.basicCancel(consumerTag: "c", noWait: true)) == .consumerCancelled)
        #expect(try talk.sent().count == 1)
    }

    @Test func aChannelClosedInUseIsOpenedAgain() throws {
        let talk = try ready(consuming)
        talk.now = talk.now + .seconds(2)
        let reply = Reply(code: 406, text: "PRECONDITION_FAILED - unknown delivery tag 9")
        #expect(
            try talk.receives(.channelClose(reply)) == .channelClosed(.channelClosed(code: 406, text: reply.text)))
        #expect(try talk.sent() == [.channelCloseOK, .channelOpen])
        #expect(!talk.isChannelUsable)
        _ = try talk.receives(.channelOpenOK)
        try talk.becomeReady()
        // Again at once: then the connection goes, and its back-off keeps this from spinning.
        #expect(throws: AMQPError.channelClosed(code: 406, text: reply.text)) {
            try talk.receives(.channelClose(reply))
        }
        #expect(try talk.sent() == [.channelCloseOK])
    }

    @Test func blockedAndUnblocked() throws {
        let talk = try ready(publishing)
        #expect(try talk.receives(.connectionBlocked(reason: "low on memory")) == .flow)
        #expect(talk.isBlocked)
        #expect(try talk.receives(.connectionBlocked(reason: "low on disk")) == .none)
        #expect(try talk.receives(.channelFlow(active: false)) == .none)
        #expect(try talk.sent() == [.channelFlowOK(active: false)])
        #expect(try talk.receives(.connectionUnblocked) == .none)
        #expect(talk.isBlocked)
        #expect(try talk.receives(.channelFlow(active: true)) == .flow)
        #expect(!talk.isBlocked)
    }

    @Test(arguments: [UInt64(0), 1 << 48, .max]) func deliveryTagsThatNoBrokerCounts(_ tag: UInt64) throws {
        let talk = try ready(consuming)
        #expect(throws: AMQPError.malformed("delivery tag \(tag)")) {
            try talk.receives(.basicDeliver(tag: tag, redelivered: false))
        }
    }

    // MARK: Closing

    @Test func closingDropsWhatComesAndWaitsForTheAnswer() throws {
        let talk = try ready(consuming)
        #expect(talk.close(code: 200, text: "goodbye"))
        #expect(try talk.sent() == [.connectionClose(Reply(code: 200, text: "goodbye"))])
        #expect(!talk.close(code: 200, text: "goodbye"))
        #expect(try talk.receives(.basicDeliver(tag: 1, redelivered: false)) == .discard)
        #expect(try talk.receives(.basicAck(tag: 1, multiple: false)) == .confirmed(tag: 1, multiple: false))
        #expect(try talk.receives(.basicCancel(consumerTag: "c", noWait: true)) == .none)
        #expect(try talk.receives(.connectionCloseOK) == .closed(.closed))
        #expect(try talk.sent() == [])
    }

    @Test func closingAgainstClosing() throws {
        let talk = try ready(publishing)
        #expect(talk.close(code: 200, text: "goodbye"))
        _ = try talk.sent()
        let event = try talk.receives(.connectionClose(Reply(code: 320, text: "x")))
        #expect(event == .closed(.connectionClosed(code: 320, text: "x")))
        #expect(try talk.sent() == [.connectionCloseOK])
    }

    @Test func beforeTheLogInThereIsNobodyToAsk() {
        let talk = Conversation(publishing)
        #expect(!talk.close(code: 200, text: ""))
    }

    @Test func aLongReasonIsCutToWhatAReplyTextHolds() throws {
        let talk = try ready(publishing)
        let text = String(repeating: "\u{1F600}\u{301}", count: 1000)
        #expect(talk.close(code: 501, text: text))
        guard case .connectionClose(let reply)? = try talk.sent().first else {
            Issue.record("nothing was sent")
            return
        }
        #expect(reply.text.unicodeScalars.count == Limits.replyText)
    }

    // MARK: Heartbeats (section 4.2.7)

    @Test func heartbeatsWhenNothingElseIsSentAndAnEndToSilence() throws {
        let talk = Conversation(publishing)
        let start = talk.now
        try talk.logIn(tuning: Tuning(channelMax: 0, frameMax: 0, heartbeat: 10))
        #expect(talk.heartbeat == .seconds(10))
        func tick(at seconds: Double) throws -> Duration {
            talk.now = start + .seconds(seconds)
            return try talk.tick() - start
        }
        let heartbeat = hex("08 0000 00000000 CE")
        #expect(try tick(at: 1) == .seconds(5))
        #expect(talk.sentBytes() == [])
        #expect(try tick(at: 5) == .seconds(10))
        #expect(talk.sentBytes() == heartbeat)
        // Something else was sent at 8: the next is due at 13.
        talk.session.noteSent(now: start + .seconds(8))
        #expect(try tick(at: 10) == .seconds(13))
        #expect(talk.sentBytes() == [])
        #expect(try tick(at: 13) == .seconds(18))
        #expect(talk.sentBytes() == heartbeat)
        #expect(try tick(at: 18) == .seconds(20))
        _ = talk.sentBytes()
        // Nothing came for two intervals, less a moment; then something did.
        #expect(try tick(at: 19.5) == .seconds(20))
        try talk.session.noteReceived(now: start + .seconds(19.5))
        #expect(try tick(at: 23) == .seconds(28))
        #expect(try tick(at: 39) == .seconds(39.5))
        #expect(throws: AMQPError.silent) { try tick(at: 40) }
        // We stood still, and what comes now is no sign of life any more.
        #expect(throws: AMQPError.silent) { try talk.session.noteReceived(now: start + .seconds(39.5)) }
    }

    @Test func noHeartbeatsWhenNobodyWantsThem() throws {
        let talk = Conversation(publishing, heartbeat: .zero)
        try talk.logIn(tuning: Tuning(channelMax: 0, frameMax: 0, heartbeat: 0))
        talk.now = talk.now + .seconds(100_000)
        #expect(try talk.tick() == .distantFuture)
        #expect(talk.sentBytes() == [])
    }
}
