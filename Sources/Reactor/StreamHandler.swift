import TLS

/// Why a stream ended.
public enum StreamEnd: Equatable, Sendable {
    /// This side closed it.
    case local
    /// The peer closed it.
    case peer
    /// The deadline of a connect passed.
    case timeout
    case error(SystemError)
    /// The peer does not keep to TLS, or is not who it should be.
    case tls(TLSError)
}

/// What lives on a `TCPStream`: an HTTP connection, a WebSocket, an AMQP connection.
open class StreamHandler {
    public init() {}

    /// An outgoing connection stands.
    open func connected() {}

    /// The TLS handshake of a stream that was secured is done.
    open func secured() {}

    /// Bytes came. `bytes` is everything not consumed so far; what the handler does not consume is kept and presented
    /// again with more behind it. The span is valid within the call only.
    /// - Returns: how many bytes were consumed, from the front.
    open func received(_ bytes: Span<UInt8>) -> Int { bytes.count }

    /// The peer finished sending; it may still read. Default: what was asked before is still answered, then closed.
    open func receivedEnd() {}

    /// Everything written has left for the kernel, after the stream was congested or some of it had to wait.
    open func drained() {}

    /// The last call. The descriptor is closed.
    open func closed(_ reason: StreamEnd) {}
}
