/// Where one request and its response stand to each other, and what that means for the connection: whether
/// `100 Continue` is due, and whether the response has to say `close` (RFC 9110 §10.1.1, RFC 9112 §9.3 and §9.6).
///
/// One for each request under way; it sees the parser's events and what the server sends.
public struct ServerMessageState: Equatable, Sendable {
    private var isContinueDue: Bool
    private var isReceived = false
    private var mustClose: Bool
    private let isHTTP10: Bool

    public init(_ head: RequestHead) {
        // A request whose content is empty waits for nothing.
        isContinueDue = head.expectsContinue && head.framing != .none && head.framing != .length(0)
        mustClose = !head.keepAlive
        isHTTP10 = head.versionMinor == 0
    }

    /// A piece of the content arrived: the client did not wait, and need not be told to go on.
    public mutating func receivedBody() {
        isContinueDue = false
    }

    /// The parser said `.end`.
    public mutating func receivedEnd() {
        isContinueDue = false
        isReceived = true
    }

    /// The connection is to end after this response, whatever the client would like: draining, or an error.
    public mutating func closeAfterwards() {
        mustClose = true
    }

    /// The server is about to wait for the content.
    /// - Returns: whether `ResponseEncoder.continueResponse` is to be sent first; true once at most.
    public mutating func takeContinue() -> Bool {
        defer { isContinueDue = false }
        return isContinueDue
    }

    /// What the final response has to say, if it is begun now.
    ///
    /// A response that comes before the end of the request's content closes: what the client sends from here on, the rest
    /// of the content or, having been refused a 100, the next request, cannot be told apart.
    public var connection: ConnectionOption {
        if mustClose || !isReceived { return .close }
        return isHTTP10 ? .keepAliveHTTP10 : .keepAlive
    }
}
