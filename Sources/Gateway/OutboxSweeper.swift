import Bytes
import Logging
import Postgres
import Reactor
import Scores

/// Takes over what is due in the outbox: flushes whose holder is dead, stuck or without a broker, and those for which
/// nobody had room. The oldest first, a few rows at a time, while the relay of its reactor can publish; several processes
/// take different rows (SKIP LOCKED). It also drops marks, fences and keys whose time is over.
///
/// One a process, on a connection of its own, so that a long backlog delays no flush. What it writes need not survive a
/// crash of the database (`synchronous_commit` off): a row that is due again is published again.
final class OutboxSweeper: StoreUser {
    private enum Query {
        static let claim = 0, published = 1, told = 2, tell = 3, oldest = 4, firstSweep = 5
        static let all =
            [ScoreSQL.claim, ScoreSQL.published, ScoreSQL.told, ScoreSQL.tell, ScoreSQL.oldest] + ScoreSQL.sweep
    }

    private enum TimerTag {
        static let look: UInt32 = 0
        static let sweep: UInt32 = 1
        static let age: UInt32 = 2
    }

    private let reactor: Reactor
    private let relay: OutboxRelay
    private let metrics: WorkerMetrics
    private var failures: ThrottledLog
    private var outage: SideOutageLog
    private var connection: StoreConnection!  // made in init; needs self
    private var clock: Clock!  // made in init; needs self
    private var parameters = ParameterBuffer()
    private var isClaiming = false
    private var isClosing = false
    private var hasSwept = false
    /// The last claim found as many rows as it may: more are due, behind `last`.
    private var isBehind = false
    private var last = OutboxSweeper.beginning
    /// When it began at the beginning last.
    private var startedOver: Instant

    private static let beginning = FlushMark(high: 0, low: 0)

    init(
        _ reactor: Reactor, _ configuration: PostgresConfiguration, relay: OutboxRelay, metrics: WorkerMetrics,
        beside main: Outage, log: Logger
    ) {
        self.reactor = reactor
        self.relay = relay
        self.metrics = metrics
        startedOver = reactor.now
        failures = ThrottledLog(log, "outbox: a query failed", level: .error)
        outage = SideOutageLog(log, Outage("outbox: database", variable: .databaseURL), beside: main)
        super.init()
        var configuration = configuration
        configuration.settings += [
            (name: "enable_seqscan", value: "off"), (name: "synchronous_commit", value: "off"),
        ]
        connection = StoreConnection(reactor, configuration, statements: Query.all, user: self)
        clock = Clock(self)
        reactor.addBeforeSleep(clock)
    }

    /// Connects; goes on by itself after every outage.
    func start() {
        connection.start()
        schedule(TimerTag.look, StoreLimits.claimPause)
        schedule(TimerTag.sweep, StoreLimits.sweepPause)
        schedule(TimerTag.age, StoreLimits.agePause)
    }

    /// Takes over nothing more; what was taken is still published.
    func stop() {
        isClosing = true
    }

    func close() {
        isClosing = true
        connection.close()
    }

    /// Whether nothing is under way, and nothing is left to mark.
    var isIdle: Bool { connection.count == 0 && !(connection.isReady && relay.hasDelivered) }

    private func schedule(_ tag: UInt32, _ span: Duration) {
        _ = reactor.schedule(clock, at: reactor.now + span, tag: tag)
    }

    // MARK: Claiming

    private func claim() {
        guard connection.isReady, !isClaiming, !isClosing, relay.takesOver else { return }
        // However long the backlog: what was taken and let go again is due before `last`, and so is what comes with an
        // older mark.
        if reactor.now - startedOver >= StoreLimits.lease { startOver() }
        parameters.removeAll()
        parameters.append(int32: StoreLimits.claimedRows)
        parameters.append(int32: StoreLimits.leaseSeconds)
        parameters.append(mark: last)
        isClaiming = connection.run(Query.claim, parameters, ClaimJob(self, until: reactor.now + StoreLimits.lease))
    }

    fileprivate func claimed(_ rows: borrowing Rows, until: Instant) {
        isClaiming = false
        var flushes: Int32 = 0
        /// Their scores were deleted: there is nothing to publish.
        var empty: [FlushMark] = []
        var row = 0
        while row < rows.count {
            let mark = FlushMark(rows.bytes(row, 0))
            var flush = StoredFlush(capacity: ScoreLimits.rowsPerFlush)
            while row < rows.count, FlushMark(rows.bytes(row, 0)) == mark {
                if !rows.isNull(row, 1) {
                    flush.append(
                        id: rows.int64(row, 1), user: rows.bytes(row, 2), score: rows.int32(row, 3),
                        createdAt: Timestamp(microsecondsSince2000: rows.int64(row, 4)))
                }
                row += 1
            }
            flushes += 1
            last = mark
            if flush.count == 0 {
                empty.append(mark)
            } else {
                relay.hold(mark, .taken, flush.drafts(atMost: relay.maximumBatch), until: until)
            }
        }
        markPublished(empty)
        metrics.flushesTaken.add(UInt64(flushes))
        isBehind = flushes == StoreLimits.claimedRows
        if !isBehind { startOver() }
    }

