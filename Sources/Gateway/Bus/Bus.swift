import AMQP
import Reactor
import Scores

/// The bus of a process, as its workers see it: where each part gets its connection.
enum Bus {
    case broker(AMQPConfiguration)
    case local(LocalExchange)

    /// For the outbox of one reactor. It declares the poster's queue too: a broker that comes back empty would take, and
    /// drop, what was stored meanwhile if it were published before the poster is there.
    func publisher(_ reactor: Reactor, _ configuration: Configuration, _ client: BusClient) -> BusConnection {
        switch self {
        case .broker(let broker):
            var topology = configuration.topology(
                queue: configuration.publishesToPoster ? configuration.sharedQueue : .none)
            topology.consumes = false
            return BrokerConnection(reactor, broker, topology: topology, publishes: true, client: client)
        case .local(let exchange): return LocalPublisher(reactor, exchange, client)
        }
    }

    /// For the feed of the process.
    func subscription(
        _ reactor: Reactor, _ configuration: Configuration, _ fanout: LocalFanout?, _ client: BusClient
    ) -> BusConnection {
        if case .broker(let broker) = self {
            return BrokerConnection(
                reactor, broker, topology: configuration.topology(queue: .exclusive), publishes: false, client: client)
        }
        let subscription = LocalSubscription(reactor, client)
        fanout?.bind(subscription)
        return subscription
    }

    /// For the poster: the queue that all posters share.
    /// - Parameter store: of this process, which has the queue's place when the bus is in the process too.
    func queue(
        _ reactor: Reactor, _ configuration: Configuration, _ fanout: LocalFanout?, _ store: ScoreStore?,
        _ client: BusClient
    ) -> BusConnection {
        var broker: AMQPConfiguration
        switch self {
        case .broker(let configured): broker = configured
        case .local(let exchange):
            guard let store else {
                preconditionFailure("a bus inside the process is that of ROLE=all, which has a store")
            }
            let queue = LocalQueue(
                reactor, exchange, store: store, history: StoreHistory(store),
                prefetch: Int(ScoreLimits.slackHeldDeliveries), batch: configuration.brokerMaxBatch, client: client)
            fanout?.bind(queue)
            return queue
        }
        var topology = configuration.topology(queue: configuration.sharedQueue)
        topology.prefetch = ScoreLimits.slackHeldDeliveries
        broker.heartbeat = min(broker.heartbeat, SlackPoster.heartbeat)
        return BrokerConnection(reactor, broker, topology: topology, publishes: false, client: client)
    }
}
