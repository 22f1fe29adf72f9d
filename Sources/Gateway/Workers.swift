import Bytes
import Reactor
import Synchronization
import TLS

/// What one worker is told by another.
enum WorkerMessage: Sendable {
    /// Scores for the feed: in the `FeedInbox`.
    case feed
    /// The log is filled.
    case feedIsWarm(FeedFilling)
    /// Connections from now on are served with this.
    case certificate(TLSContext)
    /// The tables are there: the database may be used.
    case schemaIsReady
    /// A signal came: after a while close the listener, finish what was accepted, tell WebSocket clients to go one after
    /// the other in the time given, then end.
    case drain(after: Duration, spreadOver: Duration)
}

/// All workers of the process, as any of them sees them: a mailbox each, and their counts.
final class Workers: Sendable {
    let mailboxes: [Mailbox<WorkerMessage>]
    /// One for each.
    let feeds: [FeedInbox]
    let metrics: [WorkerMetrics]
    let runningKeys = RunningKeys()
    let database = Outage("scores: database", variable: .databaseURL)
    let reads = Outage("scores: connection for reads", variable: .databaseURL)
    let batches = Outage("scores: connection for large batches", variable: .databaseURL)
    let broker = Outage("bus: broker", variable: .brokerURL)
    private let running: Atomic<Int>
    private let pulses: [Pulse]

    init(count: Int) throws(SystemError) {
        var mailboxes: [Mailbox<WorkerMessage>] = []
        for _ in 0..<count { mailboxes.append(try Mailbox()) }
        self.mailboxes = mailboxes
        feeds = (0..<count).map { _ in FeedInbox() }
        metrics = (0..<count).map { _ in WorkerMetrics() }
        running = Atomic(count)
        pulses = (0..<count).map { _ in Pulse() }
    }

    /// A worker has finished what it had; each says so once.
    func workerEnded() {
        running.subtract(1, ordering: .relaxed)
    }

    /// A worker's loop turns.
    func beat(_ index: Int, at now: Instant) { pulses[index].last.store(now.nanoseconds, ordering: .relaxed) }

    /// Whether every worker has beaten in the time before `now`.
    func allHaveBeaten(within time: Duration, before now: Instant) -> Bool {
        let since = now.nanoseconds - time.wholeNanoseconds
        return pulses.allSatisfy { $0.last.load(ordering: .relaxed) >= since }
    }

    /// Whether somebody reads compressed frames. Who has just come gets what is plain as well.
    var haveDeflatedSubscribers: Bool { metrics.contains { $0.deflatedSubscribers.load() > 0 } }

    private final class Pulse: Sendable {
        /// Nanoseconds of the monotonic clock.
        let last = Atomic<Int64>(0)
    }

    /// Workers that have not.
    var runningCount: Int { running.load(ordering: .relaxed) }

    /// Scores for all logs.
    func post(_ batch: FeedBatch) {
        for (feed, mailbox) in zip(feeds, mailboxes) where feed.post(batch) { mailbox.post(.feed) }
    }

    /// Tells all of them, the caller's own among them.
    func post(_ message: WorkerMessage) {
        for mailbox in mailboxes { mailbox.post(message) }
    }
}