    fileprivate func claimFailed(_ error: PostgresError) {
        isClaiming = false
        isBehind = false
        startOver()
        report(error)
    }

    private func startOver() {
        last = Self.beginning
        startedOver = reactor.now
    }

    // MARK: Afterwards

    /// Before the reactor sleeps: marks what the broker has confirmed, and goes on with a backlog at once.
    private func turnEnded() {
        guard connection.isReady else { return }
        markPublished(relay.takeDelivered())
        if isBehind { claim() }
    }

    private func markPublished(_ marks: [FlushMark]) {
        guard !marks.isEmpty else { return }
        parameters.removeAll()
        parameters.append(marks: marks)
        _ = connection.run(Query.published, parameters, ReportingJob(self))
    }

    private func lookAtAge() {
        guard connection.isReady else { return }
        parameters.removeAll()
        _ = connection.run(Query.oldest, parameters, AgeJob(self, relay))
    }

    // MARK: The poster's place

    /// - Returns: false when the database is out of reach.
    func loadTold(for queue: LocalQueue) -> Bool {
        guard connection.isReady else { return false }
        parameters.removeAll()
        return connection.run(Query.told, parameters, ToldJob(self, queue))
    }

    func saveTold(_ id: Int64) {
        guard connection.isReady else { return }
        parameters.removeAll()
        parameters.append(int64: id)
        _ = connection.run(Query.tell, parameters, ReportingJob(self))
    }

    override func disconnected(_ error: PostgresError) {
        outage.failed(error, at: reactor.now)
    }

    override func connected() {
        outage.reached()
        guard !hasSwept else { return }
        hasSwept = true
        sweep()
    }

    private func sweep() {
        for index in ScoreSQL.sweep.indices { sweep(index) }
    }

    fileprivate func sweep(_ index: Int) {
        guard connection.isReady, !isClosing else { return }
        parameters.removeAll()
        _ = connection.run(Query.firstSweep + index, parameters, SweepJob(self, index))
    }

    fileprivate func report(_ error: PostgresError) {
        // Of a loss `disconnected` tells.
        if !error.isConnectionLoss { failures.write("\(error)", hint: error.operatorHint, at: reactor.now) }
    }

    private func timerFired(_ tag: UInt32) {
        guard !isClosing else { return }
        switch tag {
        case TimerTag.look:
            claim()
            schedule(tag, StoreLimits.claimPause)
        case TimerTag.age:
            lookAtAge()
            schedule(tag, StoreLimits.agePause)
        default:
            sweep()
            schedule(tag, StoreLimits.sweepPause)
        }
    }

    private final class Clock: Source {
        private unowned let sweeper: OutboxSweeper
        init(_ sweeper: OutboxSweeper) { self.sweeper = sweeper }
        override func timerFired(_ tag: UInt32) { sweeper.timerFired(tag) }
        override func beforeSleep() { sweeper.turnEnded() }
    }
}

private final class ClaimJob: StoreJob {
    private let sweeper: OutboxSweeper
    private let until: Instant

    init(_ sweeper: OutboxSweeper, until: Instant) {
        self.sweeper = sweeper
        self.until = until
    }

    override func completed(_ rows: borrowing Rows) { sweeper.claimed(rows, until: until) }
    override func failed(_ error: PostgresError) { sweeper.claimFailed(error) }
}

private final class AgeJob: StoreJob {
    private let sweeper: OutboxSweeper
    private let relay: OutboxRelay

    init(_ sweeper: OutboxSweeper, _ relay: OutboxRelay) {
        self.sweeper = sweeper
        self.relay = relay
    }

    override func completed(_ rows: borrowing Rows) {
        relay.oldestDue(rows.count == 1 ? FlushMark(rows.bytes(0, 0)) : nil)
    }

    override func failed(_ error: PostgresError) { sweeper.report(error) }
}

/// Drops some of a kind, and the next ones while there are more.
private final class SweepJob: StoreJob {
    private let sweeper: OutboxSweeper
    private let index: Int

    init(_ sweeper: OutboxSweeper, _ index: Int) {
        self.sweeper = sweeper
        self.index = index
    }

    override func completed(_ rows: borrowing Rows) {
        if rows.affected == StoreLimits.sweptRows { sweeper.sweep(index) }
    }

    override func failed(_ error: PostgresError) { sweeper.report(error) }
}

private final class ToldJob: StoreJob {
    private let sweeper: OutboxSweeper
    private let queue: LocalQueue

    init(_ sweeper: OutboxSweeper, _ queue: LocalQueue) {
        self.sweeper = sweeper
        self.queue = queue
    }

    override func completed(_ rows: borrowing Rows) { queue.toldUpTo(rows.count == 1 ? rows.int64(0, 0) : nil) }
    override func failed(_ error: PostgresError) {
        sweeper.report(error)
        queue.toldUpTo(nil)
    }
}

/// A query whose result nobody needs; that it failed is logged.
private final class ReportingJob: StoreJob {
    private let sweeper: OutboxSweeper
    init(_ sweeper: OutboxSweeper) { self.sweeper = sweeper }
    override func failed(_ error: PostgresError) { sweeper.report(error) }
}
