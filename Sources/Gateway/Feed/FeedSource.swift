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
/// The queue is bound before the history is asked, so a score is in one of the two at least.
final class FeedSource: AMQPClient {
    private enum Phase {
        /// Not connected since the start, or again: nothing comes.
        case waiting
        /// The history is being read; what the bus brings is held.
        case filling
        case live
    }

    private enum TimerTag {
        static let retry: UInt32 = 0
        static let impatience: UInt32 = 1
    }

    private let reactor: Reactor
    private let history: ScoreHistory
    private let depth: Int
    private let workers: Workers
    private let health: Health
    private let metrics: WorkerMetrics
    private let log: Logger
    private var clock: Clock!  // made in init; needs self

    private var connection: AMQPConnection?
    private var isConnected = false
    private var phase = Phase.waiting
    private var isWarm = false
    private var held: [Score] = []
    private var pending: [Score] = []
    private var recent = RecentIDs(capacity: FeedLimits.recentIDs)
    private var highest: Int64 = 0
    private var fetching: ScoreHistory.Ticket?
    private var asked = ScoreHistory.Question.newest
    private var backoff = Backoff()

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
        super.init()
        clock = Clock(self)
        reactor.addBeforeSleep(clock)
        _ = reactor.schedule(
            clock, at: reactor.now + .seconds(FeedLimits.warmUpSeconds), tag: TimerTag.impatience)
    }

    /// Begins to consume; goes on by itself after every outage.
    func connect(_ configuration: AMQPConfiguration, topology: Topology) {
        let connection = AMQPConnection(reactor, configuration, topology: topology, publishes: false, client: self)
        self.connection = connection
        connection.start()
    }

    func close(deadline: Instant) {
        connection?.close(deadline: deadline)
    }

    var isClosed: Bool { connection?.isClosed ?? true }

    // MARK: The bus

    override func ready(_ connection: AMQPConnection) {
        isConnected = true
        health.brokerReached()
        phase = .filling
        ask(isWarm && highest > 0 ? .after(max(0, highest - FeedLimits.overlap)) : .newest)
    }

    override func disconnected(_ connection: AMQPConnection, error: AMQPError) {
        if isConnected { health.brokerLost() }
        isConnected = false
        guard error != .closed else { return }
        log.warning("feed: broker out of reach, trying again", metadata: ["error": "\(error)"])
    }

    override func delivered(_ connection: AMQPConnection, _ delivery: borrowing Delivery) {
        var decoder = FeedMessageDecoder(contentType: delivery.contentType, body: delivery.body)
        while let line = decoder.next() {
            switch line {
            case .success(let score):
                if phase == .filling { hold(score) } else { take(score) }
            case .failure(let error):
                metrics.feedInvalidMessages.add()
                log.warning("feed: a message on the bus is no score", metadata: ["error": "\(error)"])
            }
        }
    }

    private func hold(_ score: Score) {
        held.append(score)
        guard held.count > FeedLimits.heldScores else { return }
        // The history is too slow for this stream: begin anew, later; what is held now is in the store by then.
        held.removeAll()
        if let fetching { history.cancel(fetching) }
        fetchFailed()
    }

    private func take(_ score: Score) {
        if let id = score.id {
            guard recent.insert(id) else { return }
            highest = max(highest, id)
        }
        pending.append(score)
    }

    // MARK: The history

    private func ask(_ question: ScoreHistory.Question) {
        if let fetching { history.cancel(fetching) }
        asked = question
        fetching = history.fetch(question, limit: question == .newest ? depth : FeedLimits.page, for: self)
        if fetching == nil { fetchFailed() }
    }

    func fetched(_ scores: [Score], isLast: Bool) {
        fetching = nil
        backoff.reset()
        health.historyReached()
        for score in scores { take(score) }
        if case .after = asked, !isLast, let last = scores.last?.id {
            ask(.after(last))
            return
        }
        for score in held { take(score) }
        held.removeAll()
        phase = .live
        let isFirst = !isWarm
        isWarm = true
        publish()
        if asked == .newest {
            // With fewer scores than asked for, the log has them all.
            let floor = scores.count < depth ? 0 : (scores.first?.id ?? 1) - 1
            workers.post(.feedIsWarm(floor: floor))
        }
        if isFirst { log.info("feed: live", metadata: ["history": "\(scores.count)"]) }
    }

    func fetchFailed() {
        fetching = nil
        _ = reactor.schedule(clock, at: reactor.now + backoff.next(), tag: TimerTag.retry)
    }

    private func timerFired(_ tag: UInt32) {
        if tag == TimerTag.retry {
            if fetching == nil, phase == .filling || !isWarm { ask(asked) }
        } else if !isWarm {
            // The history keeps the feed waiting: go on with what the bus brings. It is asked on.
            log.warning("feed: the history is out of reach; live without it until it answers")
            for score in held { take(score) }
            held.removeAll()
            if phase == .filling { phase = .live }
            publish()
            workers.post(.feedIsWarm(floor: .max))
        }
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
