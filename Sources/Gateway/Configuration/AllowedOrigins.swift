/// Which pages may open the live feed (`Origin`, RFC 6454 and RFC 6455 section 10.2).
public enum AllowedOrigins: Sendable, Equatable {
    /// The page that this server gave out, and clients that send no `Origin`.
    case own
    case any
    /// Origins as browsers send them: in lower case, without a default port.
    case list([String])

    /// `*`, or origins separated by commas; nil when one is none.
    init?(_ text: String) {
        if text == "*" {
            self = .any
            return
        }
        var origins: [String] = []
        for piece in text.split(separator: ",", omittingEmptySubsequences: false) {
            let trimmed = piece.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
            guard let url = try? HTTPURL(String(trimmed)), url.path.isEmpty, !url.text.contains("@") else { return nil }
            origins.append(url.origin)
        }
        guard origins.count <= ConfigurationLimits.origins else { return nil }
        self = .list(origins)
    }
}

extension HTTPURL {
    /// As a browser sends it.
    var origin: String {
        let port = port == (tls ? 443 : 80) ? nil : port
        return "\(tls ? "https" : "http")://\(HostPort(host: host.lowercased(), port: port).text)"
    }
}
