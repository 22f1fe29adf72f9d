import AMQP
import Bytes
import Reactor
import Scores

/// The poster's queue on the local bus. It survives the process because it is a place in the store: everything above the
/// id that was told last.
///
///     start ─ told? ─▶ reading: pages of the store above `readUpTo` ──── all read, and nothing came meanwhile ──▶ live
///                        ▲                                                                                        │
///                        └──────── more waits than `LocalLimits.waitingMessages`: it is read again later ─────────┘
///
/// What is acknowledged moves the place, which is saved once a second: after a crash Slack hears of that second again.
/// A store whose ids are not committed in their order (PostgreSQL) has its place saved some seconds late, so that what
/// was committed behind it is not passed over; at a regular end nothing is under way, and the place is exact.
final class LocalQueue: LocalConsumer {
    private enum State {
        case beginning, reading, live, ended
    }

    private enum TimerTag {
        static let begin: UInt32 = 0
        static let save: UInt32 = 1
        static let read: UInt32 = 2
    }

    private struct Item {
        let message: LocalExchange.Message
        /// The highest id in it.
        let highest: Int64
    }

    private let reactor: Reactor
    private let store: ScoreStore
    private let history: ScoreHistory
    private unowned let client: BusClient
    private let prefetch: Int
    private let batch: Int
    private var clock: Clock!  // made in init; needs self

    private var state = State.beginning
    private var waiting: [Item] = []
    /// Delivered and not acknowledged, in the order of their tags.
    private var held: [(tag: UInt64, highest: Int64)] = []
    private var lastTag: UInt64 = 0
    /// All up to here is told.
    private var told: Int64 = 0
    private var savedTold: Int64 = 0
    private var readUpTo: Int64 = 0
    private var fetching: ScoreHistory.Ticket?
    private var cameMeanwhile = false
    private var isSaveScheduled = false
    /// Ids that were read, for they may come once more on the bus.
    private var recent = RecentIDs(capacity: LocalLimits.recentIDs)
    private var past: [(id: Int64, at: Instant)] = []

    /// - Parameters:
    ///   - prefetch: deliveries that may be unacknowledged.
    ///   - batch: most scores in one delivery of what is read from the store.
    init(
        _ reactor: Reactor, store: ScoreStore, history: ScoreHistory, prefetch: Int, batch: Int, client: BusClient
    ) {
        self.reactor = reactor
        self.store = store
        self.history = history
        self.prefetch = prefetch
        self.batch = batch
        self.client = client
        super.init()
        clock = Clock(self)
    }

    override func start() {
        _ = reactor.schedule(clock, at: reactor.now, tag: TimerTag.begin)
    }

    override func close(deadline: Instant) {
        guard state != .ended else { return }
        if state != .beginning, told > savedTold { store.saveTold(told) }
        if let fetching { history.cancel(fetching) }
        fetching = nil
        state = .ended
    }

    override var isClosed: Bool { state == .ended }
    override var isReady: Bool { state == .reading || state == .live }

    // MARK: Beginning

    private func begin() {
        guard state == .beginning else { return }
        if !store.loadTold(for: self) { beginLater() }
    }

    private func beginLater() {
        _ = reactor.schedule(clock, at: reactor.now + LocalLimits.pause, tag: TimerTag.begin)
    }

    /// The store's answer; nil: it has none now.
    func toldUpTo(_ id: Int64?) {
        guard state == .beginning else { return }
        guard let id else {
            beginLater()
            return
        }
        told = id
        savedTold = id
        readUpTo = id
        state = .reading
        client.ready()
        read()
    }

    // MARK: Reading

    private func read() {
        guard state == .reading, fetching == nil, waiting.count < LocalLimits.waitingMessages / 2 else { return }
        cameMeanwhile = false
        fetching = history.fetch(.after(readUpTo), limit: StoreLimits.pageRows, for: self)
        if fetching == nil { readLater() }
    }

    private func readLater() {
        _ = reactor.schedule(clock, at: reactor.now + LocalLimits.pause, tag: TimerTag.read)
    }

    func fetched(_ scores: [Score], isLast: Bool) {
        fetching = nil
        guard state == .reading else { return }
        for start in stride(from: 0, to: scores.count, by: batch) {
            append(scores[start..<min(start + batch, scores.count)])
        }
        for score in scores {
            if let id = score.id { _ = recent.insert(id, by: .history) }
        }
        readUpTo = scores.last?.id ?? readUpTo
        if isLast, !cameMeanwhile { state = .live }
        deliver()
    }

