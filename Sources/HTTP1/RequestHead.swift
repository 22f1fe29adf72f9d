import Bytes

/// What the head of a request says. All ranges are offsets into the bytes that were given to the call that returned
/// `.head`.
public struct RequestHead: Equatable, Sendable {
    public internal(set) var method = Method.get
    /// The method's bytes, for those that are `other`.
    public internal(set) var methodToken = 0..<0
    /// The whole request-target as it was sent.
    public internal(set) var target = 0..<0
    /// Begins with "/", or is "*" (OPTIONS only). Not percent-decoded.
    public internal(set) var path = 0..<0
    /// What follows "?", possibly empty; nil without "?". Not percent-decoded: see `QueryParser`.
    public internal(set) var query: Range<Int>?
    /// The host and port the request is for: of an absolute-form target, else of Host; nil when neither is there
    /// (HTTP/1.0).
    public internal(set) var authority: Range<Int>?
    /// The digit after "HTTP/1."; above 1 means the same as 1 (RFC 9110 §2.5).
    public internal(set) var versionMinor: UInt8 = 1
    public internal(set) var framing = BodyFraming.none
    /// Whether the client is ready for another request on this connection (RFC 9112 §9.3).
    public internal(set) var keepAlive = true
    /// `Expect: 100-continue`; never for HTTP/1.0, which has to be ignored there (RFC 9110 §10.1.1).
    public internal(set) var expectsContinue = false
    /// GET, `Connection: upgrade` and `Upgrade: websocket` (RFC 6455 §4.2.1); the other fields of the handshake are not
    /// looked at here.
    public internal(set) var isWebSocketUpgrade = false
    /// The field lines: see `FieldLines`.
    public internal(set) var fields = 0..<0
    public internal(set) var fieldCount = 0
}
