/// Makes a long body piece by piece, at the pace the client reads it. The connection pulls: memory stays bounded
/// however long the body is.
open class BodyProducer {
    public init() {}

    /// It is this answer's turn and there is room: write some (`HTTPConnection.write`) and return. When nothing is
    /// ready yet, return and write later; the connection calls again each time its output has left.
    open func resume(_ connection: HTTPConnection) {}

    /// The client is gone; no call follows.
    open func cancelled() {}
}
