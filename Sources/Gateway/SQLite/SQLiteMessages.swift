import SQLite
import Scores

/// A flush on its way to the writer's thread: scores that are stored with the next commit.
struct SQLiteFlush: Sendable {
    /// A unit that has an Idempotency-Key.
    struct Key: Sendable {
        let key: [UInt8]
        let fingerprint: [UInt8]
        /// Rows of the unit.
        let rows: Int
    }

    /// What became of a unit with a key.
    enum Outcome: Sendable {
        /// Its first id; the others follow it.
        case stored(first: Int64)
        /// The key was there already.
        case known(KeptAnswer)
    }

    let worker: Int
    /// Names it in the reply.
    let id: UInt64
    let rows: ScoreRows
    /// One a unit; none when no unit has a key, and then all rows are stored.
    let keys: [Key]
    /// Of its row in the outbox; nil: it has none.
    let mark: FlushMark?
    /// The worker publishes it: its row is due later.
    let isHeld: Bool
    /// Rows of the outbox that go with it.
    let forgotten: [FlushMark]
}

/// A large batch, as the writer's thread knows it.
struct SQLiteBatch: Hashable, Sendable {
    let worker: Int
    let number: UInt64
}

/// What the reactors ask of the writer's thread.
enum SQLiteWrite: Sendable {
    case flush(SQLiteFlush)
    /// A part of a large batch, to be kept until it is whole.
    case chunk(SQLiteBatch, ScoreRows)
    /// The batch is whole: to be stored.
    case batch(SQLiteBatch, SQLiteFlush.Key?)
    case drop(SQLiteBatch)
    /// Rows of the outbox that are due, for this worker to publish.
    case claim(worker: Int, maximumBatch: Int)
    /// The oldest row of the outbox that is due.
    case oldest(worker: Int)
    /// Rows of the outbox that are published.
    case published([FlushMark])
    /// Where the poster is.
    case told(worker: Int)
    case tell(Int64)
    /// No more comes from this worker.
    case end
}

/// What the reactors ask of the reader's thread.
enum SQLiteRead: Sendable {
    /// - isWanted: as a page of JSON; the scores by themselves otherwise, or both.
    case page(worker: Int, id: UInt64, ScorePage, json: Bool, scores: Bool)
    case end
}

/// What a worker is told by the store's threads.
enum SQLiteReply: Sendable {
    /// - outcomes: one a unit with a key; for a flush without keys one for all of it.
    case stored(UInt64, [SQLiteFlush.Outcome], createdAt: Timestamp?)
    case failed(UInt64, SQLiteError)
    case chunkKept(UInt64)
    case batchStored(UInt64, count: Int, first: Int64, last: Int64)
    case batchKnown(UInt64, KeptAnswer)
    case batchFailed(UInt64, SQLiteError)
    case claimed([SQLiteClaim])
    case oldest(FlushMark?)
    case told(Int64?)
    case page(UInt64, ScorePageResult?, [Score], isLast: Bool)
    case pageFailed(UInt64, SQLiteError)
}

/// A flush that was taken over.
struct SQLiteClaim: Sendable {
    let mark: FlushMark
    /// None: its scores were deleted.
    let drafts: [Outbox.Draft]
}
