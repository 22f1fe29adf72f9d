import AMQP
import Bytes
import Logging
import Reactor
import Scores

/// Runs `Outbox` on a connection to the bus: what is stored is published, and when the broker has confirmed it, its
/// row in the outbox is deleted (by `ScoreWriter`, with the next flush) or marked (by `OutboxSweeper`).
///
/// One a reactor. A flush is held here, in memory, only while the broker is connected and there is room; otherwise its row
/// is written as due at once, and whichever process can publishes it. A broker that is connected and takes nothing
/// (connection.blocked, a full confirm window) has until the lease is over.
final class OutboxRelay: BusClient {
    private enum TimerTag {
        static let rest: UInt32 = 0
        static let expiry: UInt32 = 1
    }

    private let reactor: Reactor
    let maximumBatch: Int
    private let health: Health
    private let metrics: WorkerMetrics
    private var outage: OutageLog
    private var connection: BusConnection!  // made in init; needs self
    private var clock: Clock!  // made in init; needs self
    private var outbox = Outbox()
    private var isConnected = false
    private var isResting = false
    private var isExpiryScheduled = false

    init(
        _ reactor: Reactor, _ bus: Bus, _ configuration: Configuration, health: Health, metrics: WorkerMetrics,
        outage: Outage, log: Logger
    ) {
        self.reactor = reactor
        maximumBatch = configuration.brokerMaxBatch
        self.health = health
        self.metrics = metrics
        self.outage = OutageLog(log, outage)
        super.init()
        clock = Clock(self)
        connection = bus.publisher(reactor, configuration, self)
        connection.start()
    }

    /// Whether what the bus has confirmed is safe when this process dies. If not, whoever consumes from it begins with what
    /// the store has, and flushes need no row in the outbox.
    var isDurable: Bool { connection.isDurable }

    /// Whether the broker has confirmed everything that is held.
    var isIdle: Bool { outbox.openCount == 0 }

    /// Messages held that the broker has not confirmed.
    var unconfirmedCount: Int { outbox.openCount }

    func close(deadline: Instant) {
        connection.close(deadline: deadline)
    }

    var isClosed: Bool { connection.isClosed }

    // MARK: Flushes

    /// Whether a flush that is stored now should be published from here.
    var takesFlushes: Bool { isConnected && outbox.hasRoom }

    /// Whether rows that are due should be taken over: what was taken before is nearly out. The share of a backlog is
    /// bounded, so that new scores find room in the confirm window.
    var takesOver: Bool {
        connection.canPublish && !isResting && outbox.hasRoom && outbox.takenCount <= StoreLimits.takenMessages
    }

    /// Takes a stored flush to be published.
    /// - Returns: false when there is no room; its row then becomes due by itself. One that has none is always taken.
    @discardableResult
    func hold(
        _ mark: FlushMark, _ origin: Outbox.Origin, _ drafts: [Outbox.Draft], until: Instant, hasRow: Bool = true
    ) -> Bool {
        guard outbox.hold(mark, origin, drafts, until: until, hasRow: hasRow) else { return false }
        publish()
        return true
    }

    // MARK: Rows to forget

    var hasForgotten: Bool { outbox.hasForgotten }

    func takeForgotten() -> [FlushMark] { outbox.takeForgotten(atMost: StoreLimits.forgottenRows) }

    func giveBack(forgotten marks: [FlushMark]) { outbox.giveBack(forgotten: marks) }

    /// Whether taken flushes wait to be marked as published.
    var hasDelivered: Bool { outbox.hasDelivered }

    func takeDelivered() -> [FlushMark] { outbox.takeDelivered() }

    // MARK: The bus

    private func publish() {
        while !isResting, connection.canPublish, let message = outbox.next(reactor.now) {
            var messageID = ByteBuffer(capacity: 48)
            messageID.append(hexadecimal: message.mark.high)
            messageID.append(hexadecimal: message.mark.low)
            messageID.append(UInt8(ascii: "-"))
            messageID.append(decimal: Int64(message.part))
            let isSent = connection.publish(
                scores: message.scores, messageID: messageID.bytes, body: message.body.span, ticket: message.ticket)
            guard isSent else {
                outbox.refused(message.ticket)
                break
            }
            metrics.messagesPublished.add()
        }
        countOpen()
        watchLeases()
    }

    /// While something is held, it is looked after that nothing is held beyond its lease.
    private func watchLeases() {
        guard !isExpiryScheduled, outbox.openCount > 0 else { return }
        isExpiryScheduled = true
        _ = reactor.schedule(clock, at: reactor.now + StoreLimits.expiryPause, tag: TimerTag.expiry)
    }

    private func countOpen() {
        metrics.messagesUnconfirmed.store(UInt64(outbox.openCount))
        if outbox.openCount == 0 { metrics.outboxAge.store(0) }
    }

    private func lookAtAge() {
        metrics.outboxAge.store(outbox.oldest?.age(at: reactor.unixSeconds) ?? 0)
    }

    /// Of what is in the outbox alone, and due for whoever can publish it.
    /// - Parameter oldest: nil when nothing is. One that is younger than a lease is nothing yet: it is taken over soon.
    func oldestDue(_ oldest: FlushMark?) {
        let age = oldest?.age(at: reactor.unixSeconds) ?? 0
        metrics.outboxRowAge.store(age < UInt64(StoreLimits.leaseSeconds) * 1000 ? 0 : age)
    }

    override func ready() {
        if !isConnected { health.brokerReached() }
        isConnected = true
        if isDurable { outage.reached() }
        isResting = false
        publish()
    }

    override func disconnected(_ error: AMQPError) {
        if isConnected { health.brokerLost() }
        isConnected = false
        guard error != .closed else { return }
        outage.failed("\(error)", hint: error.operatorHint, at: reactor.now)
    }

    override func confirmed(_ ticket: UInt64) {
        outbox.confirmed(ticket)
        if outbox.waitingCount > 0 { publish() } else { countOpen() }
    }

    override func unconfirmed(_ ticket: UInt64) {
        outbox.refused(ticket)
        // After a loss `ready` publishes; on a connection that stands nothing else would.
        guard connection.isReady else { return }
        metrics.messagesRefused.add()
        guard !isResting else { return }
        isResting = true
        _ = reactor.schedule(clock, at: reactor.now + StoreLimits.refusedRest, tag: TimerTag.rest)
    }

    override func flowChanged(blocked: Bool) {
        if !blocked { publish() }
    }

    private func timerFired(_ tag: UInt32) {
        if tag == TimerTag.rest {
            isResting = false
        } else {
            isExpiryScheduled = false
            outbox.expire(reactor.now)
            lookAtAge()
        }
        publish()
    }

    private final class Clock: Source {
        private unowned let relay: OutboxRelay
        init(_ relay: OutboxRelay) { self.relay = relay }
        override func timerFired(_ tag: UInt32) { relay.timerFired(tag) }
    }
}