    func fetchFailed() {
        fetching = nil
        readLater()
    }

    private func append(_ scores: ArraySlice<Score>) {
        var body = ByteBuffer(capacity: 128 * scores.count)
        for score in scores {
            ScoreEncoder.append(score, to: &body)
            if scores.count > 1 { body.append(UInt8(ascii: "\n")) }
        }
        let message = LocalExchange.Message(scores: scores.count, body: body.bytes.copied)
        waiting.append(Item(message: message, highest: scores.compactMap(\.id).max() ?? 0))
    }

    // MARK: What comes live

    override func take(_ message: LocalExchange.Message) {
        switch state {
        case .beginning, .ended: return
        case .reading: cameMeanwhile = true
        case .live:
            guard waiting.count < LocalLimits.waitingMessages else {
                // It is in the store: there it can wait.
                waiting.removeAll()
                readUpTo = held.last?.highest ?? told
                state = .reading
                return
            }
            takeLive(message)
            deliver()
        }
    }

    private func takeLive(_ message: LocalExchange.Message) {
        let contentType = Array("\(Self.contentType(scores: message.scores))".utf8)
        var decoder = FeedMessageDecoder(contentType: contentType.span, body: message.body.span)
        var fresh: [Score] = []
        while case .success(let score)? = decoder.next() {
            guard let id = score.id, recent.insert(id, by: .bus) == nil else { continue }
            fresh.append(score)
        }
        if !fresh.isEmpty { append(fresh[...]) }
    }

    private func deliver() {
        var count = 0
        while state != .ended, held.count < prefetch, count < waiting.count {
            let item = waiting[count]
            count += 1
            lastTag += 1
            held.append((lastTag, item.highest))
            item.message.deliver(to: client, tag: lastTag)
        }
        waiting.removeFirst(count)
        read()
    }

    // MARK: What is told

    override func ack(_ deliveryTag: UInt64, multiple: Bool) {
        if multiple {
            for item in held where item.tag <= deliveryTag { told = max(told, item.highest) }
            held.removeAll { $0.tag <= deliveryTag }
        } else {
            // One in the middle says nothing of those before it.
            held.removeAll { $0.tag == deliveryTag }
        }
        saveSoon()
        // Not from within a delivery.
        _ = reactor.schedule(clock, at: reactor.now, tag: TimerTag.read)
    }

    /// All of it is read again: there is nobody else to give it to.
    override func handBackDeliveries() -> Bool {
        guard isReady else { return false }
        if let fetching { history.cancel(fetching) }
        fetching = nil
        waiting.removeAll()
        held.removeAll()
        recent = RecentIDs(capacity: LocalLimits.recentIDs)
        readUpTo = told
        state = .beginning
        _ = reactor.schedule(clock, at: reactor.now + LocalLimits.pause, tag: TimerTag.begin)
        return true
    }

    private func saveSoon() {
        guard !isSaveScheduled else { return }
        isSaveScheduled = true
        _ = reactor.schedule(clock, at: reactor.now + LocalLimits.savePause, tag: TimerTag.save)
    }

    private func save() {
        isSaveScheduled = false
        guard state != .ended else { return }
        if store.commitsInOrder {
            savedTold = told
        } else {
            past.append((told, reactor.now))
            while past.count > 1, past[1].at <= reactor.now.earlier(by: LocalLimits.lag) { past.removeFirst() }
            guard past[0].at <= reactor.now.earlier(by: LocalLimits.lag), past[0].id > savedTold else {
                saveSoon()
                return
            }
            savedTold = past[0].id
        }
        store.saveTold(savedTold)
        if savedTold < told { saveSoon() }
    }

    private func timerFired(_ tag: UInt32) {
        switch tag {
        case TimerTag.begin: begin()
        case TimerTag.save: save()
        default: if isReady { deliver() }
        }
    }

    /// The reactor's calls.
    private final class Clock: Source {
        private unowned let queue: LocalQueue
        init(_ queue: LocalQueue) { self.queue = queue }
        override func timerFired(_ tag: UInt32) { queue.timerFired(tag) }
    }
}
