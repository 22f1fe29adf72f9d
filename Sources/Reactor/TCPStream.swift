import Bytes
import CLinux
import Glibc
import TLS

/// A connected nonblocking socket on a reactor.
///
/// Reading goes into the loop's one buffer; only what the handler leaves unconsumed is kept here. Writing is appended
/// to `output` and sent once, before the reactor sleeps; EPOLLOUT is asked for only when the kernel did not take all.
/// With a `TLSSession` in between (`secure`) the handler sees plain bytes all the same (TCPStream+TLS.swift).
public final class TCPStream: Source {
    enum State {
        case connecting
        case open
        /// Closes when the output is out.
        case draining
        /// The sending side is shut; the peer's bytes are read and dropped until its FIN (RFC 9112 section 9.6).
        case lingering
        case closed
    }

    public let reactor: Reactor
    public let descriptor: Int32
    /// Whom the stream tells; let go after `closed(_:)`, so that the two do not keep each other alive.
    public var handler: StreamHandler
    /// What waits to be sent. Append, then `scheduleFlush()`.
    public var output = ByteBuffer()

    /// Whether the output's memory is given back each time it is empty: for one that mostly waits, such as a WebSocket,
    /// of which there are many. Else it is kept for the next answer.
    public var returnsOutputMemory = false

    // Not private: what TLS needs of them is in TCPStream+TLS.swift.
    var state: State
    private var token = Token.none
    private var interest: Interest
    var unconsumed = ByteBuffer()
    private var timer = TimerToken.none
    var cipher: TLSSession?
    // Flags stand together, for there are many streams.
    /// Whether `cipher` is there: asked for each write, without touching it.
    private(set) var hasCipher = false
    private var hasReceivedEnd = false
    /// While lingering: whether the peer still sends.
    private var hasDiscarded = false
    private var isTurnEndScheduled = false
    var mustRedeliver = false
    var isReadingPaused = false
    /// The kernel takes no more: what waits is sent when the peer has read.
    private(set) var awaitsKernel = false
    /// TLS takes no more: what waits is sent when the peer has sent the rest of a handshake message.
    var awaitsPeer = false
    /// When the peer last let bytes of the output go, or, if that is later, when it first let none.
    public internal(set) var lastProgress: Instant
    /// While lingering: until when the peer may still send.
    private var lingersUntil = Instant.distantFuture

    /// Puts TLS between the socket and the handler. Before anything is read or written.
    public func secure(_ session: TLSSession) {
        precondition(output.isEmpty && unconsumed.isEmpty && !hasCipher, "secured in mid-stream")
        cipher = session
        hasCipher = true
    }

