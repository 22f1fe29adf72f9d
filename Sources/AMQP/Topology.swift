/// What a connection declares on the broker before it is ready: one fanout exchange and, to consume, one queue bound
/// to it. Who publishes may declare the queue of others too, so that nothing is published before it is there.
public struct Topology: Equatable, Sendable {
    public enum QueueType: Equatable, Sendable {
        case classic
        /// Replicated (RabbitMQ's Raft queues).
        case quorum
    }

    public enum Queue: Equatable, Sendable {
        /// Publishes only.
        case none
        /// Named by the broker; gone with the connection.
        case exclusive
        /// Shared by all who name it, and outlives them. The broker lets one of its consumers work at a time, and the
        /// next in line when that one goes (single active consumer). When it exists with other arguments it is used as
        /// it is.
        case durable(name: String, type: QueueType)
    }

    /// When it exists with other properties it is used as it is.
    public var exchange: String
    /// What the exchange is declared as when it does not exist.
    public var exchangeDurable: Bool
    public var queue: Queue
    /// Whether it consumes from the queue; if not, a queue that it may not declare or bind is let be.
    public var consumes: Bool
    /// Deliveries held without an answer; counts with `manualAck` only. 0: no limit.
    public var prefetch: UInt16
    /// Whether the consumer acknowledges each delivery; otherwise the broker forgets it when sent.
    public var manualAck: Bool

    /// - Parameter exchange: at most 255 bytes, as is the name of a queue.
    public init(
        exchange: String, exchangeDurable: Bool = true, queue: Queue = .none, consumes: Bool = true,
        prefetch: UInt16 = Limits.prefetch, manualAck: Bool = false
    ) {
        self.exchange = exchange
        self.exchangeDurable = exchangeDurable
        self.queue = queue
        self.consumes = consumes
        self.prefetch = prefetch
        self.manualAck = manualAck
    }

    /// How the exchange is declared. Passive only asks whether it exists, whatever its properties.
    func exchangeDeclare(passive: Bool) -> Method {
        .exchangeDeclare(name: exchange, type: "fanout", passive: passive, durable: exchangeDurable)
    }

    /// How the queue is declared; nil when there is none. Passive only asks whether it exists, whatever its arguments.
    func queueDeclare(passive: Bool) -> Method? {
        switch queue {
        case .none: nil
        case .exclusive:
            .queueDeclare(
                name: "", passive: false, durable: false, exclusive: true, autoDelete: true, arguments: [])
        case .durable(let name, let type):
            .queueDeclare(
                name: name, passive: passive, durable: true, exclusive: false, autoDelete: false,
                arguments: Topology.arguments(of: type))
        }
    }

    private static func arguments(of type: QueueType) -> [Field] {
        let oneAtATime = Field("x-single-active-consumer", .flag(true))
        switch type {
        // The default, and unsaid it agrees with a queue that was declared without a type.
        case .classic: return [oneAtATime]
        case .quorum:
            return [
                Field("x-queue-type", .text("quorum")), oneAtATime,
                Field("x-delivery-limit", .integer(Limits.deliveries)),
            ]
        }
    }
}
