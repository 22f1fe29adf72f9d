/// What a connection declares on the broker before it is ready: one fanout exchange and, to consume, one queue bound
/// to it.
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
        /// Shared by all who name it, and outlives them.
        case durable(name: String, type: QueueType)
    }

    /// When it exists with other properties it is used as it is.
    public var exchange: String
    /// What the exchange is declared as when it does not exist.
    public var exchangeDurable: Bool
    public var queue: Queue
    /// Deliveries held without an answer; counts with `manualAck` only. 0: no limit.
    public var prefetch: UInt16
    /// Whether the consumer acknowledges each delivery; otherwise the broker forgets it when sent.
    public var manualAck: Bool

    /// - Parameter exchange: at most 255 bytes, as is the name of a queue.
    public init(
        exchange: String, exchangeDurable: Bool = true, queue: Queue = .none, prefetch: UInt16 = Limits.prefetch,
        manualAck: Bool = false
    ) {
        self.exchange = exchange
        self.exchangeDurable = exchangeDurable
        self.queue = queue
        self.prefetch = prefetch
        self.manualAck = manualAck
    }

    /// How the exchange is declared. Passive only asks whether it exists, whatever its properties.
    func exchangeDeclare(passive: Bool) -> Method {
        .exchangeDeclare(name: exchange, type: "fanout", passive: passive, durable: exchangeDurable)
    }

    /// How the queue is declared; nil when there is none.
    var queueDeclare: Method? {
        switch queue {
        case .none: nil
        case .exclusive:
            .queueDeclare(name: "", durable: false, exclusive: true, autoDelete: true, arguments: [])
        case .durable(let name, let type):
            // Classic is the default, and unsaid it agrees with a queue that was declared without a type.
            .queueDeclare(
                name: name, durable: true, exclusive: false, autoDelete: false,
                arguments: type == .quorum ? [Field("x-queue-type", .text("quorum"))] : [])
        }
    }
}
