import Bytes

/// One end of a WebSocket connection after the handshake (RFC 6455): bytes and instants in, events and bytes out.
///
/// Theory of operation. The session owns the protocol and nothing else: what it has to say by itself (Pong, Ping, Close) it
/// appends to the `output` it is given; messages it hands to the caller, who decides what they mean. The caller
///
/// * presents everything it received and has not consumed, drops `consumed` bytes after each event, and calls again until
///   `.needMore`: only then is the memory of the last message given back;
/// * sends `output` in order, and keeps data frames that it wrote by itself apart from the session's: they may stand
///   before or after what is in `output`, never inside one another, and never after the session stopped being `.open`;
/// * calls `tick` at `nextDeadline`. What is received only moves that deadline later, so a timer may be left where it is;
///   only an event or a call that leaves `.open` brings it nearer;
/// * stops reading while `output` is long: a peer that pings and does not read costs what it is allowed to.
///
///                 close()                     peer's Close
///     ┌──────┐ ───────────▶ ┌─────────┐ ─────────────────────▶ ┌────────┐
///     │ open │              │ closing │   no answer in time:   │ closed │
///     └──────┘              └─────────┘   tick says .gone      └────────┘
///         └──────────────────────┴────────────────────────────────▲
///            peer's Close: answered with its own code; or peer broke a rule: Close with the error's code
///
/// When `.closed`, `output` is flushed and TCP ended, by the server first (7.1.1). Later bytes are ignored (1.4).
public struct WebSocketSession: ~Copyable {
    public enum State: Sendable {
        /// Messages go both ways.
        case open
        /// We sent Close: nothing may be sent any more, but what the peer sent before it read that still arrives.
        case closing
        /// Both sent Close, or the connection failed.
        case closed
    }

    public enum Event: Equatable, Sendable {
        /// All that could be said was said; more bytes must come.
        case needMore(consumed: Int)
        /// A whole text message, valid UTF-8: `message`, until the next call.
        case text(consumed: Int)
        /// A whole binary message: `message`, until the next call.
        case binary(consumed: Int)
        /// A Ping, whose Pong was appended to the output while `.open`.
        case ping(consumed: Int)
        /// A Pong, expected or not (5.5.3).
        case pong(consumed: Int)
        /// The peer's Close: its code if it gave one, its reason in `message` until the next call. The answer was appended
        /// to the output unless we had sent our Close before. Flush, and end the TCP connection.
        case closed(CloseCode?, consumed: Int)

        /// How many bytes the caller drops.
        public var consumed: Int {
            switch self {
            case .needMore(let consumed), .text(let consumed), .binary(let consumed), .ping(let consumed),
                .pong(let consumed), .closed(_, let consumed):
                consumed
            }
        }
    }

    public enum TickVerdict: Equatable, Sendable {
        case fine
        /// The peer is silent for too long: end the TCP connection without a word.
        case gone
    }

    public private(set) var state = State.open
    private let role: WebSocketRole
    /// The window of what we compress; nil when that was not agreed on.
    private let deflateWindowBits: UInt8?
    private var decoder: FrameDecoder
    private var assembler: MessageAssembler
    private var lastReceived: Instant
    /// While `.open`: when the server pings next. Afterwards: when waiting for the peer ends.
    private var timer: Instant

    /// - Parameters:
    ///   - role: which end this is. A server pings and expects signs of life; a client leaves that to the server.
    ///   - maximumMessageLength: in bytes; a longer message fails the connection with 1009 as soon as it is announced.
    ///     A compressed one may have that length when inflated.
    ///   - deflate: what was negotiated; nil when nothing was.
    ///   - now: when the handshake was done.
    public init(
        role: WebSocketRole, maximumMessageLength: Int = WebSocketLimits.messageLength,
        deflate: PermessageDeflate? = nil, now: Instant
    ) {
        self.role = role
        deflateWindowBits = deflate?.outboundWindowBits(role)
        decoder = FrameDecoder(role: role, allowedReservedBits: deflate == nil ? [] : .rsv1)
        assembler = MessageAssembler(
            maximumLength: maximumMessageLength, windowBits: deflate?.inboundWindowBits(role) ?? 0)
        lastReceived = now
        timer = now + WebSocketLimits.pingInterval
    }

