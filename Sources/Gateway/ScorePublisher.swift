import AMQP
import Bytes
import Logging
import Reactor

/// Puts stored scores on the bus: one flush of the store is one message, or a few when it is larger than
/// `BROKER_MAX_BATCH`. What the broker has not confirmed is published again.
///
///     flush → begin(count) append(json)… end → waiting → publish → unconfirmed → confirmed: gone
///                                                 ▲                     │ nack, connection lost
///                                                 └─────────────────────┘
///
/// The messages wait in memory while the broker is out of reach; the transactional outbox will take this place.
final class ScorePublisher: AMQPClient {
    private struct Message {
        let id: UInt64
        let body: [UInt8]
        let isBatch: Bool
        let timestamp: Int64
    }

    /// What may wait in memory for a broker that is away, per reactor: minutes of ordinary load.
    private static let waitingBytes = 64 << 20

    private let reactor: Reactor
    private let maximumBatch: Int
    private let health: Health
    private let metrics: WorkerMetrics
    private let log: Logger
    private var connection: AMQPConnection!  // made in init; needs self

    private var waiting: [Message] = []
    private var firstWaiting = 0
    private var unconfirmed: [UInt64: Message] = [:]
    /// Handed back by the connection, oldest first; goes before `waiting`.
    private var returned: [Message] = []
    private var bytes = 0
    private var lastID: UInt64 = 0
    private let idPrefix: UInt64

    private var draft = ByteBuffer()
    private var draftCount = 0
    private var remaining = 0
    private var batchSize = 0
    private var isConnected = false

    init(
        _ reactor: Reactor, _ configuration: AMQPConfiguration, topology: Topology, maximumBatch: Int, health: Health,
        metrics: WorkerMetrics, log: Logger
    ) {
        self.reactor = reactor
        self.maximumBatch = maximumBatch
        self.health = health
        self.metrics = metrics
        self.log = log
        idPrefix = .random(in: .min ... .max)
        super.init()
        connection = AMQPConnection(reactor, configuration, topology: topology, publishes: true, client: self)
        connection.start()
    }

    /// Whether the broker has confirmed everything.
    var isIdle: Bool { waitingCount == 0 && unconfirmed.isEmpty }

    private var waitingCount: Int { waiting.count - firstWaiting + returned.count }

    func close(deadline: Instant) {
        connection.close(deadline: deadline)
    }

    var isClosed: Bool { connection.isClosed }

    // MARK: A flush

    /// A flush of `count` scores follows.
    func begin(_ count: Int) {
        remaining = count
    }

    /// One score as JSON.
    func append(_ json: Span<UInt8>) {
        if draftCount == 0 { batchSize = min(remaining, maximumBatch) }
        draft.append(json)
        if batchSize > 1 { draft.append(UInt8(ascii: "\n")) }
        draftCount += 1
        remaining -= 1
        if draftCount == batchSize { finishMessage() }
    }

    /// The flush is complete.
    func end() {
        publish()
    }

    private func finishMessage() {
        lastID += 1
        let message = Message(
            id: lastID, body: draft.bytes.copied, isBatch: batchSize > 1, timestamp: reactor.unixSeconds)
        draft.removeAll()
        draftCount = 0
        guard bytes + message.body.count <= Self.waitingBytes else {
            metrics.messagesLost.add()
            if metrics.messagesLost.load() % 1000 == 1 {
                log.error("bus: too much waits for the broker; messages are dropped (the scores are stored)")
            }
            return
        }
        bytes += message.body.count
        waiting.append(message)
    }

    // MARK: The bus

    private func publish() {
        while connection.canPublish, let message = takeNext() {
            var messageID = ByteBuffer(capacity: 33)
            messageID.append(hexadecimal: idPrefix)
            messageID.append(UInt8(ascii: "-"))
            messageID.append(hexadecimal: message.id)
            let body = message.body
            let isSent = connection.publish(
                routingKey: "kolga", contentType: message.isBatch ? "application/x-ndjson" : "application/json",
                messageID: messageID.bytes, timestamp: message.timestamp, body: body.span, ticket: message.id)
            guard isSent else {
                returned.insert(message, at: 0)
                break
            }
            unconfirmed[message.id] = message
            metrics.messagesPublished.add()
        }
        if firstWaiting == waiting.count {
            waiting.removeAll(keepingCapacity: true)
            firstWaiting = 0
        } else if firstWaiting > 4096 {
            waiting.removeFirst(firstWaiting)
            firstWaiting = 0
        }
        metrics.messagesUnconfirmed.store(UInt64(unconfirmed.count + waitingCount))
    }

    private func takeNext() -> Message? {
        if !returned.isEmpty { return returned.removeFirst() }
        guard firstWaiting < waiting.count else { return nil }
        defer { firstWaiting += 1 }
        return waiting[firstWaiting]
    }

    override func ready(_ connection: AMQPConnection) {
        isConnected = true
        health.brokerReached()
        log.info("bus: broker connected")
        publish()
    }

    override func disconnected(_ connection: AMQPConnection, error: AMQPError) {
        if isConnected { health.brokerLost() }
        isConnected = false
        guard error != .closed else { return }
        log.warning("bus: broker out of reach, trying again", metadata: ["error": "\(error)"])
    }

    override func confirmed(_ connection: AMQPConnection, ticket: UInt64) {
        guard let message = unconfirmed.removeValue(forKey: ticket) else { return }
        bytes -= message.body.count
        if waitingCount > 0 { publish() }
    }

    override func unconfirmed(_ connection: AMQPConnection, ticket: UInt64) {
        guard let message = unconfirmed.removeValue(forKey: ticket) else { return }
        // They come oldest first; nacks of a living connection come alone and keep their place as well as they can.
        returned.append(message)
    }

    override func flowChanged(_ connection: AMQPConnection, blocked: Bool) {
        if !blocked { publish() }
    }
}
