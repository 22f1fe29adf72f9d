import Bytes
import Reactor
import TLS

/// A connection to a broker that stands for as long as it is wanted: connects, logs in, declares its topology, publishes
/// with confirms, consumes, and does it all again by itself after each loss.
///
///     idle ─▶ resolving ─▶ connecting ─▶ open (AMQPSession) ─▶ waiting ─▶ resolving …
///                                                          └─▶ closed
///
/// Confined to the thread of its reactor. Everything written in a turn leaves in one send.
public final class AMQPConnection: Source {
    private enum State {
        case idle
        /// For the next try.
        case waiting
        case resolving
        case connecting
        /// The TCP connection stands; `session` knows the rest.
        case open
        case closed
    }

    private enum Timer: UInt32 {
        case retry, handshake, heartbeat, flow, close, binding
    }

    public let reactor: Reactor
    public let configuration: AMQPConfiguration
    public let topology: Topology
    private let client: AMQPClient
    private let publishes: Bool

    private var state = State.idle
    private var session: AMQPSession
    private var assembler = MessageAssembler()
    private var content: ContentEncoder
    private var window: ConfirmWindow
    private var frames = FrameDecoder()
    private(set) var link: AMQPLink?
    private var backoff = Backoff()
    private var attempt: UInt32 = 0
    private var endpointIndex = 0
    /// Endpoints that failed since one stood or since the last wait.
    private var failures = 0
    private var addresses: [SocketAddress] = []
    private var readyAt = Instant.distantFuture
    /// Which channel the delivery tags belong to, in the 16 bits above those a broker counts in.
    private var epoch: UInt64 = 0
    private var isFlowBlocked = false
    private var isClosing = false
    private var retryTimer = TimerToken.none
    private var handshakeTimer = TimerToken.none
    private var heartbeatTimer = TimerToken.none
    private var closeTimer = TimerToken.none
    private var bindingTimer = TimerToken.none

    /// - Parameters:
    ///   - publishes: whether the channel confirms what is published; without, `publish` takes nothing.
    ///   - client: kept for as long as the connection lives.
    public init(
        _ reactor: Reactor, _ configuration: AMQPConfiguration, topology: Topology, publishes: Bool, client: AMQPClient
    ) {
        self.reactor = reactor
        self.configuration = configuration
        self.topology = topology
        self.publishes = publishes
        self.client = client
        session = AMQPSession(configuration, topology: topology, publishes: publishes)
        content = ContentEncoder(exchange: topology.exchange)
        window = ConfirmWindow(limit: configuration.confirmWindow)
    }

    // MARK: Life

    /// Begins to connect. What comes of it is told to the client, in later turns.
    public func start() {
        precondition(state == .idle, "started twice")
        wait(backoff.next())
    }

    /// Closes: what was written before is sent and taken, then connection.close. The client's last call is
    /// `disconnected` with `.closed`, at `deadline` at the latest; it may come from within this call.
    public func close(deadline: Instant) {
        guard state != .closed, !isClosing else { return }
        guard state == .open, let stream = link?.stream,
            session.close(code: ReplyCode.success, text: "goodbye", into: &stream.output)
        else {
            giveUp()
            return
        }
        isClosing = true
        flush()
        reactor.cancel(handshakeTimer)
        reactor.cancel(closeTimer)
        closeTimer = reactor.schedule(self, at: deadline, tag: Timer.close.rawValue)
    }

    /// Closed from this side, for good.
    public var isClosed: Bool { state == .closed }

    /// The topology is declared on a connection that stands.
    public var isReady: Bool { state == .open && session.phase == .ready }

    /// `publish` would take a message now: ready, not blocked by the broker, room in the confirm window, and not too
    /// much waiting to be sent.
    public var canPublish: Bool {
        guard publishes, isReady, let link else { return false }
        return !session.isBlocked && !window.isFull && !link.stream.isCongested
    }

    /// Messages published whose confirm has not come.
    public var unconfirmedCount: Int { window.count }

    // MARK: Publishing

