import Bytes

/// The conversation with a broker on one connection and its one channel. Pure: methods and time in, frames into
/// `output` and events out.
///
/// Theory of operation. Every phase has sent one request and waits for its answer, which enters the next phase:
///
///     start ─▶ tune ─▶ open ─▶ channel ─▶ confirm ─▶ exchange ─▶ queue ─▶ bind ─▶ qos ─▶ consume ─▶ ready
///                                ▲          (if publishing)        ▲   (if there is a queue, and it   │ │
///                                │                                 │    consumes)                     │ │
///                                │                                 └─────── basic.cancel ─────────────┘ │
///                                └────── channel.close, the broker's or ours (handingBack) ─────────────┘
///
/// One request at a time, although the protocol lets them be sent at once: a refused declaration closes the channel,
/// and then it must be plain which one it was. A refused exchange or queue (it exists with other properties) opens the
/// channel again and only asks whether it exists. connection.close is answered in every phase and ends the session.
package struct AMQPSession: ~Copyable {
    enum Phase: Equatable {
        /// Not begun.
        case idle
        case start, tune, open
        case channel, confirm, exchange, queue, bind, qos, consume
        case ready
        /// We asked to close the channel, to open it again.
        case handingBack
        /// We asked to close.
        case closing
        /// Nothing may be sent any more.
        case closed
    }

    private(set) var phase = Phase.idle
    /// The broker asks not to publish (connection.blocked, or channel.flow).
    var isBlocked: Bool { isConnectionBlocked || isFlowStopped }
    /// The largest frame that was agreed on, in bytes.
    private(set) var frameMax = Limits.frame
    /// The heartbeat interval that was agreed on; zero: none.
    private(set) var heartbeat: Duration = .zero

    private let configuration: AMQPConfiguration
    private let topology: Topology
    private let publishes: Bool
    private var encoder = FrameEncoder()
    private var decoder = MethodDecoder()
    private var endpoint: BrokerEndpoint
    private var isConnectionBlocked = false
    private var isFlowStopped = false
    private var isExchangePassive = false
    /// Why the queue, which exists with other arguments, is used as it is: the broker's words; nil: it is as we ask for.
    private(set) var queueRefusal: String?
    /// Who consumed from the queue when it was declared.
    private(set) var otherConsumers: UInt32 = 0
    /// The queue is none of ours, and may not be declared or bound by us.
    private var isQueueLetBe = false
    private var declarations = 0
    private var queueName = ""
    /// Whether deliveries were made on the present channel.
    private var isChannelInUse = false
    private var readyAt = Instant.distantPast
    private var lastReceived = Instant.distantPast
    private var lastSent = Instant.distantPast

    package init(_ configuration: AMQPConfiguration, topology: Topology, publishes: Bool) {
        self.configuration = configuration
        self.topology = topology
        self.publishes = publishes
        endpoint = configuration.endpoints[0]
    }

    // MARK: Beginning and end

    /// A TCP connection stands: begins anew with the protocol header.
    mutating func begin(_ endpoint: BrokerEndpoint, now: Instant, into output: inout ByteBuffer) {
        self.endpoint = endpoint
        phase = .start
        frameMax = Limits.frame
        heartbeat = .zero
        isConnectionBlocked = false
        isFlowStopped = false
        forgetDeclarations()
        isChannelInUse = false
        lastReceived = now
        lastSent = now
        output.append(FrameEncoder.protocolHeader)
    }

    private mutating func forgetDeclarations() {
        isExchangePassive = false
        queueRefusal = nil
        isQueueLetBe = false
        declarations = 0
    }

    /// Binds the queue again, which changes nothing as a rule. Of the deletion of an exchange, and with it of the binding,
    /// the broker tells nobody: who publishes declares the exchange anew, and who consumes would hear nothing for ever.
    /// - Returns: false when there is nothing to bind now.
    mutating func rebind(into output: inout ByteBuffer) -> Bool {
        guard phase == .ready, topology.queue != .none, topology.consumes else { return false }
        sendAgain(.queueBind(queue: queueName, exchange: topology.exchange), into: &output)
        return true
    }

    /// Hands all deliveries back that are not answered, by opening the channel anew: `.channelClosed(.handedBack)`
    /// follows, and then `.ready`. In between the broker gives them to another consumer where there is one.
    /// - Returns: false when not ready; nothing was done then.
    mutating func handBack(into output: inout ByteBuffer) throws(AMQPError) -> Bool {
        guard phase == .ready else { return false }
        try send(.channelClose(Reply(code: ReplyCode.success, text: "")), into: &output)
        phase = .handingBack
        return true
    }

    /// Asks the broker to close: what was sent before is still taken; `.closed` follows.
    /// - Returns: false when the connection is not open yet (then it is just dropped), or not any more.
    mutating func close(code: UInt16, text: String, into output: inout ByteBuffer) -> Bool {
        guard isChannelOpening || phase == .ready || phase == .handingBack else { return false }
        let reply = Reply(
            code: code, text: String(String.UnicodeScalarView(text.unicodeScalars.prefix(Limits.replyText))))
        do throws(AMQPError) {
            try encoder.append(.connectionClose(reply), channel: 0, into: &output)
        } catch {
            return false
        }
        phase = .closing
        return true
    }

    /// The TCP connection is given up, by us.
    mutating func end() { phase = .closed }

    /// The TCP connection broke.
    /// - Returns: what that means in this phase.
    mutating func lost(_ reason: String) -> AMQPError {
        defer { phase = .closed }
        switch phase {
        // Brokers that do not know authentication_failure_close just hang up on a wrong password.
        case .tune: return .accessRefused("it closed the connection after the credentials (\(reason))")
        case .closing: return .closed
        default: return .lost(reason)
        }
    }

    private var isChannelOpening: Bool {
        switch phase {
        case .channel, .confirm, .exchange, .queue, .bind, .qos, .consume: true
        default: false
        }
    }

    /// Whether deliveries of the present channel may be answered.
    var isChannelUsable: Bool {
        phase == .ready || phase == .queue || phase == .bind || phase == .qos || phase == .consume
    }

    // MARK: Time

    /// Bytes came: any of them proves that the peer lives (section 4.2.7).
    /// - Throws: when they come too late, because this process stood still: the broker has given us up by now, and what
    ///   it delivered meanwhile is somebody else's.
    mutating func noteReceived(now: Instant) throws(AMQPError) {
        guard now < silentAt else { throw .silent }
        lastReceived = now
    }

    private var silentAt: Instant { heartbeat > .zero ? lastReceived + heartbeat * 2 : .distantFuture }

    /// Something was handed to the kernel: the peer needs no heartbeat for a while.
    mutating func noteSent(now: Instant) { lastSent = now }

    /// Sends a heartbeat when nothing was sent for half an interval, and gives up after two intervals of silence.
    /// - Returns: when to ask next.
    mutating func tick(now: Instant, into output: inout ByteBuffer) throws(AMQPError) -> Instant {
        guard heartbeat > .zero, phase != .closed else { return .distantFuture }
        guard now < silentAt else { throw .silent }
        if now >= lastSent + heartbeat / 2 {
            FrameEncoder.heartbeat(into: &output)
            lastSent = now
        }
        return min(silentAt, lastSent + heartbeat / 2)
    }

    // MARK: Methods

    /// The payload of a method frame.
    /// - Throws: when the broker does not keep to the protocol, or refuses for good; the session is to be closed.
    package mutating func receive(
        _ payload: Span<UInt8>, channel: UInt16, now: Instant, into output: inout ByteBuffer
    ) throws(AMQPError) -> Event {
        let method = try decoder.decode(payload, channel: channel)
        return try receive(method, now: now, into: &output)
    }

    mutating func receive(
        _ method: Method, now: Instant, into output: inout ByteBuffer
    ) throws(AMQPError) -> Event {
        switch method {
        case .basicDeliver(let tag, let redelivered):
            // Above the 48 bits that leave room for the epoch no broker has ever counted.
            guard tag > 0, tag < 1 << 48 else { throw .malformed("delivery tag \(tag)") }
            let isWanted = phase != .closing && phase != .handingBack
            return isWanted ? .deliver(tag: tag, redelivered: redelivered) : .discard
        case .basicAck(let tag, let multiple): return .confirmed(tag: tag, multiple: multiple)
        case .basicNack(let tag, let multiple, _): return .refused(tag: tag, multiple: multiple)
        case .basicReturn: return .discard
        case .connectionClose(let reply):
            try encoder.append(.connectionCloseOK, channel: 0, into: &output)
            let error = meaning(of: reply)
            phase = .closed
            return .closed(error)
        case .connectionBlocked: return flow { $0.isConnectionBlocked = true }
        case .connectionUnblocked: return flow { $0.isConnectionBlocked = false }
        case .channelFlow(let active):
            // Who has closed says no more (sections 1.4.2.9 and 1.5.2.5): on a channel that is gone it would be an error.
            guard phase != .closing, phase != .handingBack else { return .none }
            try send(.channelFlowOK(active: active), into: &output)
            return flow { $0.isFlowStopped = !active }
        default: break
        }
        if phase == .closing {
            // Whatever else was on its way when we asked is of no interest.
            guard method == .connectionCloseOK else { return .none }
            phase = .closed
            return .closed(.closed)
        }
        if phase == .handingBack {
            if case .channelClose(let reply) = method {
                throw .channelClosed(code: reply.code, text: reply.text)  // both at once: begin anew
            }
            guard method == .channelCloseOK else { return .none }
            isFlowStopped = false
            forgetDeclarations()
            try enter(.channel, now: now, into: &output)
            return .channelClosed(.handedBack)
        }
        switch method {
        case .channelClose(let reply): return try channelClosed(reply, now: now, into: &output)
        case .basicCancel(let tag, let noWait):
            guard isChannelUsable else { throw unexpected(method) }
            if !noWait { try send(.basicCancelOK(consumerTag: tag), into: &output) }
            // While the queue is being declared anyway there is nothing to begin again.
            guard phase == .ready else { return .none }
            // Most likely it is deleted: then it is made as it should be, and the channel stands, with the deliveries that
            // are not answered yet.
            queueRefusal = nil
            try enter(.queue, now: now, into: &output)
            return .consumerCancelled
        default: return try answered(method, now: now, into: &output)
        }
    }

    /// The answer to the request of this phase.
    private mutating func answered(
        _ method: Method, now: Instant, into output: inout ByteBuffer
    ) throws(AMQPError) -> Event {
        switch (phase, method) {
        case (.start, .connectionStart(let version, let properties, let mechanisms)):
            guard version == ProtocolVersion() else {
                throw .malformed("it speaks version \(version.major)-\(version.minor)")
            }
            guard mechanisms.split(separator: " ").contains("PLAIN") else {
                throw .unsupported("log in by \(mechanisms); only PLAIN is known")
            }
            try require(properties)
            try logIn(into: &output)
            phase = .tune
        case (.tune, .connectionTune(let proposal)):
            try tune(proposal, into: &output)
            try encoder.append(.connectionOpen(virtualHost: endpoint.virtualHost), channel: 0, into: &output)
            phase = .open
            return .tuned
        case (.open, .connectionOpenOK): try enter(.channel, now: now, into: &output)
        case (.channel, .channelOpenOK): try enter(.confirm, now: now, into: &output)
        case (.confirm, .confirmSelectOK): try enter(.exchange, now: now, into: &output)
        case (.exchange, .exchangeDeclareOK): try enter(.queue, now: now, into: &output)
        case (.queue, .queueDeclareOK(let name, let consumers)):
            queueName = name
            otherConsumers = consumers
            try enter(.bind, now: now, into: &output)
        case (.bind, .queueBindOK): try enter(topology.consumes ? .qos : .ready, now: now, into: &output)
        case (.ready, .queueBindOK): return .none
        case (.qos, .basicQoSOK): try enter(.consume, now: now, into: &output)
        case (.consume, .basicConsumeOK): try enter(.ready, now: now, into: &output)
        default: throw unexpected(method)
        }
        return phase == .ready ? .ready : .none
    }

    /// Sends what the phase begins with, or goes on to the next when it has nothing to do here.
    private mutating func enter(
        _ next: Phase, now: Instant, into output: inout ByteBuffer
    ) throws(AMQPError) {
        phase = next
        switch next {
        case .channel:
            isChannelInUse = false
            try send(.channelOpen, into: &output)
        case .confirm:
            guard publishes else { return try enter(.exchange, now: now, into: &output) }
            try send(.confirmSelect, into: &output)
        case .exchange:
            declarations += 1
            try send(topology.exchangeDeclare(passive: isExchangePassive), into: &output)
        case .queue:
            guard !isQueueLetBe, let declare = topology.queueDeclare(passive: queueRefusal != nil) else {
                return try enter(.ready, now: now, into: &output)
            }
            try send(declare, into: &output)
        case .bind: try send(.queueBind(queue: queueName, exchange: topology.exchange), into: &output)
        case .qos:
            guard topology.manualAck, topology.prefetch > 0 else {
                return try enter(.consume, now: now, into: &output)
            }
            try send(.basicQoS(prefetch: topology.prefetch), into: &output)
        case .consume: try send(.basicConsume(queue: queueName, noAck: !topology.manualAck), into: &output)
        case .ready:
            readyAt = now
            isChannelInUse = true
        case .idle, .start, .tune, .open, .handingBack, .closing, .closed:
            preconditionFailure("entered by an event, not by a step")
        }
    }

    private mutating func send(_ method: Method, into output: inout ByteBuffer) throws(AMQPError) {
        try encoder.append(method, channel: FrameDecoder.channel, into: &output)
    }

    private mutating func flow(_ change: (inout AMQPSession) -> Void) -> Event {
        let before = isBlocked
        change(&self)
        return isBlocked == before ? .none : .flow
    }

    private func unexpected(_ method: Method) -> AMQPError {
        .malformed("\(method) in phase \(phase)")
    }

    // MARK: Answers of the consumer

    mutating func ack(_ tag: UInt64, multiple: Bool, into output: inout ByteBuffer) {
        sendAgain(.basicAck(tag: tag, multiple: multiple), into: &output)
    }

    mutating func nack(_ tag: UInt64, multiple: Bool, requeue: Bool, into output: inout ByteBuffer) {
        sendAgain(.basicNack(tag: tag, multiple: multiple, requeue: requeue), into: &output)
    }

    mutating func reject(_ tag: UInt64, requeue: Bool, into output: inout ByteBuffer) {
        sendAgain(.basicReject(tag: tag, requeue: requeue), into: &output)
    }

    /// What has nothing in it that was not sent before, or numbers.
    private mutating func sendAgain(_ method: Method, into output: inout ByteBuffer) {
        do throws(AMQPError) {
            try send(method, into: &output)
        } catch {
            preconditionFailure("it has fitted before, and numbers always fit")
        }
    }
}

