import Reactor
import Synchronization

/// What one worker is told by another.
enum WorkerMessage: Sendable {
    /// Scores for the feed.
    case feed(FeedBatch)
    /// The log is filled.
    case feedIsWarm(FeedFilling)
    /// The tables are there: the database may be used.
    case schemaIsReady
    /// A signal came: after a while close the listener, finish what was accepted, tell WebSocket clients to go one after
    /// the other in the time given, then end.
    case drain(after: Duration, spreadOver: Duration)
}

/// All workers of the process, as any of them sees them: a mailbox each, and their counts.
final class Workers: Sendable {
    let mailboxes: [Mailbox<WorkerMessage>]
    let metrics: [WorkerMetrics]
    let runningKeys = RunningKeys()
    let database = Outage("scores: database", variable: .databaseURL)
    let broker = Outage("bus: broker", variable: .brokerURL)
    private let running: Atomic<Int>

    init(count: Int) throws(SystemError) {
        var mailboxes: [Mailbox<WorkerMessage>] = []
        for _ in 0..<count { mailboxes.append(try Mailbox()) }
        self.mailboxes = mailboxes
        metrics = (0..<count).map { _ in WorkerMetrics() }
        running = Atomic(count)
    }

    /// A worker has finished what it had; each says so once.
    func workerEnded() {
        running.subtract(1, ordering: .relaxed)
    }

    /// Workers that have not.
    var runningCount: Int { running.load(ordering: .relaxed) }

    /// Tells all of them, the caller's own among them.
    func post(_ message: WorkerMessage) {
        for mailbox in mailboxes { mailbox.post(message) }
    }
}