    /// Publishes a persistent message to the topology's exchange; it is sent before the reactor sleeps.
    /// - Parameters:
    ///   - contentType: nil: none.
    ///   - messageID: at most `Limits.shortString` bytes; empty: none.
    ///   - timestamp: seconds since the Unix epoch.
    ///   - body: at most `Limits.body` bytes.
    ///   - ticket: names the message in `confirmed` or `unconfirmed`, exactly one of which follows.
    /// - Returns: false when `canPublish` is false; nothing was done then.
    public func publish(
        routingKey: StaticString, contentType: StaticString?, messageID: Span<UInt8>, timestamp: Int64,
        body: Span<UInt8>, ticket: UInt64
    ) -> Bool {
        precondition(body.count <= Limits.body, "a body over the limit")
        precondition(messageID.count <= Limits.shortString, "a message id over the limit")
        guard canPublish, let stream = link?.stream else {
            // Who is refused waits for `flowChanged`: it must follow.
            updateFlow()
            return false
        }
        do throws(AMQPError) {
            try content.append(
                routingKey: routingKey, contentType: contentType, messageID: messageID, timestamp: timestamp,
                body: body, into: &stream.output)
        } catch {
            preconditionFailure("the exchange is declared, and a routing key is a short string")
        }
        window.append(ticket)
        flush()
        updateFlow()
        return true
    }

    // MARK: Answering deliveries

    /// The delivery is dealt with.
    /// - Parameter multiple: with all before it that were not answered yet.
    public func ack(_ deliveryTag: UInt64, multiple: Bool = false) {
        guard let (stream, tag) = answerable(deliveryTag) else { return }
        session.ack(tag, multiple: multiple, into: &stream.output)
        flush()
    }

    /// The delivery is not dealt with: the broker gives it out again, or drops it.
    public func nack(_ deliveryTag: UInt64, multiple: Bool = false, requeue: Bool) {
        guard let (stream, tag) = answerable(deliveryTag) else { return }
        session.nack(tag, multiple: multiple, requeue: requeue, into: &stream.output)
        flush()
    }

    /// The delivery will not be dealt with here.
    public func reject(_ deliveryTag: UInt64, requeue: Bool) {
        guard let (stream, tag) = answerable(deliveryTag) else { return }
        session.reject(tag, requeue: requeue, into: &stream.output)
        flush()
    }

    /// Hands all deliveries that are not answered back to the broker, which gives them out again, and first to another
    /// consumer where there is one: `disconnected` with `.handedBack` follows, and then `ready`.
    /// - Returns: false when not ready; nothing is done then.
    public func handBackDeliveries() -> Bool {
        guard isReady, let stream = link?.stream else { return false }
        do throws(AMQPError) {
            guard try session.handBack(into: &stream.output) else { return false }
            flush()
            armHandshake()
        } catch {
            fail(error)
        }
        return true
    }

    /// Why the queue, which exists with other arguments, is used as it is: the broker's words; nil: it is as asked for.
    public var queueRefusal: String? { session.queueRefusal }

    /// Who else consumed from the queue when it was declared.
    public var otherConsumers: Int { Int(session.otherConsumers) }

    /// The broker's own tag; nil when the channel it belongs to is gone, or acks are not expected. To answer such a
    /// tag would be an error that closes the present channel.
    private func answerable(_ deliveryTag: UInt64) -> (TCPStream, UInt64)? {
        guard topology.manualAck, state == .open, session.isChannelUsable, let link else { return nil }
        guard deliveryTag & ~AMQPConnection.brokerTag == epoch else { return nil }
        return (link.stream, deliveryTag & AMQPConnection.brokerTag)
    }

    private static let brokerTag: UInt64 = (1 << 48) - 1

    private func nextEpoch() { epoch &+= 1 << 48 }

    // MARK: Connecting

    private func wait(_ span: Duration) {
        state = .waiting
        retryTimer = reactor.schedule(self, at: reactor.now + span, tag: Timer.retry.rawValue)
    }

    private func tryNext() {
        if !addresses.isEmpty {
            connect(to: addresses.removeFirst())
            return
        }
        let endpoint = configuration.endpoints[endpointIndex]
        guard !endpoint.tls || configuration.tls != nil else {
            fail(.unsupported("amqps without a word whom to trust"))
            return
        }
        state = .resolving
        attempt &+= 1
        reactor.resolve(endpoint.host, port: endpoint.port, for: self, tag: attempt)
    }

    public override func resolved(_ addresses: [SocketAddress], error: ResolveError?, tag: UInt32) {
        guard state == .resolving, tag == attempt else { return }
        guard !addresses.isEmpty else {
            fail(.unreachable(error?.description ?? "no address"))
            return
        }
        self.addresses = addresses
        tryNext()
    }

