import Synchronization

/// A count that one thread writes and any may read: a plain add, no locked instruction.
struct Counter: ~Copyable {
    private let value = Atomic<UInt64>(0)

    /// By the owning thread only.
    @inline(__always) borrowing func add(_ amount: UInt64 = 1) {
        value.store(value.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    /// By the owning thread only.
    @inline(__always) borrowing func store(_ amount: UInt64) {
        value.store(amount, ordering: .relaxed)
    }

    borrowing func load() -> UInt64 {
        value.load(ordering: .relaxed)
    }
}

/// What one worker counts. Written by its thread, summed by whoever answers `/metrics`.
final class WorkerMetrics: Sendable {
    let connections = Counter()
    let connectionsRefused = Counter()
    let subscribers = Counter()
    let requests = Counter()
    let scoresStored = Counter()
    let scoresRefused = Counter()
    let flushes = Counter()
    let writesWaiting = Counter()
    let messagesPublished = Counter()
    let messagesUnconfirmed = Counter()
    let messagesRefused = Counter()
    let flushesTaken = Counter()
    let requestsReplayed = Counter()
    let feedScores = Counter()
    let feedSends = Counter()
    let feedBytes = Counter()
    let feedDisconnectsSlow = Counter()
    let feedInvalidMessages = Counter()
    let slackPosted = Counter()
    let slackFailed = Counter()
    let slackWaiting = Counter()
    let slackScoresTold = Counter()
    let slackScoresLost = Counter()
    let slackDigests = Counter()
    let slackRefuses = Counter()
}
