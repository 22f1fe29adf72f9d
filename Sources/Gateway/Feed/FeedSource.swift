import AMQP
import Bytes
import Logging
import Reactor
import Scores

/// Where the feed comes from, once per process: scores from the bus, joined without hole or double to those of the
/// history, then mailed to every reactor's log as finished frames.
///
///     bus ready → ask the history (newest, or after the last known id less the overlap) ┐
///     deliveries meanwhile are held ──────────────────────────────────────────────────┤→ known ones dropped → logs
///     history answered ───────────────────────────────────────────────────────────────┘
///
/// The queue is bound before the history is asked, so a score is in one of the two at least. While the broker is out of
/// reach at the start, the history is read without it, so that readers see something; the bus then catches up as after
/// any outage. What is held waits for order only, so it goes on when that takes too long or too much: the history's part
/// is then appended behind it.
final class FeedSource: AMQPClient {
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

    private var connection: AMQPConnection?
    private var isConnected = false
    /// What the bus brings waits for the history.
    private var isHolding = false
    private var held: [Score] = []
    /// What is still to be read from the history; nil when the logs have it all.
    private var catchUp: FeedCatchUp?
    private var fetching: ScoreHistory.Ticket?
    private var backoff = Backoff()
    private var retryTimer = TimerToken.none
    private var patienceTimer = TimerToken.none
    /// The history was read once.
    private var isWarm = false
    private var recent = RecentIDs(capacity: FeedLimits.recentIDs)
    private var highest: Int64 = 0
    private var pending: [Score] = []

    init(
        _ reactor: Reactor, history: ScoreHistory, depth: Int, workers: Workers, health: Health, metrics: WorkerMetrics,
        log: Logger
    ) {
        self.reactor = reactor
        self.history = history
        self.depth = max(1, depth)
        self.workers = workers
        self.health = health
        self.metrics = metrics
        self.log = log
        outage = OutageLog(log, "feed: broker")
        invalid = ThrottledLog(log, "feed: a message on the bus is no score")
        dropped = ThrottledLog(log, "feed: a message was dropped")
        super.init()
        clock = Clock(self)
        reactor.addBeforeSleep(clock)
        wait()
    }

    /// Begins to consume; goes on by itself after every outage.
    func connect(_ configuration: AMQPConfiguration, topology: Topology) {
        let connection = AMQPConnection(reactor, configuration, topology: topology, publishes: false, client: self)
        self.connection = connection
        connection.start()
    }

    func close(deadline: Instant) {
        reactor.cancel(retryTimer)
        reactor.cancel(patienceTimer)
        catchUp = nil
        connection?.close(deadline: deadline)
    }

    var isClosed: Bool { connection?.isClosed ?? true }

    // MARK: The bus

    override func ready(_ connection: AMQPConnection) {
        if !isConnected { health.brokerReached() }
        isConnected = true
        outage.reached()
        isHolding = true
        wait()
        begin(.resuming(catchUp, highest: highest, isWarm: isWarm))
    }

    override func disconnected(_ connection: AMQPConnection, error: AMQPError) {
        if isConnected { health.brokerLost() }
        isConnected = false
        guard error != .closed else { return }
        outage.failed("\(error)", at: reactor.now)
        if !isWarm, catchUp == nil { begin(.first) }
    }

    override func delivered(_ connection: AMQPConnection, _ delivery: borrowing Delivery) {
        var decoder = FeedMessageDecoder(contentType: delivery.contentType, body: delivery.body)
        while let line = decoder.next() {
            switch line {
            case .success(let score):
                if isHolding { hold(score) } else { take(score) }
            case .failure(let error):
                metrics.feedInvalidMessages.add()
                invalid.write("\(error)", at: reactor.now)
            }
        }
    }

    override func dropped(_ connection: AMQPConnection, error: AMQPError) {
        metrics.feedInvalidMessages.add()
        dropped.write("\(error)", at: reactor.now)
    }

    private func hold(_ score: Score) {
        held.append(score)
        if held.count >= FeedLimits.heldScores { release() }
    }

    private func release() {
        isHolding = false
        for score in held { take(score) }
        held = []
    }

    private func take(_ score: Score) {
        if let id = score.id {
            guard recent.insert(id) else { return }
            highest = max(highest, id)
        }
        pending.append(score)
    }

    // MARK: The history

    private func begin(_ catchUp: FeedCatchUp) {
        if let fetching { history.cancel(fetching) }
        fetching = nil
        self.catchUp = catchUp
        ask()
    }

    private func ask() {
        guard let question = catchUp?.page, fetching == nil else { return }
        // More than the log is to show: what the overlap will bring again must be known as old.
        let limit = question == .newest ? max(depth + 1, Int(FeedLimits.overlap)) : FeedLimits.page
        fetching = history.fetch(question, limit: limit, for: self)
        if fetching == nil { fetchFailed() }
    }

    func fetched(_ scores: [Score], isLast: Bool) {
        fetching = nil
        backoff.reset()
        health.historyReached()
        guard let catchUp else { return }
        let floor: Int64
        switch catchUp.page {
        case .newest:
            let shown = scores.suffix(depth)
            for score in scores.dropLast(shown.count) {
                if let id = score.id { _ = recent.insert(id) }
            }
            for score in shown { take(score) }
            // With fewer scores than asked for, the log has them all.
            floor = scores.count <= depth ? 0 : (shown.first?.id ?? 1) - 1
        case .after(let id):
            for score in scores { take(score) }
            if !isLast, let last = scores.last?.id, last > id {
                self.catchUp?.advance(to: last)
                ask()
                return
            }
            floor = if case .after(let origin) = catchUp.origin { origin } else { .max }
        }
        self.catchUp = nil
        reactor.cancel(patienceTimer)
        release()
        publish()
        guard !isWarm else { return }
        isWarm = true
        workers.post(.feedIsWarm(floor: floor))
        log.info("feed: live", metadata: ["history": "\(scores.count)"])
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
        log.warning("feed: the history is out of reach; live without it until it answers")
        release()
        publish()
        // Whether the logs were ever filled or not: readers get what there is.
        if !isWarm { workers.post(.feedIsWarm(floor: .max)) }
    }

    private func publish() {
        guard !pending.isEmpty else { return }
        workers.post(.feed(FeedBatch(pending)))
        pending.removeAll(keepingCapacity: true)
    }

    /// The reactor's calls. (`AMQPClient` is the base class of the feed, so it cannot be a `Source` itself.)
    private final class Clock: Source {
        unowned let feed: FeedSource
        init(_ feed: FeedSource) { self.feed = feed }
        override func timerFired(_ tag: UInt32) { feed.timerFired(tag) }
        override func beforeSleep() { feed.publish() }
    }
}
