import Bytes
import Scores
import Testing

/// Every schedule of a few events over a store, a table of rows with leases, an `Outbox` and a broker, to a fixed depth.
/// After each event nothing may have been forgotten that is not published, and memory is bounded; from wherever a
/// schedule ends, a broker and a store that work again bring everything out.
///
/// (Several processes over one table, at random and longer: `OutboxTests`.)
@Suite struct OutboxModelTests {
    /// The usual outbox: a flush and its row are one transaction.
    @Test(arguments: [2, 3]) func aRowForEachFlush(limit: Int) throws {
        try explore(OutboxModel(limit: limit, hasRows: true))
    }

    /// The bus inside the process: what the outbox had room for as the commit began gets no row.
    @Test(arguments: [2, 3]) func noRows(limit: Int) throws {
        try explore(OutboxModel(limit: limit, hasRows: false))
    }

    private func explore(_ start: OutboxModel) throws {
        var schedules = 0
        try explore(start, depth: 9, &schedules)
        #expect(schedules > 5_000, "the model has come to a standstill")
    }

    private func explore(_ model: OutboxModel, depth: Int, _ schedules: inout Int) throws {
        for event in OutboxModel.Event.allCases {
            var next = model
            guard next.run(event) else { continue }
            next.schedule.append(event)
            if let fault = next.fault { try #require(Bool(false), "\(fault): \(next.schedule)") }
            if depth > 1 {
                try explore(next, depth: depth - 1, &schedules)
            } else {
                schedules += 1
                let schedule = next.schedule
                next.end()
                if let fault = next.fault { try #require(Bool(false), "\(fault): \(schedule)") }
            }
        }
    }
}

private struct OutboxModel {
    enum Event: CaseIterable {
        case begin, commit, publish, confirm, confirmNewest, refuse, lose, forget, forgetInVain, claim, wait, expire
    }

    /// A flush that is being committed.
    private struct Commit {
        let mark: FlushMark
        let isHeld: Bool
    }

    private static let parts = 2
    /// What the store lets be under way at once: its own back-pressure, which bounds what has no row.
    private static let commits = 2

    private let limit: Int
    private let hasRows: Bool
    private var outbox: Outbox
    private var committing: [Commit] = []
    private var stored: [FlushMark] = []
    /// When each row is due.
    private var table: [FlushMark: Instant] = [:]
    private var broker: [FlushMark: Set<Int>] = [:]
    /// Published, in that order, and not answered.
    private var unanswered: [Outbox.Message] = []
    /// Own flushes that were to be forgotten.
    private var forgotten: Set<FlushMark> = []
    private var now = Instant(nanoseconds: 0)

    var schedule: [Event] = []
    private(set) var fault: String?

    init(limit: Int, hasRows: Bool) {
        self.limit = limit
        self.hasRows = hasRows
        outbox = Outbox(limit: limit)
    }

    /// - Returns: false when the event cannot happen now, or would change nothing.
    mutating func run(_ event: Event) -> Bool {
        switch event {
        case .begin: return begin()
        case .commit: return commit()
        case .publish: return publish()
        case .confirm: return answer(0, isConfirmed: true)
        case .confirmNewest: return unanswered.count > 1 && answer(unanswered.count - 1, isConfirmed: true)
        case .refuse: return answer(0, isConfirmed: false)
        case .lose: return lose()
        case .forget: return forget()
        case .forgetInVain: return forgetInVain()
        case .claim: return claim()
        case .wait:
            now = now + .seconds(5)
            return !table.isEmpty || outbox.openCount > 0
        case .expire:
            let before = outbox.openCount
            outbox.expire(now)
            return outbox.openCount != before
        }
    }

    /// All works again, for as long as it takes.
    mutating func end() {
        for _ in 0..<12 where !isQuiet {
            while commit() {}
            while publish() {}
            while answer(0, isConfirmed: true) {}
            while forget() {}
            now = now + .seconds(5)
            outbox.expire(now)
            _ = claim()
        }
        for mark in stored where broker[mark]?.count != Self.parts { fail("flush \(mark.high) is not published") }
        if !table.isEmpty { fail("rows are left") }
        if outbox.openCount != 0 || outbox.bytes != 0 || outbox.oldest != nil { fail("something is held for ever") }
    }

    private var isQuiet: Bool {
        committing.isEmpty && table.isEmpty && outbox.openCount == 0 && !outbox.hasForgotten && !outbox.hasDelivered
    }

    private mutating func fail(_ text: String) { fault = fault ?? text }

    private static let drafts = (0..<parts).map { Outbox.Draft(scores: 1, body: [UInt8($0)]) }

    private mutating func begin() -> Bool {
        guard committing.count < Self.commits, stored.count + committing.count < 3 else { return false }
        let mark = FlushMark(high: UInt64(stored.count + committing.count + 1), low: 0)
        committing.append(Commit(mark: mark, isHeld: outbox.hasRoom))
        return true
    }

    private mutating func commit() -> Bool {
        guard !committing.isEmpty else { return false }
        let commit = committing.removeFirst()
        stored.append(commit.mark)
        let hasRow = hasRows || !commit.isHeld
        if hasRow { table[commit.mark] = commit.isHeld ? now + .seconds(10) : now }
        if commit.isHeld {
            _ = outbox.hold(
                commit.mark, .own, Self.drafts, until: hasRow ? now + .seconds(8) : .distantFuture, hasRow: hasRow)
        }
        // A flush is taken while there is room at all, and so may go over by itself; without rows, all under way may.
        let beyond = Self.parts * (hasRows ? 1 : Self.commits + 1)
        if outbox.bytes >= limit + beyond { fail("\(outbox.bytes) bytes are held") }
        return true
    }

    private mutating func publish() -> Bool {
        guard let message = outbox.next(now) else { return false }
        if unanswered.contains(where: { $0.mark == message.mark && $0.part == message.part }) {
            fail("a message is published that waits for its confirm")
        }
        unanswered.append(message)
        return true
    }

    private mutating func answer(_ index: Int, isConfirmed: Bool) -> Bool {
        guard unanswered.indices.contains(index) else { return false }
        let message = unanswered.remove(at: index)
        if isConfirmed {
            broker[message.mark, default: []].insert(message.part)
            outbox.confirmed(message.ticket)
        } else {
            outbox.refused(message.ticket)
        }
        return true
    }

    /// The connection to the broker: nobody knows what it has of the messages without an answer. Here it has none.
    private mutating func lose() -> Bool {
        guard unanswered.count > 1 else { return false }
        while answer(unanswered.count - 1, isConfirmed: false) {}
        return true
    }

    private mutating func forget() -> Bool {
        let marks = outbox.takeForgotten(atMost: 1)
        let delivered = outbox.takeDelivered()
        for mark in marks where !forgotten.insert(mark).inserted { fail("flush \(mark.high) is forgotten twice") }
        for mark in marks + delivered {
            if broker[mark]?.count != Self.parts { fail("flush \(mark.high) is forgotten and not published") }
            table[mark] = nil
        }
        return !marks.isEmpty || !delivered.isEmpty
    }

    /// The connection to the store is lost with the deletion: own rows are given back, of taken ones the lease ends.
    private mutating func forgetInVain() -> Bool {
        let marks = outbox.takeForgotten(atMost: 2)
        outbox.giveBack(forgotten: marks)
        return !outbox.takeDelivered().isEmpty || marks.count > 1
    }

    private mutating func claim() -> Bool {
        // As the relay does: not when there is no room.
        let due = table.filter { $0.value <= now }.keys.sorted().prefix(2)
        guard outbox.hasRoom, !due.isEmpty else { return false }
        for mark in due {
            table[mark] = now + .seconds(10)
            _ = outbox.hold(mark, .taken, Self.drafts, until: hasRows ? now + .seconds(8) : .distantFuture)
        }
        return true
    }
}
