import Bytes
import HTTPServer
import Reactor
import WebSocket

/// `/ws-echo` (`WS_ECHO=1`): sends every message back, compressed where that was agreed on, for conformance suites.
final class EchoConnection: WebSocketConnection {
    init(deflate: PermessageDeflate?, now: Instant) {
        super.init(maximumMessageLength: FeedLimits.echoMessage, deflate: deflate, now: now)
    }

    override func text(_ message: Span<UInt8>) { send(text: message) }
    override func binary(_ message: Span<UInt8>) { send(binary: message) }
}
