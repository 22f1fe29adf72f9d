import Glibc

/// An IPv4 or IPv6 address as a number; IPv4 as its mapped form (RFC 4291 section 2.5.5.2), so that both compare alike.
public struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A numeric address without port, brackets or zone; nil for anything else.
    public init?(_ text: String) {
        guard let address = SocketAddress(numeric: text, port: 0), let number = IPAddress(address) else { return nil }
        self = number
    }

    /// That of a socket's address; nil for a UNIX-domain one.
    public init?(_ address: SocketAddress) {
        switch address.family {
        case AF_INET:
            let offset = MemoryLayout<sockaddr_in>.offset(of: \.sin_addr)!
            self.init(high: 0, low: 0xffff << 32 | Self.bigEndian(address.bytes[offset..<offset + 4]))
        case AF_INET6:
            let offset = MemoryLayout<sockaddr_in6>.offset(of: \.sin6_addr)!
            self.init(
                high: Self.bigEndian(address.bytes[offset..<offset + 8]),
                low: Self.bigEndian(address.bytes[offset + 8..<offset + 16]))
        default: return nil
        }
    }

    private static func bigEndian(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }

    public var isIPv4: Bool { high == 0 && low >> 32 == 0xffff }

    /// Only the first `count` of its 128 bits; the others are zero.
    public func prefix(_ count: Int) -> IPAddress {
        let highMask: UInt64 = count >= 64 ? .max : ~(.max >> UInt64(count))
        let lowMask: UInt64 = count >= 128 ? .max : count <= 64 ? 0 : ~(.max >> UInt64(count - 64))
        return IPAddress(high: high & highMask, low: low & lowMask)
    }

    public var description: String {
        if isIPv4 { return [24, 16, 8, 0].map { "\(low >> UInt64($0) & 0xff)" }.joined(separator: ".") }
        var groups: [String] = []
        for half in [high, low] {
            for shift in [48, 32, 16, 0] { groups.append(String(half >> UInt64(shift) & 0xffff, radix: 16)) }
        }
        return groups.joined(separator: ":")
    }
}
