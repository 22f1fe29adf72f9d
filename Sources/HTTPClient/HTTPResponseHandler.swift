/// What the client tells of an answer's head.
public struct HTTPResponseHead: Equatable, Sendable {
    /// Of the final answer: never 1xx, and not of a redirect that was followed.
    public var status: Int
    public var contentType: String?
    /// How long the server asks to wait (RFC 9110 section 10.2.3), at most `Limits.retryAfter`.
    public var retryAfter: Duration?

    public init(status: Int, contentType: String? = nil, retryAfter: Duration? = nil) {
        self.status = status
        self.contentType = contentType
        self.retryAfter = retryAfter
    }
}

/// Gets one answer: `head`, `body` any number of times, and at last `finished`, in calls of the reactor's thread.
/// None of them comes from within `send`, `cancel` or `close`, and each may call these.
open class HTTPResponseHandler {
    public init() {}

    /// The head, at the latest when the first bytes of the body are there. Not called when there is no answer.
    open func head(_ head: HTTPResponseHead) {}

    /// The next bytes of the body, valid within the call only; the client keeps none of them.
    /// - Returns: false to break off the transfer, which then ends as `aborted`.
    open func body(_ bytes: Span<UInt8>) -> Bool { true }

    /// The end: once, and the last call. An answer of any status is a success; whether 429 or 500 is one is the
    /// handler's question.
    open func finished(_ result: Result<HTTPResponseHead, HTTPClientError>) {}
}
