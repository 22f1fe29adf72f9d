/// Group read: while a query of some shape runs, requests of the same shape wait for the next one and share it.
///
///     join(a) ──▶ start a₁ ┐ running        join(a), join(a) wait: a₁ may have read before they asked
///     finished(a₁) ──▶ its tickets, and start a₂ for those who waited
///
/// So everyone sees what was committed before they asked, and a thousand readers cost one query a round trip. Of one
/// shape one query runs at a time; of all shapes together `runningReads`, and further shapes queue for their turn.
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

    public enum Joined {
        case start(Start)
        case wait
        /// Too many wait already (503).
        case full
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
    @usableFromInline let waitingReads: Int
    @usableFromInline var lastID: QueryID = 0
    @usableFromInline var running: [QueryID: Running] = [:]
    @usableFromInline var runningKeys: Set<Key> = []
    /// Who waits for the next query of each shape.
    @usableFromInline var waiting: [Key: [Ticket]] = [:]
    /// Shapes that wait and do not run: they start in this order.
    @usableFromInline var queue: [Key] = []

    @usableFromInline var waitingTotal = 0

    /// Requests that wait for a query which has not started.
    public var waitingCount: Int { waitingTotal }

    /// - Parameters:
    ///   - runningReads: at most so many queries at once.
    ///   - waitingReads: beyond so many that wait, `join` refuses.
    public init(runningReads: Int = ScoreLimits.runningReads, waitingReads: Int = ScoreLimits.waitingReads) {
        precondition(runningReads > 0 && waitingReads > 0, "a group of nothing")
        self.runningReads = runningReads
        self.waitingReads = waitingReads
    }

    @inlinable public mutating func join(_ key: Key, _ ticket: Ticket) -> Joined {
        let isRunning = runningKeys.contains(key)
        if !isRunning, queue.isEmpty, running.count < runningReads { return .start(start(key, [ticket])) }
        guard waitingTotal < waitingReads else { return .full }
        waitingTotal += 1
        waiting[key, default: []].append(ticket)
        if !isRunning, waiting[key]?.count == 1 { queue.append(key) }
        return .wait
    }

    /// Who shares a query that runs, in the order in which they asked.
    @inlinable public func tickets(of id: QueryID) -> [Ticket] {
        guard let query = running[id] else { preconditionFailure("a query that does not run") }
        return query.tickets
    }

    /// A query ended, well or not: its tickets are to be answered.
    /// - Returns: them, and the query to start in its place.
    @inlinable public mutating func finished(_ id: QueryID) -> (tickets: [Ticket], next: Start?) {
        guard let query = running.removeValue(forKey: id) else { preconditionFailure("a query that does not run") }
        runningKeys.remove(query.key)
        if waiting[query.key] != nil { queue.append(query.key) }
        guard !queue.isEmpty else { return (query.tickets, nil) }
        let key = queue.removeFirst()
        let tickets = waiting.removeValue(forKey: key) ?? []
        waitingTotal -= tickets.count
        return (query.tickets, start(key, tickets))
    }

    /// Gives up everything that runs and waits, as when the database is out of reach.
    public mutating func drain() -> [Ticket] {
        let order = running.keys.sorted()
        var tickets = order.flatMap { running[$0]?.tickets ?? [] }
        for group in waiting.values { tickets += group }
        running = [:]
        runningKeys = []
        waiting = [:]
        queue = []
        waitingTotal = 0
        return tickets
    }

    @inlinable mutating func start(_ key: Key, _ tickets: [Ticket]) -> Start {
        lastID += 1
        running[lastID] = Running(key: key, tickets: tickets)
        runningKeys.insert(key)
        return Start(id: lastID, key: key)
    }
}

extension ReadGroup.Start: Equatable {}
extension ReadGroup.Joined: Equatable {}
