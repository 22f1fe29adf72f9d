import Bytes

/// A request-target taken apart (RFC 9112 §3.2). All ranges are offsets into the bytes it was parsed from.
///
///     origin      /scores?limit=5                     path, query
///     absolute    http://host:8000/scores?limit=5     authority, path, query
///     asterisk    *                                   OPTIONS only; path is the asterisk
///     authority   host:8000                           CONNECT only; never seen here, since CONNECT is an error
public struct RequestTarget: Equatable, Sendable {
    /// Begins with "/", or is "*". Not percent-decoded.
    public internal(set) var path: Range<Int>
    /// What follows "?", possibly empty; nil without "?". Not percent-decoded.
    public internal(set) var query: Range<Int>?
    /// Of the absolute form; it overrides Host (RFC 9112 §3.2.2).
    public internal(set) var authority: Range<Int>?

    /// - Parameters:
    ///   - target: the whole target, visible ASCII without "#".
    ///   - questionMark: the offset of its first "?".
    @inline(__always) init(
        _ bytes: Span<UInt8>, _ target: Range<Int>, questionMark: Int?, method: Method
    ) throws(HTTPError) {
        let end = questionMark ?? target.upperBound
        query = questionMark.map { $0 + 1..<target.upperBound }
        path = target.lowerBound..<end
        if method == .connect {
            guard Self.isAuthority(bytes.extracting(target), portIsRequired: true) else { throw .malformedAuthority }
            throw .connectNotSupported
        }
        if bytes[target.lowerBound] == UInt8(ascii: "/") { return }
        if target.count == 1, bytes[target.lowerBound] == UInt8(ascii: "*"), method == .options { return }
        try takeAbsolute(bytes, target, end: end)
    }

    /// Absolute form: what proxies are sent, and what every server has to take.
    private mutating func takeAbsolute(_ bytes: Span<UInt8>, _ target: Range<Int>, end: Int) throws(HTTPError) {
        let text = bytes.extracting(target)
        let scheme: Int
        if text.count >= 7, text.extracting(0..<7).equalsIgnoringCase("http://") {
            scheme = 7
        } else if text.count >= 8, text.extracting(0..<8).equalsIgnoringCase("https://") {
            scheme = 8
        } else {
            throw .unsuitableTargetForm
        }
        let start = target.lowerBound + scheme
        var slash = start
        while slash < end, bytes[slash] != UInt8(ascii: "/") { slash += 1 }
        let host = start..<slash
        // An empty host and user information are errors (RFC 9110 §4.2.1, §4.2.4).
        guard !host.isEmpty, bytes[host.lowerBound] != UInt8(ascii: ":"), Self.isAuthority(bytes.extracting(host))
        else { throw .malformedAuthority }
        authority = host
        // Without a path, the path is "/": the one that ends the scheme can stand for it.
        path = slash < end ? slash..<end : start - 1..<start
    }

    /// Whether the bytes are `uri-host [ ":" port ]` (RFC 3986 §3.2.2), as in Host. Empty is a host, too.
    static func isAuthority(_ bytes: Span<UInt8>, portIsRequired: Bool = false) -> Bool {
        var hostEnd = bytes.end(of: Octet.host, from: 0, to: bytes.count)
        if hostEnd == bytes.count { return !portIsRequired }
        if hostEnd == 0, bytes[0] == UInt8(ascii: "[") {
            // IP-literal: the one place where a host has colons.
            hostEnd = 1
            while hostEnd < bytes.count, Octet.is(bytes[hostEnd], Octet.host) || bytes[hostEnd] == UInt8(ascii: ":") {
                hostEnd += 1
            }
            guard hostEnd > 1, hostEnd < bytes.count, bytes[hostEnd] == UInt8(ascii: "]") else { return false }
            hostEnd += 1
            if hostEnd == bytes.count { return !portIsRequired }
        }
        guard bytes[hostEnd] == UInt8(ascii: ":") else { return false }
        for offset in hostEnd + 1..<bytes.count where bytes[offset] &- UInt8(ascii: "0") > 9 { return false }
        return !portIsRequired || (hostEnd > 0 && hostEnd + 1 < bytes.count)
    }
}
