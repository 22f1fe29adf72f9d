import Bytes

/// Takes a request's body piece by piece, as it comes (`HeadDecision.stream`). The other way round of `BodyProducer`:
/// memory stays bounded however long the body is, because a consumer that has enough lets the client wait.
///
///     received* … ended       the body is complete; the answer is due, now or later, by ticket
///     received* … cancelled   it will not be: nobody waits for an answer any more
///
/// Exactly one of `ended` and `cancelled` is called, last.
open class BodyConsumer {
    public init() {}

    /// The next piece, never empty; valid within the call only. May answer by the request's ticket, before the body has
    /// come whole: the rest of it is read and dropped, and `cancelled` follows after this call.
    /// - Returns: whether it takes more. After false nothing is read from the client until `HTTPServer.resumeBody`;
    ///   neither is `ended` called. That pause is not held against the client, and has no end of its own: what resumes
    ///   it must come later than this call returns.
    open func received(_ piece: Span<UInt8>, on server: HTTPServer) -> Bool { true }

    /// Bytes of the body that it keeps in memory, for as long as only their number bounds them.
    open var heldBytes: Int { 0 }

    /// The body is complete. Answer by the request's ticket, now or later.
    open func ended(on server: HTTPServer) {}

    /// The body will not be taken to its end: the client has left or stopped in the middle, the server refused the rest
    /// by itself (malformed, too large, too slow), or the request was answered before its end. An answer that comes now
    /// is dropped.
    open func cancelled() {}
}