    /// The message of the last event, or the reason of `.closed`. Valid until the next call of `receive`.
    public var message: Span<UInt8> {
        @_lifetime(borrow self)
        get { assembler.message }
    }

    /// How many bytes of memory the session owns besides itself: none while no message is under way.
    public var capacity: Int { assembler.capacity }

    // MARK: - Receiving

    /// Takes what the peer sent, up to the next event.
    /// - Parameters:
    ///   - bytes: all that was received and not consumed yet.
    ///   - output: gets Pongs, and the answer to Close.
    /// - Throws: how the peer broke the protocol. The Close frame that says so was appended to `output` (unless ours went
    ///   before), and the session is `.closed`: flush, and end the TCP connection (7.1.7).
    public mutating func receive(
        _ bytes: Span<UInt8>, now: Instant, output: inout ByteBuffer
    ) throws(WebSocketError) -> Event {
        if bytes.count > 0 { lastReceived = now }
        assembler.dropDelivered()
        if state == .closed {
            assembler.releaseIfIdle()
            return .needMore(consumed: bytes.count)
        }
        do {
            return try nextEvent(bytes, now: now, output: &output)
        } catch {
            fail(error, now: now, output: &output)
            throw error
        }
    }

    private mutating func nextEvent(
        _ bytes: Span<UInt8>, now: Instant, output: inout ByteBuffer
    ) throws(WebSocketError) -> Event {
        var consumed = 0
        while true {
            let rest = bytes.extracting(consumed...)
            switch try decoder.next(rest) {
            case .needMore:
                assembler.releaseIfIdle()
                return .needMore(consumed: consumed)
            case .dataFrame(let header, let length):
                try assembler.begin(header)
                consumed += length
            case .payload(let length, let maskingKey, let endsFrame):
                try assembler.append(rest.extracting(first: length), maskingKey: maskingKey)
                consumed += length
                guard endsFrame, let kind = try assembler.endFrame() else { continue }
                return kind == .text ? .text(consumed: consumed) : .binary(consumed: consumed)
            case .controlFrame(let header, let length):
                let payload = rest.extracting(first: length).extracting(last: header.payloadLength)
                consumed += length
                return try control(header, payload, consumed: consumed, now: now, output: &output)
            }
        }
    }

    private mutating func control(
        _ header: FrameHeader, _ payload: Span<UInt8>, consumed: Int, now: Instant, output: inout ByteBuffer
    ) throws(WebSocketError) -> Event {
        let maskingKey = header.maskingKey ?? .none
        switch header.opcode {
        case .ping:
            // After our Close the peer discards what follows (1.4); a Pong would be no use.
            if state == .open { pong(payload, maskingKey, output: &output) }
            return .ping(consumed: consumed)
        case .pong:
            return .pong(consumed: consumed)
        case .close:
            let code = try close(payload, maskingKey)
            if state == .open {
                FrameEncoder.append(close: code, maskingKey: ownMaskingKey, to: &output)
            }
            end(now: now)
            return .closed(code, consumed: consumed)
        case .continuation, .text, .binary:
            preconditionFailure("data frames are not whole")
        }
    }

    /// The answer to a Ping has the same payload (5.5.3).
    private func pong(_ payload: Span<UInt8>, _ maskingKey: MaskingKey, output: inout ByteBuffer) {
        var plain = [125 of UInt8](repeating: 0)
        payload.withUnsafeBytes { payload in
            var plain = plain.mutableSpan
            plain.withUnsafeMutableBytes { maskingKey.mask(payload, into: $0.baseAddress!) }  // 125 bytes, not none
        }
        FrameEncoder.append(
            .pong, plain.span.extracting(first: payload.count), maskingKey: ownMaskingKey, to: &output)
    }

