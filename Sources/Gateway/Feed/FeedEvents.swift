import HTTPServer
import Reactor

/// The feed as Server-Sent Events: an event a score, whose id is the score's; a late score's has none.
final class FeedEvents: EventStreamConnection {
    private var subscription: FeedSubscription!  // made in init; needs self

    init(_ hub: FeedHub, start: FeedSubscription.Start) {
        super.init(now: hub.reactor.now)
        subscription = FeedSubscription(hub, start: start, on: self)
    }

    override func opened() { subscription.opened() }
    override func wroteControl() { subscription.wroteControl() }
    override func ending() { subscription.ending() }
    override func drained() { subscription.drained() }
}
