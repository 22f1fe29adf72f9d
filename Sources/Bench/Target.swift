import HTTP1
import Reactor
import TLS

/// A service under load: where its socket is, and under which path.
public struct Target: Equatable, Sendable {
    public struct Invalid: Error, CustomStringConvertible {
        public let description: String
    }

    /// `http://host:port/prefix` or `https://…`, as typed.
    public let text: String
    public let host: String
    public let port: UInt16
    /// Without a slash at its end; empty for the root.
    public let prefix: String

    /// Whom to trust; nil for `http` and `ws`.
    public let tls: TLSContext?

    /// `host:port` as the Host field has it.
    var authority: String { port == (tls == nil ? 80 : 443) ? host : "\(host):\(port)" }

    /// - Parameter caFile: certificates of those who may vouch for an `https` or `wss` service (PEM); nil: the system's.
    /// - Throws: `Invalid` when it is no URL of these schemes with a host, has a query, or the file cannot be used.
    public init(_ text: String, caFile: String? = nil) throws(Invalid) {
        self.text = text
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else {
            throw Invalid(description: "\(text): expected a URL such as http://localhost:8000")
        }
        let scheme = text[..<colon].lowercased()
        switch scheme {
        case "http", "ws": tls = nil
        case "https", "wss":
            do throws(TLSError) {
                tls = try TLSContext(trust: caFile.map { .file($0) } ?? .system)
            } catch {
                throw Invalid(description: "\(error)")
            }
        default:
            throw Invalid(
                description: "\(text): the scheme \(scheme) cannot be used here: http, https, ws and wss only")
        }
        let rest = text[text.index(colon, offsetBy: 3)...]
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let authority = rest[..<slash]
        var path = String(rest[slash...])
        while path.hasSuffix("/") { path.removeLast() }
        guard !path.contains("?"), !path.contains("#"), !authority.contains("@") else {
            throw Invalid(description: "\(text): a query, a fragment or a user cannot be used here")
        }
        guard Self.isPath(path), authority.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw Invalid(description: "\(text): expected visible ASCII, and the rest percent-encoded")
        }
        prefix = path
        let portColon: String.Index?
        if authority.hasPrefix("["), let bracket = authority.firstIndex(of: "]") {
            host = String(authority[..<authority.index(after: bracket)])
            portColon = authority[bracket...].firstIndex(of: ":")
        } else {
            portColon = authority.firstIndex(of: ":")
            host = String(authority[..<(portColon ?? authority.endIndex)])
        }
        if let portColon {
            guard let port = UInt16(authority[authority.index(after: portColon)...]), port > 0 else {
                throw Invalid(description: "\(text): expected a port from 1 to 65535")
            }
            self.port = port
        } else {
            port = tls == nil ? 80 : 443
        }
        guard !host.isEmpty else { throw Invalid(description: "\(text): the host is missing") }
    }

    /// Whether a path, with or without a query, goes on the wire as it is.
    public static func isPath(_ path: String) -> Bool {
        path.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "#") }
    }

    /// Puts TLS under a connection that was just begun, if the service has it. One for which that cannot be is closed.
    func secure(_ stream: TCPStream?) {
        guard let tls, let stream else { return }
        do throws(TLSError) { stream.secure(try TLSSession(tls, host: resolvableHost)) } catch { stream.close() }
    }

    /// The host as the resolver takes it: without the brackets of a literal IPv6 address.
    var resolvableHost: String {
        host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    }
}