    private func connect(to address: SocketAddress) {
        state = .connecting
        let link = AMQPLink(self, address)
        do throws(SystemError) {
            let deadline = reactor.now + configuration.connectTimeout
            link.stream = try TCPStream.connect(reactor, to: address, deadline: deadline, handler: link)
            self.link = link
        } catch {
            fail(.unreachable("\(address): \(error)"))
            return
        }
        let endpoint = configuration.endpoints[endpointIndex]
        guard endpoint.tls, let tls = configuration.tls else { return }
        do throws(TLSError) {
            link.stream.secure(try TLSSession(tls, host: endpoint.host))
        } catch {
            fail(.untrusted(error))
        }
    }

    func connected(_ link: AMQPLink) {
        guard link === self.link else { return }
        state = .open
        assembler.reset()
        frames.frameMax = Limits.frame
        session.begin(configuration.endpoints[endpointIndex], now: reactor.now, into: &link.stream.output)
        flush()
        armHandshake()
    }

    private func armHandshake() {
        reactor.cancel(handshakeTimer)
        let deadline = reactor.now + Limits.handshake
        handshakeTimer = reactor.schedule(self, at: deadline, tag: Timer.handshake.rawValue)
    }

    public override func timerFired(_ tag: UInt32) {
        switch Timer(rawValue: tag) {
        case .retry: if state == .waiting { tryNext() }
        case .handshake:
            guard state == .open, session.phase != .ready, session.phase != .closing else { return }
            // A broker that blocks us does not read: it will answer when it goes on.
            if session.isBlocked { armHandshake() } else { fail(.timeout("\(session.phase)")) }
        case .heartbeat: beat()
        case .flow: updateFlow()
        case .close: giveUp()
        case .binding: rebind()
        case nil: break
        }
    }

    private func beat() {
        guard state == .open, let link else { return }
        do throws(AMQPError) {
            let before = link.stream.output.count
            let next = try session.tick(now: reactor.now, into: &link.stream.output)
            if link.stream.output.count > before { link.stream.scheduleFlush() }
            guard next < .distantFuture else { return }
            heartbeatTimer = reactor.schedule(self, at: next, tag: Timer.heartbeat.rawValue)
        } catch {
            fail(error)
        }
    }

    private func rebind() {
        guard state == .open, let link, session.rebind(into: &link.stream.output) else { return }
        flush()
        armRebind()
    }

    private func armRebind() {
        reactor.cancel(bindingTimer)
        bindingTimer = reactor.schedule(self, at: reactor.now + Limits.rebind, tag: Timer.binding.rawValue)
    }

    // MARK: Receiving

    func received(_ bytes: Span<UInt8>, _ link: AMQPLink) -> Int {
        guard link === self.link else { return bytes.count }
        var offset = 0
        do throws(AMQPError) {
            try session.noteReceived(now: reactor.now)
            while link === self.link {
                let rest = bytes.extracting(offset..<bytes.count)
                guard let frame = try frames.next(in: rest) else { break }
                offset += frame.length
                try receive(frame, rest.extracting(Frame.headerSize..<(Frame.headerSize + frame.size)), link.stream)
            }
        } catch {
            fail(error)
        }
        guard link === self.link else { return bytes.count }
        if !link.stream.output.isEmpty { flush() }
        updateFlow()
        return offset
    }

    private func receive(_ frame: Frame, _ payload: Span<UInt8>, _ stream: TCPStream) throws(AMQPError) {
        switch frame.kind {
        case .heartbeat: break
        case .method:
            // Content is not interrupted on its channel; channel 0 may speak in between (section 4.2.6).
            guard frame.channel == 0 || !assembler.isExpectingContent else {
                throw .malformed("a method where content is due")
            }
            let event = try session.receive(payload, channel: frame.channel, now: reactor.now, into: &stream.output)
            try run(event)
        case .header: run(try assembler.header(payload), nil)
        case .body: run(try assembler.body(payload), payload)
        }
    }

    /// Carries out what the session says.
    private func run(_ event: AMQPSession.Event) throws(AMQPError) {
        switch event {
        case .none, .flow: break
        case .tuned: tuned()
        case .ready:
            reactor.cancel(handshakeTimer)
            readyAt = reactor.now
            isFlowBlocked = false
            armRebind()
            client.ready(self)
        case .consumerCancelled:
            armHandshake()
            client.disconnected(self, error: .consumerCancelled)
        case .channelClosed(let error):
            nextEpoch()
            armHandshake()
            client.disconnected(self, error: error)
            handBack()
        case .deliver(let tag, let redelivered): assembler.begin(deliveryTag: tag, redelivered: redelivered)
        case .discard: assembler.begin(deliveryTag: 0, redelivered: false, isWanted: false)
        case .confirmed(let tag, let multiple):
            for tag in try window.covered(by: tag, multiple: multiple) {
                if let ticket = window.settle(tag) { client.confirmed(self, ticket: ticket) }
            }
        case .refused(let tag, let multiple):
            for tag in try window.covered(by: tag, multiple: multiple) {
                if let ticket = window.settle(tag) { client.unconfirmed(self, ticket: ticket) }
            }
        case .closed(let error): fail(error)
        }
    }

