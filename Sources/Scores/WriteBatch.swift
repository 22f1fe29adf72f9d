import Bytes

/// Group commit: what arrives while a flush is under way is the next flush.
///
///     append ──▶ waiting ──takeFlush──▶ in flight ──stored──▶ rows and tickets: answer 200
///                  ▲ chunks                │
///                  │ of one flush    failed│ .data       halves ──▶ again;  a row alone: its ticket, rejected
///                  │                       │ .transient  again, a bounded number of times; then its tickets, unavailable
///               drain                      │ .unknown    its tickets, unknown
///                  ▼                       ▼
///            tickets: 503            `again` goes before `waiting`
///
/// There is no timer and nothing to tune: while nothing is under way a row leaves at once and alone, and under load a
/// flush is as large as the load. A flush is one transaction; whatever must be stored together with its scores goes
/// into the same flush.
///
/// A statement that fails because of one row fails whole, so its rows are tried again in halves until the bad one is
/// alone: at most 2·log₂(rows) more statements for it, and only its own ticket hears of it. The order in which rows
/// are stored is that of arrival except where a flush had to be tried again or more than one is in flight.
///
/// A ticket is whatever finds the request again; every ticket that was accepted is given back exactly once.
public struct WriteBatch<Ticket: Equatable> {
    public typealias FlushID = UInt64

    /// The rows of one transaction, and who waits for each of them.
    public struct Flush: Equatable {
        public let id: FlushID
        public var rows: ScoreRows
        public var tickets: [Ticket]
        /// How often it was rolled back.
        fileprivate(set) var attempts = 0

        fileprivate init(id: FlushID, rows: ScoreRows, tickets: [Ticket], attempts: Int) {
            self.id = id
            self.rows = rows
            self.tickets = tickets
            self.attempts = attempts
        }
    }

    public enum Failure: Equatable, Sendable {
        /// The database refused the statement because of what is in a row (SQLSTATE class 22 or 23). Rolled back.
        case data
        /// Rolled back for a reason that may pass: serialization, deadlock, shutdown, no space.
        case transient
        /// The connection was lost before the answer: stored or not, nobody knows.
        case unknown
    }

    /// Who must be told after a failure.
    public enum Verdict: Equatable {
        /// Nobody yet: its rows are taken again.
        case again
        /// This row is what the database refuses.
        case rejected(Ticket)
        /// Surely not stored.
        case unavailable([Ticket])
        /// Perhaps stored.
        case unknown([Ticket])
    }

    // What every request goes through is inlinable: a generic type that its user cannot specialize costs a request
    // more than parsing it.
    private let flushesInFlight: Int
    @usableFromInline let rowsPerFlush: Int
    @usableFromInline let waitingRows: Int
    private var lastID: FlushID = 0
    private var inFlight: [Flush] = []
    private var again: [Flush] = []
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
        waiting[last].tickets.append(ticket)
        waitingTotal += 1
        return true
    }

    /// The next flush to send, when there is one and not too many are under way. Take until nil.
    public mutating func takeFlush() -> Flush? {
        guard inFlight.count < flushesInFlight else { return nil }
        guard !again.isEmpty || !waiting.isEmpty else { return nil }
        let flush = again.isEmpty ? waiting.removeFirst() : again.removeFirst()
        waitingTotal -= flush.rows.count
        inFlight.append(flush)
        return flush
    }

    /// The flush was committed: every row of it is stored.
    public mutating func stored(_ id: FlushID) {
        _ = remove(id)
    }

    /// The flush failed, whole.
    public mutating func failed(_ id: FlushID, _ failure: Failure) -> Verdict {
        var flush = remove(id)
        switch failure {
        case .unknown:
            return .unknown(flush.tickets)
        case .transient:
            flush.attempts += 1
            guard flush.attempts < ScoreLimits.flushAttempts else { return .unavailable(flush.tickets) }
            retry([flush])
            return .again
        case .data:
            let count = flush.rows.count
            if count == 1 { return .rejected(flush.tickets[0]) }
            retry([part(of: flush, 0..<count / 2), part(of: flush, count / 2..<count)])
            return .again
        }
    }

    /// Gives up everything that waits, as when the database is out of reach: these rows are surely not stored. What is
    /// in flight stays until its outcome is told.
    public mutating func drain() -> [Ticket] {
        let tickets = (again + waiting).flatMap(\.tickets)
        again = []
        waiting = []
        waitingTotal = 0
        return tickets
    }

    @usableFromInline mutating func openChunk() {
        lastID += 1
        waiting.append(Flush(id: lastID, rows: ScoreRows(), tickets: [], attempts: 0))
    }

    private mutating func remove(_ id: FlushID) -> Flush {
        guard let index = inFlight.firstIndex(where: { $0.id == id }) else {
            preconditionFailure("a flush that is not in flight")
        }
        return inFlight.remove(at: index)
    }

    /// A part gets an id of its own: a late answer to the whole must not be taken for one to the part.
    private mutating func part(of flush: Flush, _ range: Range<Int>) -> Flush {
        lastID += 1
        return Flush(
            id: lastID, rows: flush.rows.rows(range), tickets: Array(flush.tickets[range]), attempts: flush.attempts)
    }

    private mutating func retry(_ flushes: [Flush]) {
        again.insert(contentsOf: flushes, at: 0)
        for flush in flushes { waitingTotal += flush.rows.count }
    }
}
