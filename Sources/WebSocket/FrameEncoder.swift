import Bytes

/// Writes frames. A server gives no masking key, a client a new one for each frame (RFC 6455, 5.3).
///
/// Who keeps finished frames in memory of its own asks `FrameHeader` for the header's length and bytes instead.
public enum FrameEncoder {
    /// Appends a frame with `payload`.
    public static func append(
        _ opcode: Opcode, _ payload: Span<UInt8>, isFinal: Bool = true, reservedBits: ReservedBits = [],
        maskingKey: MaskingKey? = nil, to output: inout ByteBuffer
    ) {
        precondition(
            !opcode.isControl || isFinal && payload.count <= WebSocketLimits.controlPayload,
            "a control frame is short and whole (RFC 6455, 5.5)")
        let header = FrameHeader(
            opcode, payloadLength: payload.count, isFinal: isFinal, reservedBits: reservedBits,
            maskingKey: maskingKey)
        append(header, to: &output)
        output.append(payload, masking: maskingKey ?? .none)
    }

    /// Appends a text message in one frame. Whoever made the text answers for its being UTF-8.
    public static func append(
        text payload: Span<UInt8>, maskingKey: MaskingKey? = nil, to output: inout ByteBuffer
    ) {
        append(.text, payload, maskingKey: maskingKey, to: &output)
    }

    /// Appends a binary message in one frame.
    public static func append(
        binary payload: Span<UInt8>, maskingKey: MaskingKey? = nil, to output: inout ByteBuffer
    ) {
        append(.binary, payload, maskingKey: maskingKey, to: &output)
    }

    /// Appends a message in one frame, compressed (RFC 7692, 6.1), if that makes it shorter.
    /// - Parameter deflater: with a window that is no larger than what the receiver agreed to.
    /// - Returns: false when it does not: nothing was appended.
    public static func append(
        _ opcode: Opcode, _ message: Span<UInt8>, compressedBy deflater: Deflater, maskingKey: MaskingKey? = nil,
        to output: inout ByteBuffer
    ) -> Bool {
        guard message.count >= WebSocketLimits.leastCompressed else { return false }
        var payload = ByteBuffer(capacity: message.count)
        deflater.append(message, to: &payload)
        guard payload.count < message.count else { return false }
        append(opcode, payload.bytes, reservedBits: .rsv1, maskingKey: maskingKey, to: &output)
        return true
    }

    /// Appends a Close frame (5.5.1).
    /// - Parameters:
    ///   - code: one that may be sent, or nil for a frame without payload.
    ///   - reason: at most 123 bytes; empty if there is no code.
    public static func append(
        close code: CloseCode?, reason: StaticString = "", maskingKey: MaskingKey? = nil,
        to output: inout ByteBuffer
    ) {
        precondition(code?.mayBeSent ?? true, "the close code is not for the wire (RFC 6455, 7.4)")
        precondition(reason.utf8CodeUnitCount <= (code == nil ? 0 : WebSocketLimits.closeReason), "reason too long")
        var payload = [125 of UInt8](repeating: 0)
        var length = 0
        if let code {
            payload[0] = UInt8(truncatingIfNeeded: code.rawValue >> 8)
            payload[1] = UInt8(truncatingIfNeeded: code.rawValue)
            length = 2 + reason.utf8CodeUnitCount
            for index in 2..<length { payload[index] = reason.utf8Start[index - 2] }
        }
        append(.close, payload.span.extracting(first: length), maskingKey: maskingKey, to: &output)
    }

    private static func append(_ header: FrameHeader, to output: inout ByteBuffer) {
        output.append(atLeast: WebSocketLimits.headerLength) { header.encode(into: $0) }
    }
}
