import Bytes
import HTTP1
import Reactor

/// A connection that has left requests and answers behind: a WebSocket, or an event stream. It took the stream over from
/// `HTTPConnection` after the answers before it had left.
open class UpgradedConnection: ServerConnection {
    public private(set) unowned var server: HTTPServer!  // set by `open`
    public private(set) var stream: TCPStream!  // set by `open`

    override init() { super.init() }

    /// The head of the answer that it begins with.
    /// - Parameter fields: what the request's ticket adds to an answer (`HTTPServer.keep`).
    func appendHead(
        _ request: RequestParser, in bytes: Span<UInt8>, date: DateField, fields: Span<UInt8>,
        to output: inout ByteBuffer
    ) {}

    /// The head is on its way; data may be sent.
    open func opened() {}

    /// No data may follow: the end has begun, or the connection is gone. Called once, last.
    open func ending() {}

    /// Something that is not the subclass's was put into `stream.output`.
    open func wroteControl() {}

    /// Whether data may still be sent.
    open var isOpen: Bool { stream.isOpen }

    open override var heldBytes: Int { stream.heldBytes }

    /// What is not read, or a message that is not whole.
    open override func mayBeShed(_ now: Instant) -> Bool {
        stream.isHeldUp(now) || heldBytes - stream.heldOutput >= server.held.little
    }

    open override func shed() { stream.close() }

    /// Ends it in the way that lets the peer come again.
    open func comeAgain(_ reason: StaticString) {}

    func open(_ stream: TCPStream, _ server: HTTPServer) {
        self.stream = stream
        self.server = server
        stream.returnsOutputMemory = true
        opened()
    }
}
