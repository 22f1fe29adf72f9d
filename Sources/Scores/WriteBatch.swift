import Bytes

/// Group commit: what arrives while a flush is under way is the next flush.
///
///     append ──▶ waiting ──takeFlush──▶ in flight ──stored──▶ rows and units: answer 200
///                  ▲ chunks                │
///                  │ of one flush    failed│ .data       halves ──▶ again;  a unit alone: its ticket, rejected
///                  │                       │ .transient  again, a bounded number of times; then its tickets, unavailable
///               drain                      │ .unknown ──▶ unresolved ──found stored──▶ rows and units: answer 200
///                  ▼                       ▼                 │ found absent: as .transient
///            tickets: 503            `again` goes            └ not found out in time: its tickets, 503
///                                    before `waiting`
///
/// There is no timer and nothing to tune: while nothing is under way a row leaves at once and alone, and under load a
/// flush is as large as the load. A flush is one transaction; whatever must be stored together with its scores goes
/// into the same flush.
///
/// A *unit* is what one request wants stored, all or none: one row, or those of a batch. A flush is made of whole units.
///
/// A statement that fails because of one row fails whole, so its units are tried again in halves until the bad one is
/// alone: at most 2·log₂(units) more statements for it, and only its own ticket hears of it. The order in which rows
/// are stored is that of arrival except where a flush had to be tried again or more than one is in flight.
///
/// A ticket is whatever finds the request again; every ticket that was accepted is given back exactly once.
public struct WriteBatch<Ticket: Equatable> {
    public typealias FlushID = UInt64

    /// The rows of one request.
    public struct Unit: Equatable {
        public let ticket: Ticket
        public let rows: Int

        @usableFromInline init(ticket: Ticket, rows: Int) {
            self.ticket = ticket
            self.rows = rows
        }
    }

    /// The rows of one transaction, and who waits for them: the first unit's rows come first.
    public struct Flush: Equatable {
        public let id: FlushID
        public var rows: ScoreRows
        public var units: [Unit]
        /// How often it was rolled back.
        fileprivate(set) var attempts = 0
        /// While unresolved: until when it may be.
        fileprivate(set) var deadline = Instant.distantFuture

        fileprivate init(id: FlushID, rows: ScoreRows, units: [Unit], attempts: Int) {
            self.id = id
            self.rows = rows
            self.units = units
            self.attempts = attempts
        }

        public var tickets: [Ticket] { units.map(\.ticket) }
    }

    public enum Failure: Equatable, Sendable {
        /// The database refused the statement because of what is in a row (SQLSTATE class 22 or 23). Rolled back.
        case data
        /// Rolled back for a reason that may pass soon: serialization, deadlock, shutdown, no space.
        case transient
        /// Rolled back, and trying again would only take as long again: the table is locked, the server stuck.
        case hopeless
        /// The connection was lost before the answer: stored or not has to be found out, until the instant at most.
        case unknown(until: Instant)
    }

    /// Who must be told after a failure.
    public enum Verdict: Equatable {
        /// Nobody yet: its rows are taken again.
        case again
        /// Something of this unit is what the database refuses.
        case rejected(Ticket)
        /// Surely not stored.
        case unavailable([Ticket])
        /// Nobody yet: it is unresolved.
        case unresolved
    }

    // What every request goes through is inlinable: a generic type that its user cannot specialize costs a request
    // more than parsing it.
    @usableFromInline let flushesInFlight: Int
    @usableFromInline let rowsPerFlush: Int
    @usableFromInline let waitingRows: Int
    @usableFromInline var lastID: FlushID = 0
    @usableFromInline var inFlight: [Flush] = []
    @usableFromInline var again: [Flush] = []
    private var unresolved: [Flush] = []
    @usableFromInline var waiting: [Flush] = []

    @usableFromInline var waitingTotal = 0

    /// Rows that wait for a flush.
    public var waitingCount: Int { waitingTotal }

    /// - Parameters:
    ///   - flushesInFlight: 1 keeps the order of arrival; 2 hides the round trip to the database.
    ///   - rowsPerFlush: at most so many rows in one transaction.
    ///   - waitingRows: beyond so many that wait, `append` refuses.
    public init(
        flushesInFlight: Int = 1, rowsPerFlush: Int = ScoreLimits.rowsPerFlush,
        waitingRows: Int = ScoreLimits.waitingRows
    ) {
        precondition(flushesInFlight > 0 && rowsPerFlush > 0 && waitingRows > 0, "a batch of nothing")
        self.flushesInFlight = flushesInFlight
        self.rowsPerFlush = rowsPerFlush
        self.waitingRows = waitingRows
    }

    /// Takes a row to be stored. `body` is what the submission was parsed from.
    /// - Returns: false when too many wait already; nothing was taken then (503).
    @inlinable public mutating func append(_ submission: ScoreSubmission, from body: Span<UInt8>, ticket: Ticket)
        -> Bool
    {
        guard waitingTotal < waitingRows else { return false }
        if waiting.isEmpty || waiting[waiting.count - 1].rows.count >= rowsPerFlush { openChunk() }
        let last = waiting.count - 1
        waiting[last].rows.append(submission, from: body)
        waiting[last].units.append(Unit(ticket: ticket, rows: 1))
        waitingTotal += 1
        return true
    }

