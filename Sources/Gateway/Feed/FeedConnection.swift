import Bytes
import HTTPServer
import Reactor
import WebSocket

/// The feed on a WebSocket. What a client says is read and dropped.
final class FeedConnection: WebSocketConnection {
    private var subscription: FeedSubscription!  // made in init; needs self

    init(_ hub: FeedHub, start: FeedSubscription.Start, deflate: PermessageDeflate?) {
        super.init(maximumMessageLength: FeedLimits.clientMessage, deflate: deflate, now: hub.reactor.now)
        subscription = FeedSubscription(hub.hub(for: deflate), start: start, on: self)
    }

    override func opened() { subscription.opened() }
    override func wroteControl() { subscription.wroteControl() }
    override func ending() { subscription.ending() }

    override func drained() {
        super.drained()
        subscription.drained()
    }

    override func binary(_ message: Span<UInt8>) {
        close(.unsupportedData, reason: "this feed takes no binary messages")
    }
}