// MARK: - Logging in

extension AMQPSession {
    /// Without confirms nothing that this client promises can be kept.
    private func require(_ properties: [Field]) throws(AMQPError) {
        guard publishes else { return }
        for property in properties where property.name == "capabilities" {
            guard case .table(let capabilities) = property.value else { continue }
            if capabilities.contains(Field("publisher_confirms", .flag(true))) { return }
        }
        throw .unsupported("a broker without publisher confirms")
    }

    private mutating func logIn(into output: inout ByteBuffer) throws(AMQPError) {
        let properties = [
            Field("product", .text(configuration.product)),
            Field("version", .text(configuration.version)),
            Field("connection_name", .text(configuration.connectionName)),
            Field(
                "capabilities",
                .table([
                    Field("publisher_confirms", .flag(true)),
                    Field("basic.nack", .flag(true)),
                    Field("connection.blocked", .flag(true)),
                    Field("consumer_cancel_notify", .flag(true)),
                    Field("authentication_failure_close", .flag(true)),
                ])),
        ]
        // PLAIN (RFC 4616): no authorization identity, then user and password behind a NUL each.
        let response = "\0\(endpoint.user)\0\(endpoint.password)"
        let startOK = Method.connectionStartOK(
            clientProperties: properties, mechanism: "PLAIN", response: response)
        try encoder.append(startOK, channel: 0, into: &output)
    }

