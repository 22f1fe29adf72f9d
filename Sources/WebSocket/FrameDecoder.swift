/// Cuts what was received into frames. Knows one frame at a time: what frames mean to each other is the
/// `MessageAssembler`'s and the session's matter.
///
///     bytes ──▶ FrameDecoder ──▶ MessageAssembler ──▶ WebSocketSession ──▶ events
///               header, pieces    message, UTF-8       control frames
///
/// A data frame comes as its header and then as pieces of payload, as they arrive: a long one never has to lie in the
/// receive buffer as a whole. A control frame comes whole; it has 139 bytes at most, and waits for them in the receive buffer.
///
/// The contract is h11's: an event, or `.needMore`, or an error. After an error the decoder must not be used again.
public struct FrameDecoder: Sendable {
    public enum Event: Equatable, Sendable {
        /// Nothing can be said before more bytes are there; none were consumed.
        case needMore
        /// A data frame begins. `consumed` bytes were its header; `.payload` follows, also when it is empty.
        case dataFrame(FrameHeader, consumed: Int)
        /// The next `consumed` bytes (0 only if the payload is empty) belong to the data frame, and unmask with the key.
        case payload(consumed: Int, maskingKey: MaskingKey, endsFrame: Bool)
        /// A whole control frame: its header, and after it as many bytes of payload as it says; `consumed` covers both.
        case controlFrame(FrameHeader, consumed: Int)
    }

    /// What negotiated extensions gave a meaning to (RFC 7692: RSV1). Any other bit is an error.
    private let allowedReservedBits: ReservedBits

    private let role: WebSocketRole
    private var isInPayload = false
    /// For the next byte of payload.
    private var maskingKey = MaskingKey.none
    /// Bytes of the data frame's payload that are still to come.
    private var missing = 0

    /// - Parameters:
    ///   - role: who receives the frames.
    ///   - allowedReservedBits: those of negotiated extensions.
    public init(role: WebSocketRole, allowedReservedBits: ReservedBits = []) {
        self.role = role
        self.allowedReservedBits = allowedReservedBits
    }

    /// Decodes what comes next.
    /// - Parameter bytes: all that was received and not consumed yet.
    /// - Throws: the first thing that no frame may say, decided on each byte as soon as it is there.
    public mutating func next(_ bytes: Span<UInt8>) throws(WebSocketError) -> Event {
        if isInPayload { return nextPiece(available: bytes.count) }
        guard
            let header = try FrameHeader.decode(
                bytes, receivedBy: role, allowedReservedBits: allowedReservedBits)
        else { return .needMore }
        let headerLength = header.encodedLength
        if header.opcode.isControl {
            let length = headerLength + header.payloadLength
            return bytes.count < length ? .needMore : .controlFrame(header, consumed: length)
        }
        isInPayload = true
        maskingKey = header.maskingKey ?? .none
        missing = header.payloadLength
        return .dataFrame(header, consumed: headerLength)
    }

    private mutating func nextPiece(available: Int) -> Event {
        let length = min(available, missing)
        if length == 0, missing > 0 { return .needMore }
        let key = maskingKey
        missing -= length
        maskingKey = key.advanced(by: length)
        isInPayload = missing > 0
        return .payload(consumed: length, maskingKey: key, endsFrame: !isInPayload)
    }
}
