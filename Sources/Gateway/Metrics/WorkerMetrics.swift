/// What one worker counts. Written by its thread, summed by whoever answers `/metrics`.
final class WorkerMetrics: Sendable {
    /// Answers by route and status, and how long they took by route.
    let answers = InlineArray<336, Counter> { _ in Counter() }
    let latency = InlineArray<14, Histogram> { _ in Histogram() }
    let flushScores = Histogram()
    let commitTime = Histogram()
    let turns = Counter()
    let busyNanoseconds = Counter()
    let turnsByLength = InlineArray<9, Counter> { _ in Counter() }
    /// Milliseconds since the oldest held message was stored.
    let outboxAge = Counter()
    /// And since the oldest that nobody holds was, in the outbox.
    let outboxRowAge = Counter()
    let feedLag = Counter()
    let deflatedFeedLag = Counter()
    let feedDisconnectsHistory = Counter()
    let feedDisconnectsShutdown = Counter()
    let feedDisconnectsGone = Counter()
    let slackLimited = Counter()
    let connections = Counter()
    let handshakesFailed = Counter()
    /// Seconds since the Unix epoch; 0: no certificate.
    let certificateNotAfter = Counter()
    /// By `ConnectionRefusal`, and by `ConnectionEnd`.
    let connectionsRefused = InlineArray<3, Counter> { _ in Counter() }
    let connectionsEnded = InlineArray<8, Counter> { _ in Counter() }
    /// What clients make the server hold.
    let heldBytes = Counter()
    let subscribers = Counter()
    let deflatedSubscribers = Counter()
    let eventSubscribers = Counter()
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
    let feedSkipped = Counter()
    let feedInvalidMessages = Counter()
    let slackPosted = Counter()
    let slackFailed = Counter()
    let slackWaiting = Counter()
    let slackScoresTold = Counter()
    let slackScoresLost = Counter()
    let slackDigests = Counter()
    let slackRefuses = Counter()

    /// An answer, to be counted.
    /// - Parameter microseconds: since the request began.
    func answered(_ route: RouteLabel, _ status: UInt16, after microseconds: Int) {
        answers[Int(route.rawValue) * RouteLabel.statusCount + RouteLabel.place(of: status)].add()
        latency[Int(route.rawValue)].observe(microseconds, .latency)
    }
}
