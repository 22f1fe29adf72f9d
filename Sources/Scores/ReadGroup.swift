/// Group read: requests of the same shape share a query, and while queries run those that come wait for the next one.
///
///     join(a), join(a) ──takeStart──▶ a₁ ┐                join(a) shares none that runs: a₁ may have read before
///     join(a)          ──takeStart──▶ a₂ ┤ running        it asked
///     finished(a₁) ──▶ its tickets       ┘ takeStart ──▶ a₃ for those who came since a₂ was sent
///
/// So everyone sees what was committed before they asked, and a thousand readers cost two queries a round trip: one is
/// on its way while the other is answered. Of all shapes together `runningReads` run, and further shapes queue for
/// their turn.
///
/// Every ticket that was accepted is given back exactly once.
public struct ReadGroup<Key: Hashable, Ticket> {
    public typealias QueryID = UInt64

    /// A query to send now.
    public struct Start {
        public let id: QueryID
        public let key: Key

        @usableFromInline init(id: QueryID, key: Key) {
            self.id = id
            self.key = key
        }
    }

    @usableFromInline struct Running {
        @usableFromInline let key: Key
        @usableFromInline let tickets: [Ticket]

        @usableFromInline init(key: Key, tickets: [Ticket]) {
            self.key = key
            self.tickets = tickets
        }
    }

    // Inlinable, as every request goes through it: see `WriteBatch`.
    @usableFromInline let runningReads: Int
    @usableFromInline let readsOfOneShape: Int
    @usableFromInline let waitingReads: Int
    @usableFromInline var lastID: QueryID = 0
    @usableFromInline var running: [QueryID: Running] = [:]
    /// How many run of each shape.
    @usableFromInline var runningKeys: [Key: Int] = [:]
    /// Who waits for a query of each shape.
    @usableFromInline var waiting: [Key: [Ticket]] = [:]
    /// Shapes that wait and of which not enough run: they start in this order.
    @usableFromInline var queue: [Key] = []

    @usableFromInline var waitingTotal = 0

    /// Requests that wait for a query which has not started.
    public var waitingCount: Int { waitingTotal }

    /// - Parameters:
    ///   - runningReads: at most so many queries at once.
    ///   - readsOfOneShape: at most so many of one shape.
    ///   - waitingReads: beyond so many that wait, `join` refuses.
    public init(
        runningReads: Int = ScoreLimits.runningReads, readsOfOneShape: Int = ScoreLimits.readsOfOneShape,
        waitingReads: Int = ScoreLimits.waitingReads
    ) {
        precondition(runningReads > 0 && readsOfOneShape > 0 && waitingReads > 0, "a group of nothing")
        self.runningReads = runningReads
        self.readsOfOneShape = readsOfOneShape
        self.waitingReads = waitingReads
    }

    /// Takes a request, which waits for the next query of its shape.
    /// - Returns: false when too many wait already; nothing was taken then (503).
    @inlinable public mutating func join(_ key: Key, _ ticket: Ticket) -> Bool {
        guard waitingTotal < waitingReads else { return false }
        waitingTotal += 1
        waiting[key, default: []].append(ticket)
        if waiting[key]?.count == 1, runningKeys[key, default: 0] < readsOfOneShape { queue.append(key) }
        return true
    }

    /// The next query to send, when there is one and not too many run. Take until nil.
    @inlinable public mutating func takeStart() -> Start? {
        guard running.count < runningReads, !queue.isEmpty else { return nil }
        let key = queue.removeFirst()
        let tickets = waiting.removeValue(forKey: key) ?? []
        waitingTotal -= tickets.count
        lastID += 1
        running[lastID] = Running(key: key, tickets: tickets)
        runningKeys[key, default: 0] += 1
        return Start(id: lastID, key: key)
    }

    /// Who shares a query that runs, in the order in which they asked.
    @inlinable public func tickets(of id: QueryID) -> [Ticket] {
        guard let query = running[id] else { preconditionFailure("a query that does not run") }
        return query.tickets
    }

    /// A query ended, well or not; the next of its shape may start.
    /// - Returns: who is to be answered.
    @inlinable public mutating func finished(_ id: QueryID) -> [Ticket] {
        guard let query = running.removeValue(forKey: id) else { preconditionFailure("a query that does not run") }
        let running = runningKeys[query.key, default: 1]
        runningKeys[query.key] = running == 1 ? nil : running - 1
        // With fewer running, who waits is in the queue already.
        if running == readsOfOneShape, waiting[query.key] != nil { queue.append(query.key) }
        return query.tickets
    }

    /// Gives up everything that runs and waits, as when the database is out of reach.
    public mutating func drain() -> [Ticket] {
        let order = running.keys.sorted()
        var tickets = order.flatMap { running[$0]?.tickets ?? [] }
        for group in waiting.values { tickets += group }
        running = [:]
        runningKeys = [:]
        waiting = [:]
        queue = []
        waitingTotal = 0
        return tickets
    }
}

extension ReadGroup.Start: Equatable {}
