import Bytes

/// What stands before a frame's payload (RFC 6455, 5.2).
///
///      0                   1                   2                   3
///      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///     +-+-+-+-+-------+-+-------------+-------------------------------+
///     |F|R|R|R| opcode|M| Payload len |    Extended payload length    |
///     |I|S|S|S|  (4)  |A|     (7)     |             (16/64)           |
///     |N|V|V|V|       |S|             |   (if payload len==126/127)   |
///     | |1|2|3|       |K|             |                               |
///     +-+-+-+-+-------+-+-------------+ - - - - - - - - - - - - - - - +
///     |     Extended payload length continued, if payload len == 127  |
///     + - - - - - - - - - - - - - - - +-------------------------------+
///     |                               |Masking-key, if MASK set to 1  |
///     +-------------------------------+-------------------------------+
///     | Masking-key (continued)       |          Payload Data         |
///     +-------------------------------- - - - - - - - - - - - - - - - +
///
/// All numbers have their highest byte first; a length is written in as few bytes as it fits.
public struct FrameHeader: Equatable, Sendable {
    public var opcode: Opcode
    /// FIN: this frame ends its message.
    public var isFinal: Bool
    /// RSV1–3, where they stand in the first byte.
    public var reservedBits: ReservedBits
    /// Nil: the payload is not masked.
    public var maskingKey: MaskingKey?
    /// In bytes; less than 2⁶³.
    public var payloadLength: Int

    public init(
        _ opcode: Opcode, payloadLength: Int, isFinal: Bool = true, reservedBits: ReservedBits = [],
        maskingKey: MaskingKey? = nil
    ) {
        self.opcode = opcode
        self.isFinal = isFinal
        self.reservedBits = reservedBits
        self.maskingKey = maskingKey
        self.payloadLength = payloadLength
    }

    /// How many bytes the header takes: 2 to 14.
    public var encodedLength: Int {
        FrameHeader.encodedLength(payloadLength: payloadLength, isMasked: maskingKey != nil)
    }

    /// How many bytes the header of such a payload takes.
    @inlinable public static func encodedLength(payloadLength: Int, isMasked: Bool = false) -> Int {
        (payloadLength < 126 ? 2 : payloadLength <= 0xFFFF ? 4 : 10) + (isMasked ? 4 : 0)
    }

    /// Writes the header to memory that has room for it.
    /// - Returns: how many bytes it took.
    @discardableResult
    public func encode(into memory: UnsafeMutableRawBufferPointer) -> Int {
        precondition(payloadLength >= 0 && memory.count >= encodedLength, "no room for the header")
        let mask: UInt8 = maskingKey == nil ? 0 : 0x80
        memory[0] = (isFinal ? 0x80 : 0) | reservedBits.rawValue | opcode.rawValue
        var length: Int
        switch payloadLength {
        case ..<126:
            memory[1] = mask | UInt8(truncatingIfNeeded: payloadLength)
            length = 2
        case ...0xFFFF:
            memory[1] = mask | 126
            memory[2] = UInt8(truncatingIfNeeded: payloadLength >> 8)
            memory[3] = UInt8(truncatingIfNeeded: payloadLength)
            length = 4
        default:
            memory[1] = mask | 127
            for index in 0..<8 {
                memory[2 + index] = UInt8(truncatingIfNeeded: payloadLength >> (56 - 8 * index))
            }
            length = 10
        }
        if let maskingKey {
            for index in 0..<4 {
                memory[length + index] = UInt8(truncatingIfNeeded: maskingKey.bits >> UInt32(8 * index))
            }
            length += 4
        }
        return length
    }

    /// Reads a header, and checks each byte as soon as it is there: all that a frame may not say by itself.
    /// - Parameters:
    ///   - bytes: begin with the header.
    ///   - role: who receives it. A server takes masked frames only, a client only unmasked ones (5.1).
    ///   - allowedReservedBits: those to which a negotiated extension gave a meaning in the first frame of a message.
    /// - Returns: nil while bytes are missing.
    public static func decode(
        _ bytes: Span<UInt8>, receivedBy role: WebSocketRole, allowedReservedBits: ReservedBits
    ) throws(WebSocketError) -> FrameHeader? {
        guard bytes.count >= 1 else { return nil }
        let first = bytes[0]
        let isFinal = first & 0x80 != 0
        let reservedBits = ReservedBits(rawValue: first & 0x70)
        guard let opcode = Opcode(rawValue: first & 0x0F) else { throw .reservedOpcode }
        if !reservedBits.isEmpty {
            guard opcode == .text || opcode == .binary, reservedBits.isSubset(of: allowedReservedBits) else {
                throw .reservedBits
            }
        }
        if opcode.isControl, !isFinal { throw .fragmentedControlFrame }

        guard bytes.count >= 2 else { return nil }
        let isMasked = bytes[1] & 0x80 != 0
        switch role {
        case .server: if !isMasked { throw .unmaskedFrame }
        case .client: if isMasked { throw .maskedFrame }
        }
        let short = bytes[1] & 0x7F
        if opcode.isControl, short > WebSocketLimits.controlPayload { throw .controlFrameTooLong }

        var length = Int(short)
        var position = 2
        if short == 126 {
            guard bytes.count >= 4 else { return nil }
            length = Int(bytes[2]) << 8 | Int(bytes[3])
            position = 4
            guard length >= 126 else { throw .lengthNotMinimal }
        } else if short == 127 {
            // The highest bit is known one byte after the marker: no need to wait for the others.
            guard bytes.count >= 3 else { return nil }
            guard bytes[2] & 0x80 == 0 else { throw .lengthOverflow }
            guard bytes.count >= 10 else { return nil }
            length = 0
            for index in 2..<10 { length = length << 8 | Int(bytes[index]) }
            position = 10
            guard length > 0xFFFF else { throw .lengthNotMinimal }
        }

        var maskingKey: MaskingKey?
        if isMasked {
            guard bytes.count >= position + 4 else { return nil }
            maskingKey = MaskingKey(
                bytes[position], bytes[position + 1], bytes[position + 2], bytes[position + 3])
        }
        return FrameHeader(
            opcode, payloadLength: length, isFinal: isFinal, reservedBits: reservedBits, maskingKey: maskingKey)
    }
}
