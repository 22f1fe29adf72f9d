/// An `http` or `https` address to which paths are appended.
public struct HTTPURL: Sendable, Equatable, CustomStringConvertible {
    public let tls: Bool
    public let host: String
    public let port: UInt16
    /// Without the slash at its end; empty for none.
    public let path: String
    /// The whole, as written but without the slash at its end. May hold a password; `description` does not.
    public let text: String
    public let description: String

    init(_ text: String) throws(URLError) {
        let url = try URLParts(text)
        guard url.scheme == "http" || url.scheme == "https" else { throw URLError("the scheme is another one") }
        guard url.query == nil, !text.utf8.contains(UInt8(ascii: "#")) else { throw URLError("it has a ? or #") }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { throw URLError("it holds other than ASCII") }
        let endpoints = try url.endpoints()
        guard endpoints.count == 1, !endpoints[0].host.isEmpty, !endpoints[0].host.hasPrefix("/"),
            !endpoints[0].host.hasPrefix("@")
        else { throw URLError("the host is missing, or there are several") }
        tls = url.scheme == "https"
        host = endpoints[0].host
        port = endpoints[0].port ?? (tls ? 443 : 80)
        var segments = url.path ?? []
        while segments.last == UInt8(ascii: "/") { segments.removeLast() }
        path = segments.isEmpty ? "" : "/" + String(decoding: segments, as: UTF8.self)
        let site = endpoints[0].text + path
        // The last @ ends it here, and the first one elsewhere.
        let userinfo = url.userinfo.map {
            String(decoding: $0, as: UTF8.self).split(separator: "@", omittingEmptySubsequences: false)
                .joined(separator: "%40")
        }
        self.text = "\(url.scheme)://\(userinfo.map { $0 + "@" } ?? "")\(site)"
        let login = userinfo.map { $0.contains(":") ? $0.prefix { $0 != ":" } + ":***@" : "***@" }
        description = "\(url.scheme)://\(login ?? "")\(site)"
    }

    /// The address of `path`, which begins with a slash.
    public func appending(_ path: String) -> String {
        text + path
    }
}
