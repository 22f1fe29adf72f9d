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

    /// How long a message rests that the broker has refused (basic.nack: a queue that is full or in trouble) before it
    /// is published again: soon, but not as fast as the broker refuses.
    private static let refusedRest: Duration = .milliseconds(200)

    private let reactor: Reactor
    private let maximumBatch: Int
    private let health: Health
    private let metrics: WorkerMetrics
    private let log: Logger
    private var outage: OutageLog
    private var overflow: ThrottledLog
    private var connection: AMQPConnection!  // made in init; needs self
    private var clock: Clock!  // made in init; needs self

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
    private var timer = TimerToken.none
    private var isResting = false

    init(
        _ reactor: Reactor, _ configuration: AMQPConfiguration, topology: Topology, maximumBatch: Int, health: Health,
        metrics: WorkerMetrics, log: Logger
    ) {
        self.reactor = reactor
        self.maximumBatch = maximumBatch
        self.health = health
        self.metrics = metrics
        self.log = log
        outage = OutageLog(log, "bus: broker")
        overflow = ThrottledLog(log, "bus: too much waits for the broker; messages are dropped", level: .error)
        idPrefix = .random(in: .min ... .max)
        super.init()
        clock = Clock(self)
        connection = AMQPConnection(reactor, configuration, topology: topology, publishes: true, client: self)
        connection.start()
    }

    /// Whether the broker has confirmed everything.
    var isIdle: Bool { waitingCount == 0 && unconfirmed.isEmpty }

    /// Messages that the broker has not confirmed.
    var unconfirmedCount: Int { waitingCount + unconfirmed.count }

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
            overflow.write("\(Self.waitingBytes) bytes wait; the scores are stored", at: reactor.now)
            return
        }
        bytes += message.body.count
        waiting.append(message)
    }

    // MARK: The bus

    private func publish() {
        while !isResting, connection.canPublish, let message = takeNext() {
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
        countUnconfirmed()
    }

    private func countUnconfirmed() {
        metrics.messagesUnconfirmed.store(UInt64(unconfirmedCount))
    }

    private func takeNext() -> Message? {
        if !returned.isEmpty { return returned.removeFirst() }
        guard firstWaiting < waiting.count else { return nil }
        defer { firstWaiting += 1 }
        return waiting[firstWaiting]
    }

    override func ready(_ connection: AMQPConnection) {
        if !isConnected { health.brokerReached() }
        isConnected = true
        outage.reached()
        isResting = false
        publish()
    }

    override func disconnected(_ connection: AMQPConnection, error: AMQPError) {
        if isConnected { health.brokerLost() }
        isConnected = false
        guard error != .closed else { return }
        outage.failed("\(error)", at: reactor.now)
    }

    override func confirmed(_ connection: AMQPConnection, ticket: UInt64) {
        guard let message = unconfirmed.removeValue(forKey: ticket) else { return }
        bytes -= message.body.count
        if waitingCount > 0 { publish() } else { countUnconfirmed() }
    }

    override func unconfirmed(_ connection: AMQPConnection, ticket: UInt64) {
        guard let message = unconfirmed.removeValue(forKey: ticket) else { return }
        // They come oldest first; nacks of a living connection come alone and keep their place as well as they can.
        returned.append(message)
        // After a loss `ready` publishes; on a connection that stands nothing else would.
        guard connection.isReady else { return }
        metrics.messagesRefused.add()
        guard !isResting else { return }
        isResting = true
        reactor.cancel(timer)
        timer = reactor.schedule(clock, at: reactor.now + Self.refusedRest)
    }

    private func rested() {
        isResting = false
        publish()
    }

    override func flowChanged(_ connection: AMQPConnection, blocked: Bool) {
        if !blocked { publish() }
    }

    private final class Clock: Source {
        private unowned let publisher: ScorePublisher
        init(_ publisher: ScorePublisher) { self.publisher = publisher }
        override func timerFired(_ tag: UInt32) { publisher.rested() }
    }
}
