import Bytes
import HTTP1
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
    /// What stands before it anybody could have written.
    /// - Parameters:
    ///   - peer: of the connection. When it is no trusted proxy, it is the client, whatever it says.
    ///   - forwarded: the value of the field; nil when there is none.
    func client(behind peer: IPAddress, in bytes: Span<UInt8>, _ forwarded: Range<Int>?) -> IPAddress {
        guard let forwarded, contains(peer) else { return peer }
        var client = peer
        for element in bytes.extracting(forwarded).text.split(separator: ",").reversed() {
            let trimmed = element.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }
                .reversed()
            guard let address = Self.address(String(trimmed)) else { break }
            client = address
            guard contains(address) else { break }
        }
        return client
    }

    /// As proxies write it: also in brackets, and with a port.
    private static func address(_ text: String) -> IPAddress? {
        if let address = IPAddress(text) { return address }
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            return IPAddress(String(text[text.index(after: text.startIndex)..<end]))
        }
        return text.firstIndex(of: ":").flatMap { IPAddress(String(text[..<$0])) }
    }
}
