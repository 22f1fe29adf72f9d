import AMQP
import Postgres
import TLS

/// The configuration in the words of the modules that use it.
extension Configuration {
    var postgres: PostgresConfiguration? {
        guard let database else { return nil }
        var configuration = PostgresConfiguration(
            keywords: database.keywords.map { (name: $0.0, value: $0.1) },
            hosts: database.endpoints.map { (host: $0.host, port: $0.port) })
        if database.endpoints.contains(where: { $0.address != nil }) {
            configuration.addresses = database.endpoints.map { $0.address ?? "" }
        }
        configuration.statementTimeout = StoreLimits.statement
        configuration.applicationName = "score-gateway"
        return configuration
    }

    /// - Parameter tls: whom to trust, when a broker is asked for by TLS.
    func amqp(_ tls: TLSContext? = nil) -> AMQPConfiguration? {
        guard let broker else { return nil }
        return AMQPConfiguration(
            endpoints: broker.endpoints.map {
                BrokerEndpoint(
                    host: $0.host, port: $0.port, user: $0.user, password: $0.password, virtualHost: $0.vhost,
                    tls: $0.tls)
            }, connectionName: "score-gateway \(role.rawValue)", product: "score-gateway", version: Version.text,
            tls: tls)
    }

    /// The bus is in the process, and a poster reads from it: its place is in the store.
    var hasLocalQueue: Bool { broker == nil && slack != nil }

    /// The queue of all posters.
    var sharedQueue: Topology.Queue {
        .durable(name: posterQueue, type: brokerQueueType == .quorum ? .quorum : .classic)
    }

    /// The exchange, and the queue a part of the gateway consumes from.
    func topology(queue: Topology.Queue) -> Topology {
        let isShared = if case .durable = queue { true } else { false }
        return Topology(
            exchange: brokerExchange, exchangeDurable: brokerExchangeDurable, queue: queue, manualAck: isShared)
    }
}
