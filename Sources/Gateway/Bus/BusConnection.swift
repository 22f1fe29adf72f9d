import AMQP
import Bytes
import Reactor

/// What one part of the gateway has of the bus, whichever bus it is: RabbitMQ (`BrokerConnection`), or the one inside the
/// process (`LocalPublisher`, `LocalSubscription`, `LocalQueue`). The words are AMQP's.
class BusConnection {
    /// Connects; goes on by itself after every outage. The client hears `ready`, never before this returns.
    func start() {}

    /// Ends what is under way, and the connection; nothing more is told.
    func close(deadline: Instant) {}

    var isClosed: Bool { true }
    var isReady: Bool { false }

    // MARK: Who publishes

    /// Whether messages that were confirmed are safe when this process dies.
    var isDurable: Bool { true }

    /// Whether `publish` takes a message now.
    var canPublish: Bool { false }

    /// Publishes one message; `confirmed` or `unconfirmed` follows with the ticket, never before this returns.
    /// - Returns: false when nothing was taken.
    func publish(scores: Int, messageID: Span<UInt8>, body: Span<UInt8>, ticket: UInt64) -> Bool { false }

    // MARK: Who consumes

    /// The delivery is dealt with.
    /// - Parameter multiple: with all before it.
    func ack(_ deliveryTag: UInt64, multiple: Bool) {}

    /// Hands back what is not acknowledged; it is delivered again, after `ready`.
    /// - Returns: false when it cannot be now.
    func handBackDeliveries() -> Bool { false }

    /// Why the queue is not as it should be; nil when it is.
    var queueRefusal: String? { nil }

    /// Who else takes from the queue.
    var otherConsumers: Int { 0 }

    /// What is published has one form on every bus.
    static func contentType(scores: Int) -> StaticString {
        scores > 1 ? "application/x-ndjson" : "application/json"
    }
}

/// What a part of the gateway is told by the bus; see `AMQPClient`, whose calls these are.
class BusClient {
    /// Messages may be published and will be delivered. Called again after each `disconnected`.
    func ready() {}
    func disconnected(_ error: AMQPError) {}
    /// A message came; it is valid within the call only.
    func delivered(_ delivery: borrowing Delivery) {}
    /// A message was dropped unread.
    func dropped(_ error: AMQPError) {}
    func confirmed(_ ticket: UInt64) {}
    func unconfirmed(_ ticket: UInt64) {}
    /// Whether more can be published has changed.
    func flowChanged(blocked: Bool) {}
}
