import Bytes

/// The four bytes with which a client's payload is XORed, so that no intermediary mistakes it for a request
/// (RFC 6455, 5.3 and 10.3). Byte i of the payload meets byte i mod 4 of the key.
public struct MaskingKey: Equatable, Sendable {
    /// The key's first byte on the wire is the lowest of the number.
    let bits: UInt32

    init(bits: UInt32) {
        self.bits = bits
    }

    public init(_ first: UInt8, _ second: UInt8, _ third: UInt8, _ fourth: UInt8) {
        bits = UInt32(first) | UInt32(second) << 8 | UInt32(third) << 16 | UInt32(fourth) << 24
    }

    /// The key that changes nothing: for payload that is not masked.
    static let none = MaskingKey(bits: 0)

    /// A key from the system's entropy, as 5.3 demands of a client that carries somebody else's data.
    public static func random() -> MaskingKey {
        var generator = SystemRandomNumberGenerator()
        return MaskingKey(bits: generator.next())
    }

    /// The key for the bytes that follow the first `count` bytes of a payload.
    func advanced(by count: Int) -> MaskingKey {
        let shift = UInt32(truncatingIfNeeded: count & 3) &* 8
        return MaskingKey(bits: bits &>> shift | bits &<< (32 &- shift & 31))
    }

    /// Writes `source`, XORed with the key, to `target`, which has room for it.
    func mask(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawPointer) {
        guard let from = source.baseAddress else { return }
        let count = source.count
        let wide = UInt64(bits) | UInt64(bits) << 32
        let word = wide.littleEndian
        var offset = 0
        while offset &+ 8 <= count {
            let masked = from.loadUnaligned(fromByteOffset: offset, as: UInt64.self) ^ word
            target.storeBytes(of: masked, toByteOffset: offset, as: UInt64.self)
            offset &+= 8
        }
        var rest = wide
        while offset < count {
            let masked = from.load(fromByteOffset: offset, as: UInt8.self) ^ UInt8(truncatingIfNeeded: rest)
            target.storeBytes(of: masked, toByteOffset: offset, as: UInt8.self)
            rest >>= 8
            offset &+= 1
        }
    }
}

extension ByteBuffer {
    /// Appends `bytes`, XORed with the key: masks what is sent, unmasks what was received, in the one copy there is.
    public mutating func append(_ bytes: Span<UInt8>, masking key: MaskingKey) {
        let count = bytes.count
        guard count > 0 else { return }
        if key == .none { return append(bytes) }
        bytes.withUnsafeBytes { source in
            append(atLeast: count) { free in
                key.mask(source, into: free.baseAddress!)  // `append(atLeast:)` gives at least `count` > 0 bytes
                return count
            }
        }
    }
}
