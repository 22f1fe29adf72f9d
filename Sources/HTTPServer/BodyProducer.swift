/// Makes a long body piece by piece, at the pace the client reads it. The connection pulls: memory stays bounded
/// however long the body is.
open class BodyProducer {
    public init() {}

    /// It is this answer's turn: write (`HTTPConnection.write`) until the body ends, nothing is ready, or the connection
    /// `isCongested`. What is not ready yet is written later, unasked; after congestion this is called again when the
    /// output has left.
    open func resume(_ connection: HTTPConnection) {}

    /// The client is gone, or wanted no body (HEAD); no call follows.
    open func cancelled() {}
}