    /// Carries out what the assembler says.
    private func run(_ progress: MessageAssembler.Progress, _ payload: Span<UInt8>?) {
        switch progress {
        case .needMore, .discarded: break
        case .whole: assembler.withDelivery(payload, epoch: epoch) { client.delivered(self, $0) }
        case .assembled: assembler.withDelivery(nil, epoch: epoch) { client.delivered(self, $0) }
        case .tooLarge(let size):
            reject(epoch | assembler.deliveryTag, requeue: false)
            client.dropped(self, error: .bodyTooLarge(size))
        }
    }

    private func tuned() {
        frames.frameMax = session.frameMax
        content.frameMax = session.frameMax
        beat()
    }

    func drained(_ link: AMQPLink) {
        if link === self.link { updateFlow() }
    }

    private func flush() {
        session.noteSent(now: reactor.now)
        link?.stream.scheduleFlush()
    }

    private func updateFlow() {
        guard publishes, isReady, canPublish == isFlowBlocked, let stream = link?.stream else { return }
        isFlowBlocked.toggle()
        if isFlowBlocked, stream.isCongested {
            // What waits to be sent is likely gone after this turn, of which the stream tells nothing; when it is not,
            // it tells `drained` later.
            let deadline = reactor.now + .milliseconds(1)
            _ = reactor.schedule(self, at: deadline, tag: Timer.flow.rawValue)
        }
        client.flowChanged(self, blocked: isFlowBlocked)
    }

    // MARK: Loss

    /// The server is not who it should be, or speaks no TLS.
    func failed(_ error: TLSError, _ link: AMQPLink) {
        if link === self.link { fail(.untrusted(error)) }
    }

    func closed(_ reason: String, _ link: AMQPLink) {
        guard link === self.link else { return }
        guard state == .open else {
            fail(.unreachable("\(link.address): \(reason)"))
            return
        }
        fail(session.lost(reason))
    }

    /// This try or connection is over; the next is scheduled.
    private func fail(_ error: AMQPError) {
        guard state != .closed else { return }
        guard !isClosing else {
            giveUp()
            return
        }
        dropLink(error)
        let isUp = readyAt < .distantFuture
        if isUp, readyAt + Limits.stood <= reactor.now {
            backoff.reset()
            failures = 0
        }
        readyAt = .distantFuture
        if addresses.isEmpty || isUp || error.isLasting {
            addresses.removeAll()
            endpointIndex = (endpointIndex + 1) % configuration.endpoints.count
            failures += 1
            let isRoundOver = failures >= configuration.endpoints.count
            if isRoundOver { failures = 0 }
            wait(!isRoundOver ? .zero : error.isLasting ? Limits.lastingRetry : backoff.next())
        } else {
            wait(.zero)
        }
        client.disconnected(self, error: error)
        handBack()
    }

    /// Over for good.
    private func giveUp() {
        guard state != .closed else { return }
        dropLink(.closed)
        reactor.cancel(retryTimer)
        reactor.cancel(closeTimer)
        state = .closed
        client.disconnected(self, error: .closed)
        handBack()
    }

    private func dropLink(_ error: AMQPError) {
        reactor.cancel(handshakeTimer)
        reactor.cancel(heartbeatTimer)
        reactor.cancel(bindingTimer)
        nextEpoch()
        assembler.reset()
        guard let link else { return }
        self.link = nil
        link.connection = nil
        let stream = link.stream!
        link.stream = nil
        if let code = error.replyCode, state == .open {
            _ = session.close(code: code, text: error.description, into: &stream.output)
        }
        session.end()
        // What is in the output is worth sending: an answer to connection.close, or why we leave.
        if error != .silent, stream.isOpen { stream.closeAfterFlush() } else { stream.close() }
    }

    private func handBack() {
        while let ticket = window.takeUnsettled() { client.unconfirmed(self, ticket: ticket) }
    }
}
