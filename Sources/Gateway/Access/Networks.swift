import Bytes
import Glibc
import Reactor

/// Networks in CIDR form: the proxies whose word about their clients is taken (`TRUSTED_PROXIES`).
public struct Networks: Sendable, Equatable {
    private struct Network: Equatable {
        let address: IPAddress
        /// Of 128 bits.
        let length: Int
    }

    private var networks: [Network] = []

    public static let none = Networks()

    private init() {}

    /// Addresses and networks, separated by commas: `10.0.0.0/8, 192.0.2.7, 2001:db8::/32`; nil when one is none.
    init?(_ text: String) {
        for piece in text.split(separator: ",", omittingEmptySubsequences: false) {
            let trimmed = piece.split(separator: " ", omittingEmptySubsequences: true)
            guard trimmed.count == 1 else { return nil }
            let parts = trimmed[0].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            guard let address = IPAddress(String(parts[0])) else { return nil }
            let bits = address.isIPv4 ? 32 : 128
            var length = bits
            if parts.count == 2 {
                guard let stated = Int(parts[1]), (0...bits).contains(stated) else { return nil }
                length = stated
            }
            length += 128 - bits
            networks.append(Network(address: address.prefix(length), length: length))
        }
    }

    var isEmpty: Bool { networks.isEmpty }

    func contains(_ address: IPAddress) -> Bool {
        networks.contains { address.prefix($0.length) == $0.address }
    }

    /// Who speaks through proxies: of `X-Forwarded-For`, read from the end, the first address that is no trusted proxy.
    /// What stands before it anybody could have written, any bytes that a field may have among it.
    /// - Parameters:
    ///   - peer: of the connection. When it is no trusted proxy, it is the client, whatever it says.
    ///   - lines: the values of the field's lines, in their order: one list (RFC 9110 section 5.3). Some proxies append
    ///     to the line that is there, others add one.
    func client(behind peer: IPAddress, in bytes: Span<UInt8>, _ lines: [Range<Int>]) -> IPAddress {
        guard contains(peer) else { return peer }
        var client = peer
        for line in lines.reversed() {
            var end = line.upperBound
            while true {
                let comma = bytes.extracting(line.lowerBound..<end).lastIndex(of: UInt8(ascii: ","))
                let start = comma.map { line.lowerBound + $0 + 1 } ?? line.lowerBound
                let element = Self.trimmed(bytes.extracting(start..<end))
                // (Empty ones are none: RFC 9110 section 5.6.1.)
                if element.count > 0 {
                    guard let address = Self.address(element) else { return client }
                    client = address
                    guard contains(address) else { return client }
                }
                guard comma != nil else { break }
                end = start - 1
            }
        }
        return client
    }

    @_lifetime(copy bytes)
    private static func trimmed(_ bytes: Span<UInt8>) -> Span<UInt8> {
        var (start, end) = (0, bytes.count)
        while start < end, isBlank(bytes[start]) { start += 1 }
        while start < end, isBlank(bytes[end - 1]) { end -= 1 }
        return bytes.extracting(start..<end)
    }

    /// As proxies write it: also in brackets, and with a port.
    private static func address(_ text: Span<UInt8>) -> IPAddress? {
        guard let port = text.lastIndex(of: UInt8(ascii: ":")) else { return number(text) }
        guard text[0] == UInt8(ascii: "[") else {
            // One colon is that before a port.
            return text.firstIndex(of: UInt8(ascii: ":")) == port
                ? number(text.extracting(0..<port), port: text.extracting(port + 1..<text.count)) : number(text)
        }
        guard let end = text.lastIndex(of: UInt8(ascii: "]")) else { return nil }
        let address = text.extracting(1..<end)
        if end == text.count - 1 { return number(address) }
        return end == port - 1 ? number(address, port: text.extracting(port + 1..<text.count)) : nil
    }

    private static func number(_ text: Span<UInt8>, port: Span<UInt8>) -> IPAddress? {
        guard port.count > 0 else { return nil }
        for index in port.indices where !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(port[index]) { return nil }
        return number(text)
    }

    private static func number(_ text: Span<UInt8>) -> IPAddress? {
        // The longest is 45 bytes: INET6_ADDRSTRLEN counts the zero byte.
        guard text.count < INET6_ADDRSTRLEN else { return nil }
        // (inet_pton would stop at a zero byte.)
        for index in text.indices where text[index] == 0 { return nil }
        return IPAddress(text.text)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
}
