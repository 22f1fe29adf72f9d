import Bytes
import HTTP1
import HTTPServer
import Reactor
import Synchronization

/// Who may come in, and how often: tokens, the rate of requests and of connections, connections of one address. One for
/// the process; the probes (`/healthz`, `/readiness`, `/metrics`) do not pass here.
final class Admission: Sendable {
    private let tokens: APITokens?
    private let proxies: Networks
    private let limiter: RateLimiter?
    /// Connections of one address; nil: no more than of all together.
    private let mostConnections: Int?
    private let connections = Mutex<[IPAddress: Int]>([:])

    init(_ configuration: Configuration) {
        tokens = configuration.apiTokens
        proxies = configuration.trustedProxies
        limiter = configuration.rateLimit.map { RateLimiter($0) }
        mostConnections = configuration.maxConnectionsPerAddress
    }

    /// Whether each new connection is to be asked about.
    var watchesConnections: Bool { limiter != nil || mostConnections != nil }

    /// An IPv6 client has a whole network of its own (RFC 6177): its addresses are one.
    private static func client(_ address: IPAddress) -> IPAddress {
        address.isIPv4 ? address : address.prefix(64)
    }

    // MARK: Connections

    /// Whether an address may have one connection more. A connection costs as much of the rate as a request, or connecting
    /// and leaving would be free; but none is refused for that: it may be a probe's, from an address that others share.
    func admits(_ peer: IPAddress, at now: Instant) -> Bool {
        // Everybody comes through them.
        if proxies.contains(peer) { return true }
        let client = Self.client(peer)
        _ = limiter?.take(Client.address(client), at: now)
        guard let mostConnections else { return true }
        return connections.withLock { connections in
            guard connections[client, default: 0] < mostConnections else { return false }
            connections[client, default: 0] += 1
            return true
        }
    }

    /// A connection that was admitted has ended.
    func left(_ peer: IPAddress) {
        guard mostConnections != nil, !proxies.contains(peer) else { return }
        connections.withLock { connections in
            let client = Self.client(peer)
            guard let count = connections[client] else { return }
            connections[client] = count > 1 ? count - 1 : nil
        }
    }

    // MARK: Requests

    private enum Client: Hashable {
        case token(Int)
        case address(IPAddress)
    }

    /// Whether a request may go on; it is answered if not: 401 (RFC 6750 section 3), 429 (RFC 6585 section 4).
    /// - Parameter writes: whether it needs a token, if tokens are asked for.
    func admits(
        _ request: RequestParser, in bytes: Span<UInt8>, writes: Bool, _ ticket: ResponseTicket, on server: HTTPServer
    ) -> Bool {
        guard tokens != nil || limiter != nil else { return true }
        var token: Int?
        if let tokens, let range = request.value(of: .authorization), !request.isRepeated(.authorization) {
            token = tokens.match(bytes.extracting(range))
        }
        if let limiter {
            guard let client = client(of: request, bytes, token, ticket, server) else { return true }
            let wait = limiter.take(client, at: server.reactor.now)
            guard wait == .zero else {
                refuse(ticket, after: wait, on: server)
                return false
            }
        }
        guard tokens != nil, writes, token == nil else { return true }
        server.refuse(
            ticket, .unauthorized, detail: "Scores are taken with a token: Authorization: Bearer …",
            fields: request.value(of: .authorization) == nil
                ? "WWW-Authenticate: Bearer realm=\"scores\"\r\n"
                : "WWW-Authenticate: Bearer realm=\"scores\", error=\"invalid_token\"\r\n")
        return false
    }

    /// nil when the connection is gone already.
    private func client(
        of request: RequestParser, _ bytes: Span<UInt8>, _ token: Int?, _ ticket: ResponseTicket, _ server: HTTPServer
    ) -> Client? {
        if let token { return .token(token) }
        guard let peer = server.peer(of: ticket) else { return nil }
        guard !proxies.isEmpty, let first = request.value(of: .xForwardedFor) else {
            return .address(Self.client(peer))
        }
        var forwarded = [first]
        if request.isRepeated(.xForwardedFor) {
            var lines = FieldLines(request.head.fields)
            forwarded.removeAll()
            while let line = lines.next("x-forwarded-for", bytes) { forwarded.append(line) }
        }
        return .address(Self.client(proxies.client(behind: peer, in: bytes, forwarded)))
    }

    private func refuse(_ ticket: ResponseTicket, after wait: Duration, on server: HTTPServer) {
        var body = ByteBuffer()
        server.appendProblem(.tooManyRequests, detail: "Too many requests: try again later.", to: &body)
        var fields = ByteBuffer(capacity: 32)
        fields.append("Retry-After: ")
        // Whole seconds (RFC 9110 section 10.2.3), never too early.
        fields.append(decimal: max(1, (wait.wholeNanoseconds + 999_999_999) / 1_000_000_000))
        fields.append("\r\n")
        server.respond(
            ticket, .tooManyRequests, contentType: "application/problem+json", fields: fields.bytes, body: body.bytes)
    }
}
