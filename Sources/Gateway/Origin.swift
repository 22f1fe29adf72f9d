import Bytes
import HTTP1

/// Who may open a WebSocket from a browser page (RFC 6455 section 10.2). Without `Origin` it is no browser.
enum Origin {
    /// - Parameter allowed: `ALLOWED_ORIGINS`; unset: only the page's own origin.
    static func isAllowed(
        _ request: RequestParser, in bytes: Span<UInt8>, by allowed: AllowedOrigins
    ) -> Bool {
        guard let range = request.value(of: .origin) else { return true }
        guard !request.isRepeated(.origin) else { return false }
        let origin = bytes.extracting(range).text.lowercased()
        switch allowed {
        case .any: return true
        case .list(let origins): return origins.contains(origin)
        case .own:
            let authority = request.head.authority.map { bytes.extracting($0).text.lowercased() } ?? ""
            return isOwn(origin, authority: authority)
        }
    }

    /// Whether a page from `authority` (the Host field) has this origin. The scheme is left out: a proxy in front may
    /// end TLS.
    static func isOwn(_ origin: String, authority: String) -> Bool {
        for (scheme, port) in [("http://", ":80"), ("https://", ":443")] where origin.hasPrefix(scheme) {
            let host = origin.dropFirst(scheme.count)
            return host == authority || host + port == authority || authority + port == host
        }
        return false
    }
}
