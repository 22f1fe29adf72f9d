import AMQP
import Bytes
import Reactor

/// The bus that is RabbitMQ.
final class BrokerConnection: BusConnection {
    private let reactor: Reactor
    private let hears: Hearing
    private let connection: AMQPConnection

    init(
        _ reactor: Reactor, _ configuration: AMQPConfiguration, topology: Topology, publishes: Bool, client: BusClient
    ) {
        self.reactor = reactor
        hears = Hearing(client)
        connection = AMQPConnection(reactor, configuration, topology: topology, publishes: publishes, client: hears)
    }

    override func start() { connection.start() }
    override func close(deadline: Instant) { connection.close(deadline: deadline) }
    override var isClosed: Bool { connection.isClosed }
    override var isReady: Bool { connection.isReady }
    override var canPublish: Bool { connection.canPublish }

    override func publish(scores: Int, messageID: Span<UInt8>, body: Span<UInt8>, ticket: UInt64) -> Bool {
        connection.publish(
            routingKey: "kolga", contentType: Self.contentType(scores: scores), messageID: messageID,
            timestamp: reactor.unixSeconds, body: body, ticket: ticket)
    }

    override func ack(_ deliveryTag: UInt64, multiple: Bool) { connection.ack(deliveryTag, multiple: multiple) }
    override func handBackDeliveries() -> Bool { connection.handBackDeliveries() }
    override var queueRefusal: String? { connection.queueRefusal }
    override var otherConsumers: Int { connection.otherConsumers }

    /// Passes on what the connection tells.
    private final class Hearing: AMQPClient {
        private unowned let client: BusClient

        init(_ client: BusClient) { self.client = client }

        override func ready(_ connection: AMQPConnection) { client.ready() }
        override func disconnected(_ connection: AMQPConnection, error: AMQPError) { client.disconnected(error) }
        override func delivered(_ connection: AMQPConnection, _ delivery: borrowing Delivery) {
            client.delivered(delivery)
        }
        override func dropped(_ connection: AMQPConnection, error: AMQPError) { client.dropped(error) }
        override func confirmed(_ connection: AMQPConnection, ticket: UInt64) { client.confirmed(ticket) }
        override func unconfirmed(_ connection: AMQPConnection, ticket: UInt64) { client.unconfirmed(ticket) }
        override func flowChanged(_ connection: AMQPConnection, blocked: Bool) { client.flowChanged(blocked: blocked) }
    }
}
