/// The bits of a frame's first byte that only extensions give a meaning (RFC 6455, 5.2).
public struct ReservedBits: OptionSet, Sendable {
    public let rawValue: UInt8

    @inlinable public init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// RSV1. In permessage-deflate: the message is compressed (RFC 7692, 6).
    public static let rsv1 = ReservedBits(rawValue: 0x40)
    public static let rsv2 = ReservedBits(rawValue: 0x20)
    public static let rsv3 = ReservedBits(rawValue: 0x10)
}
