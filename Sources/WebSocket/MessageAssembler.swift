import Bytes

/// Joins data frames to messages (RFC 6455, 5.4), and checks text as it comes (8.1).
///
/// A message's memory grows with the bytes that arrived and not with the length that was declared, so that a header alone
/// costs nothing; and it is given back between messages, so that an idle connection owns none.
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

    init(maximumLength: Int) {
        self.maximumLength = maximumLength
    }

    /// The message that was handed out last, until the next one begins.
    var message: Span<UInt8> {
        @_lifetime(borrow self)
        get { buffer.bytes }
    }

    /// How many bytes of memory it owns.
    var capacity: Int { buffer.capacity }

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
    }

    /// The header of a data frame.
    mutating func begin(_ header: FrameHeader) throws(WebSocketError) {
        switch header.opcode {
        case .continuation:
            guard phase != .idle else { throw .unexpectedContinuation }
        case .text, .binary:
            guard phase == .idle else { throw .unfinishedMessage }
            phase = header.opcode == .text ? .text : .binary
        case .close, .ping, .pong:
            preconditionFailure("control frames belong to no message")
        }
        // The buffer is never longer than the limit, so the difference cannot be negative.
        guard header.payloadLength <= maximumLength - buffer.count else { throw .messageTooLong }
        endsMessage = header.isFinal
    }

    /// A piece of payload of the frame that began.
    mutating func append(_ piece: Span<UInt8>, maskingKey: MaskingKey) throws(WebSocketError) {
        let start = buffer.count
        buffer.append(piece, masking: maskingKey)
        guard phase == .text else { return }
        // A copy, because the span holds on to all of `self`.
        var validator = validator
        let isText = validator.validate(buffer.bytes.extracting(start...))
        guard isText else { throw .invalidUTF8 }
        self.validator = validator
    }

    /// The frame has ended.
    /// - Returns: what the message is, if it ended too; `message` is the whole of it then.
    mutating func endFrame() throws(WebSocketError) -> Phase? {
        guard endsMessage else { return nil }
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
