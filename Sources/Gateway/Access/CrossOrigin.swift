import Bytes
import HTTP1

/// Which pages of other origins may use `/scores` and read `/events` (CORS: the Fetch standard, section 3.2), by
/// `ALLOWED_ORIGINS`. Unset: none. A WebSocket needs no leave to be read, but one to be opened (`Origin`). Cookies are of no use
/// here, so credentials are never allowed.
struct CrossOrigin {
    /// Field lines for answers; the number of a set, from 1, goes with the request's ticket (`ResponseTicket.adding`).
    let fieldSets: [[UInt8]]
    private let origins: [String]
    private let any: Bool

    /// What a browser asks before it sends what a form could not.
    static let preflight: StaticString = """
        Allow: GET, HEAD, POST, OPTIONS\r
        Access-Control-Allow-Methods: GET, HEAD, POST\r
        Access-Control-Allow-Headers: Content-Type, Authorization, Idempotency-Key, If-None-Match\r
        Access-Control-Max-Age: 600\r\n
        """

    /// The same for `/events`. A browser's own `EventSource` does not ask.
    static let eventsPreflight: StaticString = """
        Allow: GET, HEAD, OPTIONS\r
        Access-Control-Allow-Methods: GET, HEAD\r
        Access-Control-Allow-Headers: Last-Event-ID\r
        Access-Control-Max-Age: 600\r\n
        """

    private static let exposed = "Access-Control-Expose-Headers: ETag, Link, Location, Retry-After\r\n"

    init(_ allowed: AllowedOrigins) {
        switch allowed {
        case .own:
            (origins, any, fieldSets) = ([], false, [])
        case .any:
            (origins, any) = ([], true)
            fieldSets = [Array("Access-Control-Allow-Origin: *\r\n\(Self.exposed)".utf8)]
        case .list(let list):
            (origins, any) = (list, false)
            // The answer to one is not that to another: caches have to know, also of the answer to none.
            fieldSets =
                [Array("Vary: Origin\r\n".utf8)]
                + list.map { Array("Access-Control-Allow-Origin: \($0)\r\nVary: Origin\r\n\(Self.exposed)".utf8) }
        }
    }

    /// The set for the answer to a request; 0: none.
    func fieldSet(_ request: RequestParser, in bytes: Span<UInt8>) -> UInt8 {
        if any { return request.value(of: .origin) == nil ? 0 : 1 }
        guard !origins.isEmpty else { return 0 }
        guard let range = request.value(of: .origin), !request.isRepeated(.origin) else { return 1 }
        let origin = bytes.extracting(range).text
        return origins.firstIndex(of: origin).map { UInt8(truncatingIfNeeded: $0 + 2) } ?? 1
    }

    /// Whether a set lets the page read the answer.
    func isAllowed(_ fieldSet: UInt8) -> Bool { any ? fieldSet == 1 : fieldSet > 1 }
}