    /// Takes the rows of a batch, at least one and at most `rowsPerFlush`, to be stored all or none.
    /// - Returns: false when too many wait already; nothing was taken then (503).
    public mutating func append(_ rows: ScoreRows, ticket: Ticket) -> Bool {
        precondition(1...rowsPerFlush ~= rows.count, "a unit is part of one flush")
        guard waitingTotal + rows.count <= waitingRows else { return false }
        if waiting.isEmpty || waiting[waiting.count - 1].rows.count + rows.count > rowsPerFlush { openChunk() }
        let last = waiting.count - 1
        waiting[last].rows.append(contentsOf: rows)
        waiting[last].units.append(Unit(ticket: ticket, rows: rows.count))
        waitingTotal += rows.count
        return true
    }

    /// The next flush to send, when there is one and not too many are under way. Take until nil.
    @inlinable public mutating func takeFlush() -> Flush? {
        guard inFlight.count < flushesInFlight else { return nil }
        guard !again.isEmpty || !waiting.isEmpty else { return nil }
        let flush = again.isEmpty ? waiting.removeFirst() : again.removeFirst()
        waitingTotal -= flush.rows.count
        inFlight.append(flush)
        return flush
    }

    /// The flush was committed: every row of it is stored.
    @inlinable public mutating func stored(_ id: FlushID) {
        _ = remove(id)
    }

    /// The flush failed, whole.
    public mutating func failed(_ id: FlushID, _ failure: Failure) -> Verdict {
        var flush = remove(id)
        switch failure {
        case .unknown(let deadline):
            flush.deadline = deadline
            unresolved.append(flush)
            return .unresolved
        case .transient:
            return tryAgain(flush)
        case .hopeless:
            return .unavailable(flush.tickets)
        case .data:
            let count = flush.units.count
            if count == 1 { return .rejected(flush.units[0].ticket) }
            retry([part(of: flush, 0..<count / 2), part(of: flush, count / 2..<count)])
            return .again
        }
    }

    // MARK: Unknown outcomes

    /// Whether the flush is still to be found out.
    public func isUnresolved(_ id: FlushID) -> Bool { unresolved.contains { $0.id == id } }

    /// It was found: the flush was committed.
    /// - Returns: it; nil when its time was over before.
    public mutating func foundStored(_ id: FlushID) -> Flush? {
        guard let index = unresolved.firstIndex(where: { $0.id == id }) else { return nil }
        return unresolved.remove(at: index)
    }

    /// It is certain that the flush was not and will not be committed.
    /// - Returns: nil when its time was over before.
    public mutating func foundAbsent(_ id: FlushID) -> Verdict? {
        foundStored(id).map { tryAgain($0) }
    }

    /// Whose time is over: nobody can tell whether they are stored (503).
    public mutating func expireUnresolved(_ now: Instant) -> [Ticket] {
        guard !unresolved.isEmpty else { return [] }
        let tickets = unresolved.filter { $0.deadline <= now }.flatMap(\.tickets)
        unresolved.removeAll { $0.deadline <= now }
        return tickets
    }

    /// Gives up everything that waits, as when the database is out of reach: these rows are surely not stored. What is
    /// in flight or unresolved stays until its outcome is told.
    public mutating func drain() -> [Ticket] {
        let tickets = (again + waiting).flatMap(\.tickets)
        again = []
        waiting = []
        waitingTotal = 0
        return tickets
    }

    @usableFromInline mutating func openChunk() {
        lastID += 1
        waiting.append(Flush(id: lastID, rows: ScoreRows(), units: [], attempts: 0))
    }

    /// Under an id of its own: a late answer to the first try must not be taken for one to the second.
    private mutating func tryAgain(_ flush: Flush) -> Verdict {
        var next = part(of: flush, flush.units.indices)
        next.attempts += 1
        guard next.attempts < ScoreLimits.flushAttempts else { return .unavailable(flush.tickets) }
        retry([next])
        return .again
    }

    @inlinable mutating func remove(_ id: FlushID) -> Flush {
        guard let index = inFlight.firstIndex(where: { $0.id == id }) else {
            preconditionFailure("a flush that is not in flight")
        }
        return inFlight.remove(at: index)
    }

    /// The units of `range` alone, as a flush with an id of its own: a late answer to the whole must not be taken for one
    /// to the part.
    private mutating func part(of flush: Flush, _ range: Range<Int>) -> Flush {
        lastID += 1
        let start = flush.units[..<range.lowerBound].reduce(0) { $0 + $1.rows }
        let end = flush.units[range].reduce(start) { $0 + $1.rows }
        return Flush(
            id: lastID, rows: flush.rows.rows(start..<end), units: Array(flush.units[range]), attempts: flush.attempts)
    }

    private mutating func retry(_ flushes: [Flush]) {
        again.insert(contentsOf: flushes, at: 0)
        for flush in flushes { waitingTotal += flush.rows.count }
    }
}