    /// Checks the payload of a Close frame (5.5.1), and leaves its reason in the assembler: no message follows.
    private mutating func close(
        _ payload: Span<UInt8>, _ maskingKey: MaskingKey
    ) throws(WebSocketError) -> CloseCode? {
        assembler.reset()
        if payload.count == 0 { return nil }
        guard payload.count >= 2 else { throw .closePayloadTooShort }
        let mask = maskingKey.bits
        let high = payload[0] ^ UInt8(truncatingIfNeeded: mask)
        let low = payload[1] ^ UInt8(truncatingIfNeeded: mask >> 8)
        let code = CloseCode(rawValue: UInt16(high) << 8 | UInt16(low))
        guard code.mayBeSent else { throw .invalidCloseCode }
        assembler.deliver(payload.extracting(droppingFirst: 2), maskingKey: maskingKey.advanced(by: 2))
        var validator = UTF8Validator()
        let isText = validator.validate(assembler.message)
        guard isText, validator.isComplete else { throw .invalidUTF8 }
        return code
    }

    private mutating func fail(_ error: WebSocketError, now: Instant, output: inout ByteBuffer) {
        if state == .open {
            FrameEncoder.append(
                close: error.closeCode, reason: error.reason, maskingKey: ownMaskingKey, to: &output)
        }
        assembler.reset()
        assembler.releaseIfIdle()
        end(now: now)
    }

    private mutating func end(now: Instant) {
        state = .closed
        timer = now + WebSocketLimits.closeHandshake
    }

    // MARK: - Sending

    /// Appends a text message, which must be UTF-8; compressed, if that was agreed on and makes it shorter.
    /// - Returns: false if nothing may be sent any more (5.5.1): the message was dropped.
    @discardableResult
    public func send(text: Span<UInt8>, output: inout ByteBuffer) -> Bool {
        send(.text, text, output: &output)
    }

    /// Appends a binary message, in the same way.
    /// - Returns: false if nothing may be sent any more (5.5.1): the message was dropped.
    @discardableResult
    public func send(binary: Span<UInt8>, output: inout ByteBuffer) -> Bool {
        send(.binary, binary, output: &output)
    }

    private func send(_ opcode: Opcode, _ message: Span<UInt8>, output: inout ByteBuffer) -> Bool {
        guard state == .open else { return false }
        let maskingKey = ownMaskingKey
        // A compressor for each message, so that a connection owns none: those who send much share one, as the feed does.
        if let deflateWindowBits, message.count >= WebSocketLimits.leastCompressed,
            FrameEncoder.append(
                opcode, message, compressedBy: Deflater(windowBits: deflateWindowBits), maskingKey: maskingKey,
                to: &output)
        {
            return true
        }
        FrameEncoder.append(opcode, message, maskingKey: maskingKey, to: &output)
        return true
    }

    /// Begins the close handshake (7.1.2); does nothing if it has begun. `nextDeadline` comes nearer.
    /// - Parameters:
    ///   - code: one that may be sent.
    ///   - reason: at most 123 bytes.
    public mutating func close(
        _ code: CloseCode, reason: StaticString = "", now: Instant, output: inout ByteBuffer
    ) {
        guard state == .open else { return }
        FrameEncoder.append(close: code, reason: reason, maskingKey: ownMaskingKey, to: &output)
        state = .closing
        timer = now + WebSocketLimits.closeHandshake
    }

    private var ownMaskingKey: MaskingKey? {
        role == .client ? .random() : nil
    }

    // MARK: - Time

    /// When `tick` has something to do.
    public var nextDeadline: Instant {
        switch (state, role) {
        case (.open, .server): min(timer, lastReceived + WebSocketLimits.silence)
        case (.open, .client): .distantFuture
        case (.closing, _), (.closed, _): timer
        }
    }

    /// Does what is due: a server's Ping, or giving up a peer that is silent or does not finish the close handshake.
    public mutating func tick(now: Instant, output: inout ByteBuffer) -> TickVerdict {
        if state != .open { return now >= timer ? .gone : .fine }
        guard role == .server else { return .fine }
        if now >= lastReceived + WebSocketLimits.silence { return .gone }
        if now >= timer {
            FrameEncoder.append(.ping, Span(), to: &output)
            timer = now + WebSocketLimits.pingInterval
        }
        return .fine
    }
}
