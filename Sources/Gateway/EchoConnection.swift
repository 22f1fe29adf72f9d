import Bytes
import HTTPServer
import Reactor

/// `/ws-echo` (`WS_ECHO=1`): sends every message back, for conformance suites.
final class EchoConnection: WebSocketConnection {
    init(now: Instant) {
        super.init(maximumMessageLength: FeedLimits.echoMessage, now: now)
    }

    override func text(_ message: Span<UInt8>) { send(text: message) }
    override func binary(_ message: Span<UInt8>) { send(binary: message) }
}
