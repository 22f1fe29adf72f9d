import Bytes

/// What a process has in hand of the outbox: stored flushes that the bus has not confirmed yet.
///
///     table         score_outbox: one row a flush, written with its scores in one transaction
///     hold          a flush of ours, or one taken over: its messages wait here, in memory, under a lease
///     next          publish → confirmed → when all of a flush are: forget its row
///                             refused (nack, channel or connection lost) → waits again, before all younger ones
///     lease over    what is not published by then is let go: the row is due, and whoever claims it publishes it
///
/// So a row is forgotten only after the broker's confirm, and a row whose holder is dead or stuck is taken over when the
/// lease it was written or claimed with is over. A holder lets go on its own before that, by its own clock, so two publish
/// the same flush only when a confirm is still awaited: at least once, never not at all.
///
/// Order: flushes of one holder are published oldest first, those taken over in turn with its own, so a backlog does not
/// starve new scores. Hence an older score may come after newer ones; its id tells.
///
/// Memory is bounded: `hold` refuses what has no room, and then the table keeps it. A flush without a row (the bus inside
/// the process needs none) is held all the same, as nobody else has it: the outbox had room when its commit began, and a
/// store has only a few under way.
public struct Outbox {
    /// Whose flush it was at first.
    public enum Origin: UInt8, Sendable {
        /// Ours: nobody else has published it.
        case own
        /// Claimed from the table: its row must stay as a mark when it is published, for its maker may still ask.
        case taken
    }

    /// One message of the bus.
    public struct Message: Equatable, Sendable {
        /// Names it in `confirmed` and `refused`.
        public let ticket: UInt64
        public let mark: FlushMark
        /// Which of its flush's messages it is, from 0.
        public let part: Int
        /// How many scores it has: one JSON object, or one a line.
        public let scores: Int
        public let body: [UInt8]
    }

    /// A message without its names.
    public struct Draft: Equatable, Sendable {
        public let scores: Int
        public let body: [UInt8]

        public init(scores: Int, body: [UInt8]) {
            self.scores = scores
            self.body = body
        }
    }

    private struct Holding {
        let origin: Origin
        let until: Instant
        /// Messages without a confirm.
        var open: Int
        /// A message of it was let go: somebody else will publish the whole.
        var isLetGo = false
    }

    /// Messages of one origin that wait, oldest first.
    private struct Line {
        var waiting: [Message] = []
        var first = 0
        /// Came back; goes before `waiting`.
        var again: [Message] = []

        var count: Int { waiting.count - first + again.count }

        mutating func takeFirst() -> Message? {
            if !again.isEmpty { return again.removeFirst() }
            guard first < waiting.count else { return nil }
            defer {
                first += 1
                if first == waiting.count {
                    waiting.removeAll(keepingCapacity: true)
                    first = 0
                } else if first >= 1024 {
                    waiting.removeFirst(first)
                    first = 0
                }
            }
            return waiting[first]
        }

        /// Back to its place among those that came back.
        mutating func takeBack(_ message: Message) {
            var index = again.count
            while index > 0, again[index - 1].ticket > message.ticket { index -= 1 }
            again.insert(message, at: index)
        }
    }

    private let limit: Int
    private var holdings: [FlushMark: Holding] = [:]
    private var own = Line()
    private var taken = Line()
    private var unconfirmed: [UInt64: Message] = [:]
    private var forgotten: [FlushMark] = []
    private var delivered: [FlushMark] = []
    private var lastTicket: UInt64 = 0
    private var lastOrigin = Origin.taken

    /// Bytes of the bodies held.
    public private(set) var bytes = 0

    /// - Parameter limit: bytes of bodies that may be held.
    public init(limit: Int = ScoreLimits.outboxBytes) {
        self.limit = limit
    }

    /// The mark of the flush that is held longest.
    public var oldest: FlushMark? { holdings.keys.min() }

    /// Messages that are not confirmed: waiting and on their way.
    public var openCount: Int { waitingCount + unconfirmed.count }

    /// Messages that wait to be published.
    public var waitingCount: Int { own.count + taken.count }

    /// Of the claimed flushes, messages that are not confirmed.
    public var takenCount: Int { holdings.values.reduce(0) { $0 + ($1.origin == .taken ? $1.open : 0) } }

    /// Whether another flush of usual size could be held.
    public var hasRoom: Bool { bytes < limit }

    // MARK: Holding

