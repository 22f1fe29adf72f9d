import Bytes
import Scores

/// Joins what the bus and the store bring to the poster's queue: every score once, whatever the order in which ids are
/// committed, with a bounded number of messages in memory.
///
///     bus ────▶ came ─────┐
///     store ──▶ answered ─┴─▶ taken before? ─▶ waiting ─ next ─▶ held ─ ack ─▶ told
///
/// While it is behind (at the start, and after more came than may wait), scores above those it has are left in the store
/// and read from there, page by page. Decides only; `LocalQueue` asks the store, delivers, and saves the place.
struct QueueIntake {
    private struct Item {
        let message: LocalExchange.Message
        let ids: [ClosedRange<Int64>]
        let lowest: Int64
    }

    private struct Held {
        let tag: UInt64
        let ids: [ClosedRange<Int64>]
        let lowest: Int64
    }

    private struct Question {
        let above: Int64
        let at: Instant
        /// It asks after holes, and for nothing else.
        let isForHoles: Bool
    }

    private let prefetch: Int
    private let batch: Int
    private let waitingLimit: Int
    private let openLimit: Int
    private var holes: QueueHoles
    private var hasBegun = false

    private var waiting: [Item] = []
    /// Delivered and not acknowledged, in the order of their tags.
    private var held: [Held] = []
    private var lastTag: UInt64 = 0

    /// What the bus brings above the highest id is left in the store.
    private var isBehind = true
    /// The store is to be read above this id; nil: all that is in it comes, or came, on the bus.
    private var position: Int64?
    /// The lowest id that was left in the store since it was asked.
    private var leftBehind: Int64?
    private var question: Question?

    /// - Parameters:
    ///   - prefetch: deliveries that may be unacknowledged.
    ///   - batch: most scores in one message of what was read from the store.
    init(
        prefetch: Int, batch: Int, waiting: Int = LocalLimits.waitingMessages, openHoles: Int = LocalLimits.openHoles,
        givenUp: Int = LocalLimits.givenUpHoles
    ) {
        self.prefetch = prefetch
        self.batch = batch
        waitingLimit = waiting
        openLimit = openHoles
        holes = QueueHoles(open: openHoles, givenUp: givenUp)
    }

    /// All up to `place` was told before this process began, but for what has come since.
    mutating func begin(at place: Int64) {
        holes.begin(above: place)
        position = place
        hasBegun = true
    }

    /// The place to be saved: everything up to it is told, and nothing below it is known to be under way.
    var place: Int64 {
        var lowest = holes.lowestOpen ?? .max
        for item in held { lowest = min(lowest, item.lowest) }
        for item in waiting { lowest = min(lowest, item.lowest) }
        return min(holes.highest, lowest - 1)
    }

    /// Ids are missing that may still be committed.
    var hasOpenHoles: Bool { holes.openCount > 0 }

    /// The store has scores that were not asked for yet.
    var isReading: Bool { position != nil }

    // MARK: The bus

    /// The bus brings a message, which is in the store.
    /// - Returns: the lowest id in it that was not taken before.
    mutating func came(_ scores: [Score], at now: Instant) -> Int64? {
        let hasRoom = hasBegun && waiting.count < waitingLimit
        var fresh: [Score] = []
        var lowest: Int64?
        for score in scores {
            // (No place is below the lowest number: a row that has it is none of ours.)
            guard let id = score.id, id > .min, !holes.hasTaken(id) else { continue }
            lowest = min(lowest ?? id, id)
            // No page brings what is below the highest id, unless it is asked for.
            if hasRoom, id <= holes.highest || (!isBehind && holes.openCount < openLimit) {
                if holes.take(id, by: .bus, at: now) { fresh.append(score) }
            } else if id <= holes.highest {
                holes.want(id...id, openSince: now.earlier(by: LocalLimits.holeAge))
            } else {
                isBehind = true
                position = position ?? holes.highest
                leftBehind = min(leftBehind ?? id, id)
            }
        }
        append(fresh[...])
        return lowest
    }

    // MARK: The store

    /// What to read now: scores above the id. `answered` or `failed` follows.
    mutating func ask(at now: Instant) -> Int64? {
        guard hasBegun, question == nil, waiting.count < (waitingLimit + 1) / 2 else { return nil }
        if let lowest = holes.firstOpen(since: now.earlier(by: LocalLimits.holeAge)) {
            question = Question(above: lowest - 1, at: now, isForHoles: true)
        } else if let position, holes.openCount < openLimit {
            // What was left there until now is seen by this reading.
            let above = min(position, (leftBehind ?? .max) - 1)
            self.position = above
            leftBehind = nil
            question = Question(above: above, at: now, isForHoles: false)
        }
        return question?.above
    }

    /// The answer, in id order.
    mutating func answered(_ scores: [Score], isLast: Bool, at now: Instant) {
        guard let question else { return }
        self.question = nil
        let end = isLast ? .max : scores.last?.id ?? .max
        let top = question.isForHoles ? holes.highest : .max
        var fresh: [Score] = []
        for score in scores {
            guard let id = score.id, id <= top, holes.take(id, by: .store, at: now) else { continue }
            fresh.append(score)
        }
        for start in stride(from: 0, to: fresh.count, by: batch) {
            append(fresh[start..<min(start + batch, fresh.count)])
        }
        holes.giveUp(above: question.above, through: end, openSince: question.at.earlier(by: LocalLimits.holeAge))
        guard !question.isForHoles else { return }
        if isLast {
            // What was left behind while it was read is read once more; what comes from now on is taken.
            isBehind = false
            position = leftBehind == nil ? nil : holes.highest
        } else {
            position = end
        }
    }

    /// There is no answer.
    mutating func failed() {
        question = nil
    }

    private mutating func append(_ scores: ArraySlice<Score>) {
        guard !scores.isEmpty else { return }
        var body = ByteBuffer(capacity: 128 * scores.count)
        var ids: [ClosedRange<Int64>] = []
        var lowest = Int64.max
        for score in scores {
            ScoreEncoder.append(score, to: &body)
            if scores.count > 1 { body.append(UInt8(ascii: "\n")) }
            guard let id = score.id else { continue }
            lowest = min(lowest, id)
            if let last = ids.last, last.upperBound + 1 == id {
                ids[ids.count - 1] = last.lowerBound...id
            } else {
                ids.append(id...id)
            }
        }
        let message = LocalExchange.Message(scores: scores.count, body: body.bytes.copied)
        waiting.append(Item(message: message, ids: ids, lowest: lowest))
    }

    // MARK: Delivering

    /// The next message to be delivered, and its tag; nil: there is none, or enough are held.
    mutating func next() -> (message: LocalExchange.Message, tag: UInt64)? {
        guard held.count < prefetch, !waiting.isEmpty else { return nil }
        let item = waiting.removeFirst()
        lastTag += 1
        held.append(Held(tag: lastTag, ids: item.ids, lowest: item.lowest))
        return (item.message, lastTag)
    }

    /// A delivery is told, or all up to it are.
    mutating func ack(_ tag: UInt64, multiple: Bool) {
        held.removeAll { multiple ? $0.tag <= tag : $0.tag == tag }
    }

    /// Nothing that is held was told: it is read again.
    mutating func handBack(at now: Instant) {
        let since = now.earlier(by: LocalLimits.holeAge)
        for item in held { for ids in item.ids { holes.want(ids, openSince: since) } }
        held.removeAll()
    }
}
