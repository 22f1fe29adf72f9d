/// How a peer broke the protocol. Each error carries the answer: the code and reason of the Close frame it deserves.
public enum WebSocketError: Error, Equatable, Sendable {
    /// A reserved bit that no extension gave a meaning to (RFC 6455, 5.2).
    case reservedBits
    /// An opcode that is reserved (5.2).
    case reservedOpcode
    /// A control frame without FIN (5.5).
    case fragmentedControlFrame
    /// A control frame with more than 125 bytes (5.5).
    case controlFrameTooLong
    /// A frame from a client that is not masked (5.1).
    case unmaskedFrame
    /// A frame from a server that is masked (5.1).
    case maskedFrame
    /// A length written in more bytes than it needs (5.2).
    case lengthNotMinimal
    /// A length of 2⁶³ or more (5.2).
    case lengthOverflow
    /// A continuation frame, but no message has begun (5.4).
    case unexpectedContinuation
    /// A new message before the last fragment of the one under way (5.4).
    case unfinishedMessage
    /// A message longer than the session allows, known from the declared lengths, or while it is inflated.
    case messageTooLong
    /// A compressed message that cannot be inflated, or ends in the middle of a block (RFC 7692, 7.2.2).
    case badCompression
    /// Text, or the reason of a Close frame, that is not UTF-8 (8.1).
    case invalidUTF8
    /// A Close frame whose payload is a single byte (5.5.1).
    case closePayloadTooShort
    /// A Close frame with a code that must not be sent (7.4).
    case invalidCloseCode

    public var closeCode: CloseCode {
        switch self {
        case .messageTooLong: .messageTooBig
        case .invalidUTF8, .badCompression: .invalidPayload
        default: .protocolError
        }
    }

    /// The reason for the Close frame, for the one who reads the other side's log.
    public var reason: StaticString {
        switch self {
        case .reservedBits: "reserved bit set without an extension"
        case .reservedOpcode: "reserved opcode"
        case .fragmentedControlFrame: "fragmented control frame"
        case .controlFrameTooLong: "control frame longer than 125 bytes"
        case .unmaskedFrame: "frames of a client must be masked"
        case .maskedFrame: "frames of a server must not be masked"
        case .lengthNotMinimal: "length not in its shortest form"
        case .lengthOverflow: "length beyond 2^63"
        case .unexpectedContinuation: "continuation without a message"
        case .unfinishedMessage: "new message inside a fragmented one"
        case .messageTooLong: "message too long"
        case .badCompression: "not a compressed message"
        case .invalidUTF8: "not UTF-8"
        case .closePayloadTooShort: "close payload of one byte"
        case .invalidCloseCode: "close code that must not be sent"
        }
    }
}