    /// The smaller of both sides' wishes, where 0 is no wish (section 1.4.2.6).
    private mutating func tune(_ proposal: Tuning, into output: inout ByteBuffer) throws(AMQPError) {
        guard proposal.frameMax == 0 || proposal.frameMax >= UInt32(Limits.smallestFrame) else {
            throw .malformed("frame-max \(proposal.frameMax)")
        }
        frameMax = proposal.frameMax == 0 ? Limits.frame : min(Limits.frame, Int(clamping: proposal.frameMax))
        let wish = UInt16(clamping: configuration.heartbeat.components.seconds)
        let seconds =
            proposal.heartbeat == 0 || wish == 0 ? max(wish, proposal.heartbeat) : min(wish, proposal.heartbeat)
        heartbeat = .seconds(Int(seconds))
        let tuning = Tuning(channelMax: FrameDecoder.channel, frameMax: UInt32(frameMax), heartbeat: seconds)
        try encoder.append(.connectionTuneOK(tuning), channel: 0, into: &output)
    }
}

// MARK: - What the broker closes

extension AMQPSession {
    private func meaning(of reply: Reply) -> AMQPError {
        switch phase {
        case .tune where reply.code == ReplyCode.accessRefused: .accessRefused(reply.text)
        // 530 not-allowed, 402 invalid-path: connection.open has nothing but the virtual host to object to.
        case .open where reply.code == ReplyCode.notAllowed || reply.code == ReplyCode.invalidPath:
            .virtualHost(reply.text)
        default: .connectionClosed(code: reply.code, text: reply.text)
        }
    }

