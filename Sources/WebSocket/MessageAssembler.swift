import Bytes

/// Joins data frames to messages (RFC 6455, 5.4), inflates compressed ones (RFC 7692, 6.2), and checks text as it comes
/// (RFC 6455, 8.1).
///
/// A message's memory grows with the bytes that arrived and not with the length that was declared, so that a header alone
/// costs nothing; and it is given back between messages, so that an idle connection owns none. The same holds for what
/// inflates: it is there from the first frame of a compressed message to the last, and inflates each piece as it comes,
/// never beyond the message's limit, so that nothing waits compressed and no bomb is ever unpacked.
struct MessageAssembler: ~Copyable {
    enum Phase: Equatable {
        /// No message has begun.
        case idle
        case text
        case binary
        /// The message in the buffer was handed out.
        case delivered
    }

    private var buffer = ByteBuffer()
    private var phase = Phase.idle
    private var endsMessage = false
    /// Between messages at the beginning of a code point: a text that ends elsewhere ends the session.
    private var validator = UTF8Validator()
    private let maximumLength: Int
    /// Of the peer's compressed messages.
    private let windowBits: UInt8
    /// Nil unless a compressed message is under way.
    private var inflater: Inflater?

    init(maximumLength: Int, windowBits: UInt8) {
        self.maximumLength = maximumLength
        self.windowBits = windowBits
    }

    /// The message that was handed out last, until the next one begins.
    var message: Span<UInt8> {
        @_lifetime(borrow self)
        get { buffer.bytes }
    }

    /// How many bytes of memory it owns.
    var capacity: Int {
        buffer.capacity + (inflater == nil ? 0 : WebSocketLimits.inflaterMemory(windowBits: windowBits))
    }

    /// Forgets the message that was handed out, and keeps its memory: in a burst the next one needs it.
    mutating func dropDelivered() {
        if phase == .delivered { reset() }
    }

    /// Gives the memory back when no message is under way.
    mutating func releaseIfIdle() {
        if phase == .idle { buffer.releaseIfEmpty() }
    }

    /// Forgets everything.
    mutating func reset() {
        phase = .idle
        buffer.removeAll()
        if inflater != nil { inflater = nil }
    }

    /// The header of a data frame.
    @inline(__always) mutating func begin(_ header: FrameHeader) throws(WebSocketError) {
        switch header.opcode {
        case .continuation:
            guard phase != .idle else { throw .unexpectedContinuation }
        case .text, .binary:
            guard phase == .idle else { throw .unfinishedMessage }
            phase = header.opcode == .text ? .text : .binary
            if header.reservedBits.contains(.rsv1) { inflater = Inflater(windowBits: windowBits) }
        case .close, .ping, .pong:
            preconditionFailure("control frames belong to no message")
        }
        if inflater == nil {
            // The buffer is never longer than the limit, so the difference cannot be negative.
            guard header.payloadLength <= maximumLength - buffer.count else { throw .messageTooLong }
        } else {
            try inflater?.announce(header.payloadLength, maximumLength: maximumLength)
        }
        endsMessage = header.isFinal
    }

    /// A piece of payload of the frame that began.
    @inline(__always) mutating func append(_ piece: Span<UInt8>, maskingKey: MaskingKey) throws(WebSocketError) {
        let start = buffer.count
        if inflater == nil {
            buffer.append(piece, masking: maskingKey)
        } else {
            try inflate(piece, maskingKey)
        }
        try validate(from: start)
    }

    @inline(never) private mutating func inflate(_ piece: Span<UInt8>, _ maskingKey: MaskingKey) throws(WebSocketError)
    {
        guard let inflater else { return }
        let start = buffer.count
        do throws(WebSocketError) {
            try inflate(piece, maskingKey, by: inflater)
        } catch {
            // What was inflated before the fault comes first, however the message was cut.
            try validate(from: start)
            throw error
        }
    }

    private mutating func inflate(
        _ piece: Span<UInt8>, _ maskingKey: MaskingKey, by inflater: Inflater
    ) throws(WebSocketError) {
        // The bytes lie masked in the receive buffer.
        var plain = [1024 of UInt8](repeating: 0)
        var offset = 0
        while offset < piece.count {
            let length = min(plain.count, piece.count - offset)
            piece.extracting(offset..<offset + length).withUnsafeBytes { piece in
                var plain = plain.mutableSpan
                plain.withUnsafeMutableBytes { maskingKey.advanced(by: offset).mask(piece, into: $0.baseAddress!) }
            }
            try plain.span.extracting(first: length).withUnsafeBytes { (plain) throws(WebSocketError) in
                try inflater.inflate(plain, into: &buffer, maximumLength: maximumLength)
            }
            offset += length
        }
    }

    @inline(never) private mutating func finishInflating() throws(WebSocketError) {
        guard let inflater else { return }
        let start = buffer.count
        do throws(WebSocketError) {
            try inflater.finish(into: &buffer, maximumLength: maximumLength)
        } catch {
            try validate(from: start)
            throw error
        }
        self.inflater = nil
        try validate(from: start)
    }

    /// The message has grown.
    @inline(__always) private mutating func validate(from start: Int) throws(WebSocketError) {
        guard phase == .text else { return }
        // A copy, because the span holds on to all of `self`.
        var validator = validator
        let isText = validator.validate(buffer.bytes.extracting(start...))
        guard isText else { throw .invalidUTF8 }
        self.validator = validator
    }

    /// The frame has ended.
    /// - Returns: what the message is, if it ended too; `message` is the whole of it then.
    @inline(__always) mutating func endFrame() throws(WebSocketError) -> Phase? {
        guard endsMessage else { return nil }
        if inflater != nil { try finishInflating() }
        if phase == .text, !validator.isComplete { throw .invalidUTF8 }
        let kind = phase
        phase = .delivered
        return kind
    }

    /// Puts something into the buffer that is no message, but shall be read like one.
    mutating func deliver(_ bytes: Span<UInt8>, maskingKey: MaskingKey) {
        buffer.removeAll()
        buffer.append(bytes, masking: maskingKey)
        phase = .delivered
    }
}