    /// Adopts a connected, nonblocking socket.
    public init(_ reactor: Reactor, _ descriptor: Int32, handler: StreamHandler) throws(SystemError) {
        self.reactor = reactor
        self.descriptor = descriptor
        self.handler = handler
        state = .open
        interest = .readable
        lastProgress = reactor.now
        super.init()
        _ = clinux_set_option(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        token = try reactor.register(descriptor, interest, self)
    }

    private init(
        _ reactor: Reactor, connecting descriptor: Int32, deadline: Instant, handler: StreamHandler
    ) throws(SystemError) {
        self.reactor = reactor
        self.descriptor = descriptor
        self.handler = handler
        state = .connecting
        interest = .writable
        lastProgress = reactor.now
        super.init()
        _ = clinux_set_option(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        token = try reactor.register(descriptor, interest, self)
        timer = reactor.schedule(self, at: deadline)
    }

    /// Starts a connect; `handler.connected()` or `handler.closed(_:)` tells the outcome, not before this returns.
    /// - Parameter source: the own address to connect from, with port 0; nil: as the kernel chooses.
    public static func connect(
        _ reactor: Reactor, to address: SocketAddress, from source: SocketAddress? = nil, deadline: Instant,
        handler: StreamHandler
    ) throws(SystemError) -> TCPStream {
        let descriptor = try address.socket()
        do throws(SystemError) {
            if let source {
                // The port is chosen at connect, when the peer is known: so two peers may share one.
                _ = clinux_set_option(descriptor, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, 1)
                guard source.bind(descriptor) == 0 else { throw .last("bind") }
            }
            guard address.connect(descriptor) == 0 || errno == EINPROGRESS else { throw .last("connect") }
            return try TCPStream(reactor, connecting: descriptor, deadline: deadline, handler: handler)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    public var isClosed: Bool { state == .closed }
    public var isOpen: Bool { state == .open }

    /// More waits to be sent than a producer should add to.
    public var isCongested: Bool { output.count > ReactorLimits.outputHighWater }

    /// Nothing more of the output is taken, because of the peer: `handler.drained()` follows when all of it has left.
    public var isWriteBlocked: Bool { awaitsKernel || awaitsPeer }

    /// Memory for what came and is not consumed, and for what is not sent: how much of it is in use makes no difference.
    public var heldBytes: Int { unconsumed.capacity + heldOutput + (hasCipher ? cipher?.heldInput ?? 0 : 0) }

    /// That of it which is for what is not sent.
    public var heldOutput: Int { output.capacity + (hasCipher ? cipher?.heldOutput ?? 0 : 0) }

    /// Whether a direct `send(2)` on the descriptor keeps the order: open, plain, and nothing waits in `output`.
    public var isIdleForWriting: Bool { state == .open && output.isEmpty && !isWriteBlocked && !hasCipher }

    /// Never idle for writing, for what is sent is made here: everything goes through `output`.
    public var isOutputOnly: Bool { hasCipher }

    // MARK: Writing

    /// Sends `output` before the reactor sleeps.
    public func scheduleFlush() {
        guard !awaitsKernel, state == .open || state == .draining else { return }
        scheduleTurnEnd()
    }

    private func scheduleTurnEnd() {
        guard !isTurnEndScheduled else { return }
        isTurnEndScheduled = true
        reactor.scheduleTurnEnd(self)
    }

    /// The reactor is about to sleep: sends what was written, and presents kept bytes that wait for it.
    func turnEnded() {
        isTurnEndScheduled = false
        if !awaitsKernel { flush() }
        if mustRedeliver {
            mustRedeliver = false
            reactor.turnSoon()
            if state == .open, !isReadingPaused { deliver(fresh: 0) }
            if hasCipher { decipher() }
        }
    }

    /// Tells the stream that a direct `send(2)` met EAGAIN: `handler.drained()` follows when there is room again.
    public func awaitWritable() {
        if !isWriteBlocked { lastProgress = reactor.now }
        awaitsKernel = true
        updateInterest()
        shrinkOutput()
    }

    /// What waits for the peer may wait long: it costs what it is, however much there was before.
    private func shrinkOutput() {
        output.shrink()
        if hasCipher { cipher?.shrinkOutput() }
    }

    /// Gives back what nothing is in, all but what the next answer can use.
    func giveBackOutput() {
        if returnsOutputMemory || output.capacity > ReactorLimits.outputKept { output.releaseIfEmpty() }
    }

    private func flush() {
        guard state == .open || state == .draining else { return }
        // Who saw the stream congested waits for `drained`, also when the kernel then takes all at once.
        let wasWaitedFor = isWriteBlocked || isCongested
        guard hasCipher ? sendEnciphered() : sendPlain() else { return }
        giveBackOutput()
        awaitsKernel = false
        awaitsPeer = false
        if state == .draining {
            linger()
            return
        }
        if wasWaitedFor {
            updateInterest()
            handler.drained()
        }
    }

    /// Hands the output to the kernel.
    /// - Returns: whether it took all; if not, `flush` follows when it may take more, or the stream has ended.
    private func sendPlain() -> Bool {
        while !output.isEmpty {
            let sent = output.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if sent > 0 {
                output.consume(sent)
                lastProgress = reactor.now
            } else if !maySendAgain() {
                return false
            }
        }
        return true
    }

    /// After a `send(2)` that took nothing: whether it was only interrupted. If not, `drained` follows when the kernel takes
    /// bytes again, or the stream has ended.
    func maySendAgain() -> Bool {
        switch errno {
        case EINTR: return true
        case EAGAIN: awaitWritable()
        default: finish(.error(.last("send")))
        }
        return false
    }

    /// Output waits for the peer's part of a handshake, not for the kernel: whatever the peer sends, it is tried again.
    func awaitPeer() {
        if !isWriteBlocked { lastProgress = reactor.now }
        awaitsKernel = false
        awaitsPeer = true
        updateInterest()
        shrinkOutput()
    }

    // MARK: Reading

    /// Reads no more until `resumeReading()`: the peer's window fills and it waits.
    public func pauseReading() {
        isReadingPaused = true
        updateInterest()
    }

    public func resumeReading() {
        guard isReadingPaused else { return }
        isReadingPaused = false
        updateInterest()
        redeliver()
    }

    /// Presents kept bytes to the handler again before the reactor sleeps, also when there are none: after a pause, or
    /// when `handler` was replaced (an upgrade). Not at once: the loop's buffer may be in use by the caller.
    public func redeliver() {
        mustRedeliver = true
        scheduleTurnEnd()
    }

    // MARK: Closing

    /// Closes at once; what was not sent is dropped.
    public func close() {
        finish(.local)
    }

    /// Closes at once a stream on which nothing is under way; under TLS with the word that this is all.
    public func closeIdle() {
        if hasCipher { sayClose() }
        finish(.local)
    }

    /// Sends what waits, then shuts the sending side and waits shortly for the peer, so that the last answer is read
    /// even by a peer that still sends.
    public func closeAfterFlush() {
        guard state == .open else { return }
        state = .draining
        // Not where the handler's bytes are: those lie in the loop's buffer.
        unconsumed.removeAll()
        unconsumed.releaseIfEmpty()
        updateInterest()
        timer = reactor.schedule(self, at: reactor.now + ReactorLimits.drain)
        if !awaitsKernel { scheduleTurnEnd() }
    }

    private func linger() {
        shutdown(descriptor, Int32(SHUT_WR))
        output.releaseIfEmpty()
        if hasReceivedEnd {
            finish(.local)
            return
        }
        state = .lingering
        updateInterest()
        reactor.cancel(timer)
        lingersUntil = reactor.now + ReactorLimits.lingeringMost
        timer = reactor.schedule(self, at: reactor.now + ReactorLimits.lingeringClose)
    }

    func finish(_ reason: StreamEnd) {
        guard state != .closed else { return }
        state = .closed
        reactor.cancel(timer)
        reactor.deregister(token)
        Glibc.close(descriptor)
        unconsumed.removeAll()
        unconsumed.releaseIfEmpty()
        output.removeAll()
        output.releaseIfEmpty()
        let handler = handler
        self.handler = StreamHandler()
        handler.closed(reason)
        cipher = nil
    }

    // MARK: Events

    public override func ready(_ readiness: Readiness) {
        switch state {
        case .connecting: finishConnect()
        case .open:
            if readiness.contains(.writable) { flush() }
            if state == .open, !readiness.isDisjoint(with: [.readable, .readHangup, .hangup]) { read(readiness) }
        case .draining:
            if !readiness.isDisjoint(with: .hangup) {
                finish(.peer)
            } else if readiness.contains(.writable) {
                flush()
            } else {
                discardInput()
            }
        case .lingering: discardInput()
        case .closed: break
        }
    }

    public override func timerFired(_ tag: UInt32) {
        switch state {
        case .connecting: finish(.timeout)
        case .draining where reactor.now < lastProgress + ReactorLimits.drain:
            // Slow, but it reads: the answer is not cut.
            timer = reactor.schedule(self, at: lastProgress + ReactorLimits.drain)
        case .lingering where hasDiscarded && reactor.now < lingersUntil:
            hasDiscarded = false
            timer = reactor.schedule(self, at: reactor.now + ReactorLimits.lingeringClose)
        default: finish(.local)
        }
    }

    private func finishConnect() {
        let code = clinux_socket_error(descriptor)
        guard code == 0 else {
            finish(.error(SystemError(code, "connect")))
            return
        }
        reactor.cancel(timer)
        state = .open
        updateInterest()
        handler.connected()
        // The client's hello.
        if hasCipher { scheduleFlush() }
    }

    private func read(_ readiness: Readiness) {
        // What was put off stands before what the socket has, its end among it; it is presented before this turn ends.
        if mustRedeliver { return }
        guard !isReadingPaused, !hasReceivedEnd else {
            // A paused or half-closed stream hears of the peer's reset only by the hang-up.
            if !readiness.isDisjoint(with: .hangup) { finish(.peer) }
            return
        }
        // (What it has sent stays in the kernel, and epoll is level-triggered.)
        if isHandshaking, !reactor.takeHandshake() { return }
        let buffer = reactor.receiveBuffer
        let kept = unconsumed.count
        let place = hasCipher ? enciphered : UnsafeMutableRawBufferPointer(rebasing: buffer[kept...])
        let count = recv(descriptor, place.baseAddress, place.count, 0)
        if count > 0 {
            if hasCipher { decipher(UnsafeRawBufferPointer(rebasing: place[..<count])) } else { deliver(fresh: count) }
        } else if count == 0 {
            end()
        } else if errno != EAGAIN, errno != EINTR {
            finish(errno == ECONNRESET ? .peer : .error(.last("recv")))
        }
    }

    /// The peer sends no more.
    func end() {
        hasReceivedEnd = true
        updateInterest()
        handler.receivedEnd()
    }

    /// Hands the kept bytes and `fresh` new ones behind them in the loop's buffer to the handler.
    func deliver(fresh: Int) {
        let buffer = reactor.receiveBuffer
        let kept = unconsumed.count
        if kept > 0 {
            unconsumed.withUnsafeBytes { buffer.baseAddress!.copyMemory(from: $0.baseAddress!, byteCount: kept) }
        }
        let total = kept + fresh
        let bytes = UnsafeRawBufferPointer(start: buffer.baseAddress, count: total)
        let consumed = unsafe handler.received(Span(_unsafeBytes: bytes))
        precondition(consumed >= 0 && consumed <= total, "consumed more than there is")
        guard state == .open else { return }
        let rest = total - consumed
        if rest > ReactorLimits.unconsumed, !isReadingPaused, !mustRedeliver {
            finish(.error(SystemError(EMSGSIZE, "recv")))
        } else if consumed == 0, kept > 0 {
            // Only the new bytes are not kept yet: a dripping peer costs what it sends.
            unconsumed.append(UnsafeRawBufferPointer(rebasing: bytes[kept...]))
        } else {
            unconsumed.removeAll()
            // Nothing is left, or little of much, which may be all for a long time.
            if rest <= unconsumed.capacity / 4 { unconsumed.releaseIfEmpty() }
            if rest > 0 { unconsumed.append(UnsafeRawBufferPointer(rebasing: bytes[consumed...])) }
        }
    }

    private func discardInput() {
        let buffer = reactor.receiveBuffer
        let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
        if count > 0 { hasDiscarded = true }
        if count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR)) { return }
        hasReceivedEnd = true
        if state == .lingering || count < 0 {
            finish(.local)
        } else {
            updateInterest()
        }
    }

    private func updateInterest() {
        guard state != .closed, state != .connecting else { return }
        var wanted: Interest = []
        if !hasReceivedEnd, !isReadingPaused || state != .open { wanted.insert(.readable) }
        if awaitsKernel, state != .lingering { wanted.insert(.writable) }
        if wanted != interest {
            interest = wanted
            reactor.modify(token, wanted)
        }
    }
}