    /// Takes a flush to be published.
    /// - Parameters:
    ///   - drafts: its messages, at least one.
    ///   - until: when it is let go.
    ///   - hasRow: whether the table has it, for somebody else to publish.
    /// - Returns: false when there is no room, or it is held already; nothing is taken then.
    public mutating func hold(
        _ mark: FlushMark, _ origin: Origin, _ drafts: [Draft], until: Instant, hasRow: Bool = true
    ) -> Bool {
        precondition(!drafts.isEmpty, "a flush without a message")
        guard hasRoom || !hasRow, holdings[mark] == nil else { return false }
        holdings[mark] = Holding(origin: origin, until: until, open: drafts.count)
        for (part, draft) in drafts.enumerated() {
            lastTicket += 1
            bytes += draft.body.count
            let message = Message(
                ticket: lastTicket, mark: mark, part: part, scores: draft.scores, body: draft.body)
            if origin == .own { own.waiting.append(message) } else { taken.waiting.append(message) }
        }
        return true
    }

    // MARK: Publishing

    /// The next message to publish, own and taken ones in turn. What is past its lease is let go on the way.
    /// Each is to be answered by `confirmed` or, also when it was not sent, `refused`.
    public mutating func next(_ now: Instant) -> Message? {
        while let message = takeNext() {
            guard let holding = holdings[message.mark], !holding.isLetGo, now < holding.until else {
                letGo(message)
                continue
            }
            unconfirmed[message.ticket] = message
            return message
        }
        return nil
    }

    private mutating func takeNext() -> Message? {
        lastOrigin = lastOrigin == .own ? .taken : .own
        if lastOrigin == .own { return own.takeFirst() ?? taken.takeFirst() }
        return taken.takeFirst() ?? own.takeFirst()
    }

    private mutating func letGo(_ message: Message) {
        bytes -= message.body.count
        guard var holding = holdings[message.mark] else { return }
        holding.isLetGo = true
        holding.open -= 1
        holdings[message.mark] = holding.open == 0 ? nil : holding
    }

    /// The broker has it.
    public mutating func confirmed(_ ticket: UInt64) {
        guard let message = unconfirmed.removeValue(forKey: ticket) else { return }
        bytes -= message.body.count
        guard var holding = holdings[message.mark] else { return }
        holding.open -= 1
        guard holding.open == 0 else {
            holdings[message.mark] = holding
            return
        }
        holdings[message.mark] = nil
        if holding.isLetGo { return }
        if holding.origin == .own { forgotten.append(message.mark) } else { delivered.append(message.mark) }
    }

    /// The broker has not taken it, or the way to it was lost: it waits again, before all younger ones.
    public mutating func refused(_ ticket: UInt64) {
        guard let message = unconfirmed.removeValue(forKey: ticket) else { return }
        guard let holding = holdings[message.mark] else { return }
        if holding.origin == .own { own.takeBack(message) } else { taken.takeBack(message) }
    }

    /// Lets go of what is past its lease, so that it does not hold memory while nothing can be published.
    public mutating func expire(_ now: Instant) {
        own = expired(own, now)
        taken = expired(taken, now)
    }

    private mutating func expired(_ line: Line, _ now: Instant) -> Line {
        let messages = line.again + line.waiting[line.first...]
        let isOver = messages.map { message in holdings[message.mark].map { $0.isLetGo || $0.until <= now } ?? true }
        guard isOver.contains(true) else { return line }
        var rest = Line()
        for (message, isOver) in zip(messages, isOver) {
            if isOver { letGo(message) } else { rest.waiting.append(message) }
        }
        return rest
    }

    // MARK: Forgetting

    /// Whether rows wait to be forgotten or marked.
    public var hasForgotten: Bool { !forgotten.isEmpty }

    /// Own flushes whose rows are to be deleted now. When that fails, give them back.
    public mutating func takeForgotten(atMost count: Int) -> [FlushMark] {
        let marks = Array(forgotten.prefix(count))
        forgotten.removeFirst(marks.count)
        return marks
    }

    public mutating func giveBack(forgotten marks: [FlushMark]) {
        forgotten += marks
    }

    /// Whether taken flushes are published that are not marked.
    public var hasDelivered: Bool { !delivered.isEmpty }

    /// Taken flushes whose rows are to be marked as published now. When that fails, they are published once more, as
    /// their lease ends: nothing is to be given back.
    public mutating func takeDelivered() -> [FlushMark] {
        defer { delivered.removeAll(keepingCapacity: true) }
        return delivered
    }
}
