import Bytes
import Histogram
import Reactor

/// What the run tells a load reactor.
enum LoadCommand: Sendable {
    /// Bring up connections and subscribers.
    case connect([SocketAddress], feed: [SocketAddress])
    /// Begin to send.
    case begin
    /// What is due from now on counts.
    case measure
    case storm
    /// Send no more; what is due from now on does not count.
    case settle
    case finish
}

/// What a load reactor tells the run.
enum LoadMessage: Sendable {
    case sample(LoadSample)
    case finished(LoadResult)
}

/// One second of a load reactor.
struct LoadSample: Sendable {
    var worker: Int
    var counters: LoadCounters
    var answers: Histogram<UInt64>?
    var deliveries: Histogram<UInt64>?
    /// 0 … 1.
    var busy: Double
    var isConnected: Bool
    /// Nothing is on its way any more.
    var isSettled: Bool
    var subscribers: Int
    /// Connections and subscribers that came up.
    var connects: Int
    /// What went wrong most often so far.
    var trouble: String?
}

/// All that a load reactor found.
struct LoadResult: Sendable {
    var worker: Int
    var measured = LoadCounters()
    /// From the beginning of the measured time to the end of the run: with what was due in it and ended after it.
    var due = LoadCounters()
    var whole = LoadCounters()
    var answers = LatencyRecord()
    var deliveries = LatencyRecord()
    var connects = LatencyRecord()
    var accepted = SerialSets()
    var seen = SerialSets()
    /// Of the measured time, 0 … 1.
    var busy = 0.0
    var undelivered = LatencyRecord()
    var uncertain: [UncertainScores] = []
    /// Nanoseconds from the end of the measured time to the end of the run.
    var settled: Int64 = 0
    var storedTwice = 0
    var judged = 0
    var holes = 0
    var holeIDs: [Int64] = []
    var doubleIDs: [Int64] = []
    var isLedgerFull = false
    var notes: [String: Int] = [:]
    var statuses: [UInt16: Int] = [:]
}

/// One load reactor: made on its thread, commanded by mailbox.
final class LoadWorker: MailboxReceiver<LoadCommand> {
    private let index: Int
    private let reactor: Reactor
    private let run: Mailbox<LoadMessage>
    private var requests: RequestLoad?
    private var feed: FeedLoad?
    private var broker: BrokerLoad?
    private var before = LoadCounters()
    private var measured: LoadCounters?
    private var isSettling = false
    private var settlingFrom: Int64 = 0
    private var lastTime: ThreadTime
    private var measuringFrom: ThreadTime?
    private var busy = 0.0

    /// - Parameter tag: of the run, in the names of its scores.
    init(
        _ reactor: Reactor, _ plan: LoadPlan, index: Int, tag: UInt16, commands: Mailbox<LoadCommand>,
        run: Mailbox<LoadMessage>
    ) throws(SystemError) {
        self.index = index
        self.reactor = reactor
        self.run = run
        lastTime = .now()
        if let requests = plan.requests {
            self.requests = try RequestLoad(
                reactor, requests, target: plan.target, worker: index, threads: plan.threads, run: tag)
        }
        if let feed = plan.feed {
            self.feed = FeedLoad(reactor, feed, worker: index, threads: plan.threads, run: tag)
        }
        // One publisher is enough, and keeps the order.
        if let broker = plan.broker, index == 0 {
            self.broker = try BrokerLoad(reactor, broker, worker: index, run: tag)
        }
        try super.init(reactor, commands)
        _ = reactor.schedule(self, at: reactor.now + .seconds(1))
    }

    private var counters: LoadCounters {
        (requests?.counters ?? LoadCounters()) + (feed?.counters ?? LoadCounters())
            + (broker?.counters ?? LoadCounters())
    }

    override func receive(_ command: LoadCommand) {
        let now = Reactor.monotonic().nanoseconds
        switch command {
        case .connect(let addresses, let feedAddresses):
            requests?.connect(to: addresses)
            feed?.connect(to: feedAddresses)
            broker?.connect()
        case .begin:
            feed?.isQuiet = false
            requests?.begin()
            broker?.begin()
        case .measure:
            before = counters
            measuringFrom = .now()
            requests?.window.open(now)
            feed?.window.open(now)
            broker?.window.open(now)
        case .storm: feed?.storm()
        case .settle:
            isSettling = true
            settlingFrom = now
            if let measuringFrom { busy = ThreadTime.now().busy(since: measuringFrom) }
            measured = counters - before
            requests?.window.close(now)
            feed?.window.close(now)
            broker?.window.close(now)
            requests?.settle()
            broker?.settle()
        case .finish:
            requests?.finish()
            broker?.finish()
            run.post(.finished(result(now)))
            feed?.finish()
            reactor.stop()
        }
    }

    override func timerFired(_ tag: UInt32) {
        let now = ThreadTime.now()
        let busy = now.busy(since: lastTime)
        lastTime = now
        run.post(
            .sample(
                LoadSample(
                    worker: index, counters: counters, answers: requests?.latencies.takeSecond(),
                    deliveries: feed?.takeSecond(), busy: busy, isConnected: isConnected,
                    isSettled: isSettled(now.at), subscribers: feed?.openCount ?? 0, connects: connects,
                    trouble: trouble)))
        _ = reactor.schedule(self, at: reactor.now + .seconds(1))
    }

    /// What came up of that part of the load of which least did: without any subscriber a run is void, however well
    /// it posts.
    private var connects: Int {
        min(
            requests?.counters.connects ?? .max, feed?.counters.connects ?? .max,
            broker.map { $0.isReady ? 1 : 0 } ?? .max)
    }

    private var trouble: String? {
        let notes = [feed?.notes, requests?.notes, broker?.notes].compactMap { $0 }
        let worst = notes.compactMap { $0.max { $0.value < $1.value } }
        return worst.max { $0.value < $1.value }?.key
    }

    private var isConnected: Bool {
        (requests?.isConnected ?? true) && (feed?.isConnected ?? true) && (broker?.isReady ?? true)
    }

    private func isSettled(_ now: Instant) -> Bool {
        guard isSettling, requests?.isEveryAnswerThere ?? true, broker?.isEveryMessageConfirmed ?? true else {
            return false
        }
        // A feed that is late has until then too for its first delivery.
        let from = Instant(nanoseconds: settlingFrom)
        return feed.map { now - max($0.lastDelivery, from) > BenchLimits.settled } ?? true
    }

    private func result(_ now: Int64) -> LoadResult {
        var result = LoadResult(worker: index)
        result.whole = counters
        result.measured = measured ?? counters - before
        result.due = counters - before
        result.busy = busy
        result.settled = now - settlingFrom
        if let requests {
            result.answers = requests.latencies
            result.accepted = requests.accepted
            result.undelivered.add(requests.undelivered)
            result.uncertain += requests.uncertain
            result.statuses = requests.statuses
            result.notes.merge(requests.notes, uniquingKeysWith: +)
        }
        if let broker {
            result.accepted.formUnion(broker.accepted)
            result.undelivered.add(broker.undelivered)
            result.uncertain += broker.uncertain
            result.notes.merge(broker.notes, uniquingKeysWith: +)
        }
        if let feed {
            (result.judged, result.holes, result.holeIDs) = feed.judge(now)
            result.deliveries = feed.latencies
            result.connects = feed.connects
            result.seen = feed.ledger.seen
            result.storedTwice = feed.ledger.storedTwice
            result.doubleIDs = feed.doubleIDs
            result.isLedgerFull = feed.ledger.isFull
            result.notes.merge(feed.notes, uniquingKeysWith: +)
        }
        return result
    }
}
