import AMQP
import Bytes
import Reactor
import Scores

/// The poster's queue on the local bus. It survives the process because it is a place in the store: up to its id everything
/// is told, and what is above it is read again.
///
///     start ─ place? ─▶ open: what `QueueIntake` reads from the store and is brought by the bus ─▶ delivered ─▶ told
///                        ▲  │ handed back
///                        └──┴─ rests a second
///
/// The place is saved once a second, and at the end: after a crash Slack hears of that second again. It is below
/// everything that is not told, and below every id that is missing and may still be committed, for
/// `LocalLimits.holeAge`. What comes later than that is in the outbox until it was taken here, and takes the place down.
final class LocalQueue: LocalConsumer {
    private enum State {
        case beginning, open, resting, ended
    }

    private enum TimerTag {
        static let begin: UInt32 = 0
        static let tick: UInt32 = 1
        static let deliver: UInt32 = 2
    }

    private let reactor: Reactor
    private let exchange: LocalExchange
    private let store: ScoreStore
    private let history: ScoreHistory
    private unowned let client: BusClient
    private var clock: Clock!  // made in init; needs self

    private var state = State.beginning
    private var intake: QueueIntake
    private var fetching: ScoreHistory.Ticket?
    private var savedPlace: Int64 = 0
    /// The highest place that was ever saved.
    private var highestSaved: Int64 = 0
    private var isTickScheduled = false

    /// - Parameters:
    ///   - prefetch: deliveries that may be unacknowledged.
    ///   - batch: most scores in one delivery of what is read from the store.
    init(
        _ reactor: Reactor, _ exchange: LocalExchange, store: ScoreStore, history: ScoreHistory, prefetch: Int,
        batch: Int, client: BusClient
    ) {
        self.reactor = reactor
        self.exchange = exchange
        self.store = store
        self.history = history
        self.client = client
        intake = QueueIntake(prefetch: prefetch, batch: batch)
        super.init()
        clock = Clock(self)
        // The outbox keeps what it has until the place is known that must be below it.
        exchange.confirmsTaken(false)
    }

    override func start() {
        _ = reactor.schedule(clock, at: reactor.now, tag: TimerTag.begin)
    }

    override func close(deadline: Instant) {
        guard state != .ended else { return }
        if state != .beginning { save() }
        if let fetching { history.cancel(fetching) }
        fetching = nil
        state = .ended
    }

    override var isClosed: Bool { state == .ended }
    override var isReady: Bool { state == .open }

    // MARK: Beginning

    private func begin() {
        switch state {
        case .beginning: if !store.loadTold(for: self) { beginLater() }
        case .resting: open()
        case .open, .ended: break
        }
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
        savedPlace = id
        highestSaved = id
        intake.begin(at: id)
        save()
        exchange.confirmsTaken(true)
        open()
    }

    private func open() {
        state = .open
        client.ready()
        deliver()
        tickSoon()
    }

    // MARK: Reading

    private func read() {
        guard let id = intake.ask(at: reactor.now) else { return }
        fetching = history.fetch(.after(id), limit: StoreLimits.pageRows, for: self)
        if fetching == nil { fetchFailed() }
    }

    func fetched(_ scores: [Score], isLast: Bool) {
        fetching = nil
        intake.answered(scores, isLast: isLast, at: reactor.now)
        deliver()
        tickSoon()
    }

    func fetchFailed() {
        fetching = nil
        intake.failed()
        // The next tick asks again.
        tickSoon()
    }

    // MARK: What comes live

    override func take(_ message: LocalExchange.Message) {
        guard state != .ended else { return }
        let lowest = intake.came(Self.scores(of: message), at: reactor.now)
        guard state != .beginning else { return }
        // At once, and before the outbox forgets it: nothing else would bring it after a crash.
        if let lowest, lowest <= savedPlace { save() }
        deliver()
        if intake.hasOpenHoles { tickSoon() }
    }

    private static func scores(of message: LocalExchange.Message) -> [Score] {
        let contentType = Array("\(contentType(scores: message.scores))".utf8)
        var decoder = FeedMessageDecoder(contentType: contentType.span, body: message.body.span)
        var scores: [Score] = []
        while case .success(let score)? = decoder.next() { scores.append(score) }
        return scores
    }

    private func deliver() {
        while state == .open, let (message, tag) = intake.next() { message.deliver(to: client, tag: tag) }
        if state == .open { read() }
    }

    // MARK: What is told

    override func ack(_ deliveryTag: UInt64, multiple: Bool) {
        intake.ack(deliveryTag, multiple: multiple)
        tickSoon()
        // Not from within a delivery.
        _ = reactor.schedule(clock, at: reactor.now, tag: TimerTag.deliver)
    }

    /// All of it is read again: there is nobody else to give it to.
    override func handBackDeliveries() -> Bool {
        guard isReady else { return false }
        intake.handBack(at: reactor.now)
        state = .resting
        beginLater()
        return true
    }

    /// Once a second while something is to be saved, or to be looked for in the store.
    private func tickSoon() {
        guard !isTickScheduled else { return }
        isTickScheduled = true
        _ = reactor.schedule(clock, at: reactor.now + LocalLimits.savePause, tag: TimerTag.tick)
    }

    private func tick() {
        isTickScheduled = false
        guard state != .ended else { return }
        save()
        deliver()
        if intake.isReading || intake.hasOpenHoles || savedPlace < highestSaved { tickSoon() }
    }

    /// A place that went down is saved in every tick until it is up again: it matters, and nobody says whether it was kept.
    private func save() {
        let place = intake.place
        guard place != savedPlace || place < highestSaved else { return }
        store.saveTold(place)
        savedPlace = place
        highestSaved = max(highestSaved, place)
    }

    private func timerFired(_ tag: UInt32) {
        switch tag {
        case TimerTag.begin: begin()
        case TimerTag.tick: tick()
        default: deliver()
        }
    }

    /// The reactor's calls.
    private final class Clock: Source {
        private unowned let queue: LocalQueue
        init(_ queue: LocalQueue) { self.queue = queue }
        override func timerFired(_ tag: UInt32) { queue.timerFired(tag) }
    }
}
