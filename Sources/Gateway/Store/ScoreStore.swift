import Bytes
import HTTPServer
import Scores

/// Where scores are kept, as one reactor sees it: `PostgresStore`, or `SQLiteStore`. What is stored is published through
/// the reactor's `OutboxRelay`, and whoever waits for it is answered through `WriteAnswers`.
class ScoreStore {
    /// The schema is ready: begins to work.
    func start() {}

    /// Begins nothing new that nobody waits for.
    func stop() {}

    /// Everything accepted is answered, and what was published is forgotten.
    var isIdle: Bool { true }

    /// Ends what it has to do with the reactor.
    func close() {}

    /// Asks nothing more of what it shares with other reactors, which may wait for that to end. Part of `close`.
    func leave() {}

    // MARK: Writing

    /// Takes a score to be stored; the ticket is answered when it is, or when it cannot be.
    /// - Parameter body: what the submission was parsed from.
    func submit(_ submission: ScoreSubmission, from body: Span<UInt8>, _ ticket: WriteTicket) {}

    /// Takes a batch of at most `ScoreLimits.rowsPerFlush` scores, to be stored all or none.
    func submit(_ rows: ScoreRows, _ ticket: WriteTicket) {}

    /// A batch of any size begins.
    /// - Returns: nil when too many are under way.
    func begin(_ response: ResponseTicket, key: KeyedRequest?) -> LargeBatch? { nil }

    // MARK: Reading

    /// Asks for a page; the asker is answered in a later turn, or fails.
    /// - Returns: false when the store is out of reach or too many wait; nothing follows then.
    func read(_ page: ScorePage, for asker: PageAsker) -> Bool { false }

    // MARK: The poster's place, when the bus is in the process

    /// Asks up to which id the poster has told; `LocalQueue.toldUpTo` follows.
    /// - Returns: false when the store is out of reach.
    func loadTold(for queue: LocalQueue) -> Bool { false }

    /// Keeps the place, before anything that this reactor has published from now on is forgotten by the outbox. If that
    /// fails, the scores since then are told again after a restart.
    func saveTold(_ id: Int64) {}
}

/// A batch of any size on its way into the store, all or none.
class LargeBatch {
    /// Bytes of the body have come.
    func received(_ count: Int) {}
    /// Whether the client may go on.
    var takesMore: Bool { true }
    /// Takes scores to be stored.
    func take(_ rows: ScoreRows) {}
    /// The body is complete: from here on it answers.
    func finish() {}
    /// Nobody waits for it any more: nothing is stored, unless it is too late.
    func abort() {}
}

/// Who waits for a page.
enum PageAsker {
    case answer(ScoreAnswer)
    case history(StoreHistory, ScoreHistory.Ticket)

    func failed() {
        switch self {
        case .answer(let answer): answer.failed()
        case .history(let history, let ticket): history.fail(ticket)
        }
    }
}

/// A page of scores, made once for all who asked for it.
struct ScorePageResult: Sendable {
    /// A JSON array of the scores.
    let json: [UInt8]
    let count: Int
    /// The id of the last row; nil when there is none.
    let lastID: Int64?
    /// Whether rows follow.
    let hasMore: Bool
    /// A strong validator of the bytes (RFC 9110 section 8.8.3).
    let hash: UInt64

    init(json: [UInt8], count: Int, lastID: Int64?, hasMore: Bool, hash: UInt64) {
        self.json = json
        self.count = count
        self.lastID = lastID
        self.hasMore = hasMore
        self.hash = hash
    }

    /// Of a page with an offset: where it ends, and none of its scores.
    init(lastID: Int64?, hasMore: Bool) {
        self.init(json: Array("[]".utf8), count: 0, lastID: lastID, hasMore: hasMore, hash: 0)
    }

    /// The scores, with commas between them and without the brackets.
    var scores: Span<UInt8> {
        @_lifetime(borrow self)
        get { json.span.extracting(1..<json.count - 1) }
    }
}
