import Bytes
import Reactor

/// The connection's end of one TCP stream. The connection outlives many; what a former one still says is dropped.
final class AMQPLink: StreamHandler {
    var connection: AMQPConnection?
    let address: SocketAddress
    /// Set right after the handler is made, before the stream can call it, and for as long as this is the connection's
    /// present link: the stream keeps its handler, so the ring is opened when the link is dropped.
    var stream: TCPStream!

    init(_ connection: AMQPConnection, _ address: SocketAddress) {
        self.connection = connection
        self.address = address
    }

    override func connected() { connection?.connected(self) }

    override func received(_ bytes: Span<UInt8>) -> Int { connection?.received(bytes, self) ?? bytes.count }

    override func receivedEnd() { connection?.closed("closed by the broker", self) }

    override func drained() { connection?.drained(self) }

    override func closed(_ reason: StreamEnd) {
        let connection = self.connection
        self.connection = nil
        switch reason {
        case .local, .peer: connection?.closed("closed by the broker", self)
        case .timeout: connection?.closed("no answer in time", self)
        case .tls(let error): connection?.failed(error, self)
        case .error(let error): connection?.closed(error.description, self)
        }
    }
}
