import AMQP
import Bytes
import Logging
import Reactor
import Scores
import WebSocket

/// Where the feed comes from, once per process: scores from the bus, joined without hole or double to those of the
/// history, then mailed to every reactor's log as finished frames.
///
///     bus ready → ask the history (newest, or after the lowest hole in what came) ──────┐
///     deliveries meanwhile are held ──────────────────────────────────────────────────┤→ known ones dropped → logs
///     history answered ───────────────────────────────────────────────────────────────┘
///
/// The queue is bound before the history is asked, so a score is in one of the two at least. While the broker is out of
/// reach at the start, the history is read without it, so that readers see something; the bus then catches up as after
/// any outage. What is decided on the way: `FeedIntake`.
final class FeedSource: BusClient {
    private enum TimerTag {
        static let retry: UInt32 = 0
        static let patience: UInt32 = 1
    }

    private let reactor: Reactor
    private let history: ScoreHistory
    private let depth: Int
    private let workers: Workers
    private let health: Health
    private let metrics: WorkerMetrics
    private let log: Logger
    private var outage: OutageLog
    private var invalid: ThrottledLog
    private var dropped: ThrottledLog
    private var clock: Clock!  // made in init; needs self

    private var connection: BusConnection?
    private var isConnected = false
    private var intake: FeedIntake
    private var fetching: ScoreHistory.Ticket?
    private var backoff = Backoff()
    private var retryTimer = TimerToken.none
    private var patienceTimer = TimerToken.none
    private var isClosing = false
    /// Made when the first score is compressed.
    private lazy var deflater = Deflater(windowBits: FeedLimits.windowBits)

    init(
        _ reactor: Reactor, history: ScoreHistory, depth: Int, workers: Workers, health: Health, metrics: WorkerMetrics,
        log: Logger
    ) {
        self.reactor = reactor
        self.history = history
        self.depth = max(1, depth)
        intake = FeedIntake(at: reactor.now)
        self.workers = workers
        self.health = health
        self.metrics = metrics
        self.log = log
        outage = OutageLog(log, Outage("feed: broker", variable: .brokerURL))
        invalid = ThrottledLog(log, "feed: a message on the bus is no score")
        dropped = ThrottledLog(log, "feed: a message was dropped")
        super.init()
        clock = Clock(self)
        reactor.addBeforeSleep(clock)
        wait()
    }

    /// Begins to consume; goes on by itself after every outage.
    func connect(_ connection: BusConnection) {
        self.connection = connection
        connection.start()
    }

    func close(deadline: Instant) {
        reactor.cancel(retryTimer)
        reactor.cancel(patienceTimer)
        isClosing = true
        connection?.close(deadline: deadline)
    }

    var isClosed: Bool { connection?.isClosed ?? true }

    // MARK: The bus

    override func ready() {
        if !isConnected { health.brokerReached() }
        isConnected = true
        if connection?.isDurable == true { outage.reached() }
        intake.ready(at: reactor.now)
        wait()
        begin()
    }

    override func disconnected(_ error: AMQPError) {
        if isConnected {
            health.brokerLost()
            intake.lost(at: reactor.now)
        }
        isConnected = false
        guard error != .closed else { return }
        outage.failed("\(error)", hint: error.operatorHint, at: reactor.now)
        if intake.catchUp == nil {
            intake.beginWithoutBus()
            ask()
        }
    }

    override func delivered(_ delivery: borrowing Delivery) {
        var decoder = FeedMessageDecoder(contentType: delivery.contentType, body: delivery.body)
        while let line = decoder.next() {
            switch line {
            case .success(let score):
                let item = FeedItem(score, .bus, now: reactor.now, unixSeconds: reactor.unixSeconds)
                if !intake.came(item, at: reactor.now) { begin() }
            case .failure(let error):
                metrics.feedInvalidMessages.add()
                invalid.write("\(error)", at: reactor.now)
            }
        }
    }

    override func dropped(_ error: AMQPError) {
        metrics.feedInvalidMessages.add()
        dropped.write("\(error)", at: reactor.now)
    }

    // MARK: The history

    private func begin() {
        if let fetching { history.cancel(fetching) }
        fetching = nil
        ask()
    }

    private func ask() {
        guard let question = intake.catchUp?.page, fetching == nil, !isClosing else { return }
        reactor.cancel(retryTimer)
        // More than a snapshot shows: what the overlap will bring again must be known as old, and who resumes finds it in
        // the log.
        let limit =
            question == .newest
            ? min(max(depth + 1, Int(FeedLimits.overlap)), Int(ScoreLimits.queryLimit.upperBound)) : FeedLimits.page
        intake.asked(at: reactor.now)
        fetching = history.fetch(question, limit: limit, for: self)
        if fetching == nil { fetchFailed() }
    }

    func fetched(_ scores: [Score], isLast: Bool) {
        fetching = nil
        backoff.reset()
        health.historyReached()
        let step = intake.answered(scores, isLast: isLast, at: reactor.now, unixSeconds: reactor.unixSeconds)
        publish()
        switch step {
        case .more: ask()
        case .done: reactor.cancel(patienceTimer)
        case .filled(let filling):
            reactor.cancel(patienceTimer)
            workers.post(.feedIsWarm(filling))
            log.info("feed: live", metadata: ["history": "\(scores.count)"])
        }
    }

    func fetchFailed() {
        fetching = nil
        reactor.cancel(retryTimer)
        retryTimer = reactor.schedule(clock, at: reactor.now + backoff.next(), tag: TimerTag.retry)
    }

    // MARK: Time

    private func wait() {
        reactor.cancel(patienceTimer)
        patienceTimer = reactor.schedule(clock, at: reactor.now + FeedLimits.patience, tag: TimerTag.patience)
    }

    private func timerFired(_ tag: UInt32) {
        guard tag == TimerTag.patience else {
            ask()
            return
        }
        guard intake.beginWithoutHistory(at: reactor.now) else {
            log.warning("feed: the history is out of reach; what was missed goes first, so the feed waits for it")
            return
        }
        log.warning("feed: the history is out of reach; live without it until it answers")
        publish()
        workers.post(.feedIsWarm(.none))
    }

    private func publish() {
        guard !intake.pending.isEmpty else { return }
        workers.post(FeedBatch(intake.pending, compressedBy: workers.haveDeflatedSubscribers ? deflater : nil))
        intake.removePending()
    }

    /// The reactor's calls. (`BusClient` is the base class of the feed, so it cannot be a `Source` itself.)
    private final class Clock: Source {
        unowned let feed: FeedSource
        init(_ feed: FeedSource) { self.feed = feed }
        override func timerFired(_ tag: UInt32) { feed.timerFired(tag) }
        override func beforeSleep() { feed.publish() }
    }
}