    private mutating func channelClosed(
        _ reply: Reply, now: Instant, into output: inout ByteBuffer
    ) throws(AMQPError) -> Event {
        guard isChannelOpening || phase == .ready else { throw unexpected(.channelClose(reply)) }
        try send(.channelCloseOK, into: &output)
        isFlowStopped = false
        let error = AMQPError.channelClosed(code: reply.code, text: reply.text)
        if phase == .exchange || phase == .queue || phase == .bind, try declareOtherwise(reply) {
            // The queue of a cancelled consumer is declared on the channel of its deliveries: their tags are gone now.
            let wasInUse = isChannelInUse
            try enter(.channel, now: now, into: &output)
            return wasInUse ? .channelClosed(error) : .none
        }
        guard phase == .ready else { throw .topology(code: reply.code, text: reply.text) }
        guard readyAt + Limits.channelStood <= now else { throw error }
        forgetDeclarations()
        try enter(.channel, now: now, into: &output)
        return .channelClosed(error)
    }

    /// Whether another way to declare it is left: as it is when it exists with other properties, or anew when it was
    /// deleted in between.
    private mutating func declareOtherwise(_ reply: Reply) throws(AMQPError) -> Bool {
        guard declarations < Limits.declarations else { return false }
        if phase == .exchange { return try declareExchangeOtherwise(reply) }
        if phase == .queue, declareQueueOtherwise(reply) { return true }
        // Those who consume from it will say what is wrong; nobody is served by scores that are not published.
        isQueueLetBe = !topology.consumes
        return isQueueLetBe
    }

    private mutating func declareQueueOtherwise(_ reply: Reply) -> Bool {
        guard case .durable = topology.queue else { return false }
        if queueRefusal == nil, reply.code == ReplyCode.preconditionFailed {
            queueRefusal = reply.text
            return true
        }
        if queueRefusal != nil, reply.code == ReplyCode.notFound {
            queueRefusal = nil
            return true
        }
        return false
    }

    /// Another type of exchange is not usable: it would route by other rules, silently.
    private mutating func declareExchangeOtherwise(_ reply: Reply) throws(AMQPError) -> Bool {
        if !isExchangePassive, reply.code == ReplyCode.preconditionFailed {
            // Only the text tells which property differs; the type is the first that RabbitMQ compares.
            if reply.text.contains("arg 'type'") { throw .exchangeType(reply.text) }
            isExchangePassive = true
            return true
        }
        if isExchangePassive, reply.code == ReplyCode.notFound {
            isExchangePassive = false
            return true
        }
        return false
    }
}
