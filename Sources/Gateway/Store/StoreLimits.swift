import Postgres

/// The store's limits, together, with their reasons.
enum StoreLimits {
    /// Rows of one page: some 100 KB of JSON. A longer answer is read page by page at its client's pace, so neither the
    /// table's size nor a slow client costs memory, and no query runs long.
    static let pageRows = 1000

    /// Rows that one query counts off, to find where the answer to a large `limit` ends: some milliseconds, so that other
    /// reads have their turn between two of them. A million takes a hundred.
    static let countedRows: Int64 = 10_000

    /// How long the server may work on a statement (`statement_timeout`): longer than any lock or checkpoint of a healthy
    /// server, shorter than a client's patience.
    static let statement: Duration = .seconds(10)

    /// How long its answer is waited for before the connection is given up. Longer than `statement` twice, as a plain and
    /// a keyed flush may be in the pipe, so that a slow statement ends with the server's word and not with an unknown
    /// outcome.
    static let answer: Duration = .seconds(22)

    /// How long a flush whose outcome is unknown is looked for before its requests are answered 503: a restart of the
    /// database takes some seconds, and a client's patience ends at half a minute or so.
    static let outcome: Duration = .seconds(15)

    /// Between two inquiries after one outcome when the server could not say: a transaction that blocks it may end.
    static let inquiryPause: Duration = .milliseconds(500)

    // MARK: Outbox

    /// The lease of an outbox row: so long its holder alone publishes it; then it is due for everybody. A healthy holder
    /// needs some milliseconds, and after the death of one so long the feed and Slack wait for what it left behind.
    static let leaseSeconds: Int32 = 10

    /// When the holder lets go by itself, counted from before the statement is sent: earlier than the server's count of
    /// the lease can end, with room for a clock that runs fast.
    static let lease: Duration = .seconds(8)

    /// How often what is past its lease is let go while nothing can be published.
    static let expiryPause: Duration = .seconds(1)

    /// How long a message rests that the broker has refused (basic.nack: a queue that is full or in trouble) before it
    /// is published again: soon, but not as fast as the broker refuses.
    static let refusedRest: Duration = .milliseconds(200)

    /// Between two looks for rows that are due.
    static let claimPause: Duration = .seconds(1)

    /// Between two looks at the oldest of them, for the metrics.
    static let agePause: Duration = .seconds(5)

    /// Rows that are taken over at once: at most 16,000 scores, which is 2 MB of JSON with usual names.
    static let claimedRows: Int32 = 16

    /// Messages of taken flushes that may be unconfirmed when more are taken over: a part of the confirm window.
    static let takenMessages = 64

    /// Rows that are forgotten by one statement.
    static let forgottenRows = 1000

    /// How long a confirmed row may stay when no further flush takes it away. Deleting it alone costs a commit; left behind
    /// by a killed process, it is published twice.
    static let forgetPause: Duration = .milliseconds(250)

    /// How long the marks of taken flushes and the fences of lost ones stay. A maker asks within `outcome`, and a statement
    /// that is on its way to the server longer than this is held up by nothing that TCP survives.
    static let markMinutes = 60

    /// Between two sweeps of marks, fences and keys that are over; and how many of a kind one statement drops: what
    /// takes well below `statement`. When there were so many, the next follows at once.
    static let sweepPause: Duration = .seconds(60)
    static let sweptRows = 10_000

    // MARK: Large batches

    /// Large batches that a reactor stores at once: a connection to the database and an open transaction each.
    static let largeBatches = 2

    /// Large batches that wait for their turn, a reactor; more are answered 503.
    static let largeBatchesWaiting = 16

    /// How long one waits for its turn and its connection.
    static let largeBatchWait: Duration = .seconds(30)

    /// Chunks of a batch in the pipe: one is being stored, and the next one is there when it is.
    static let chunksInFlight = 2

    /// Chunks of a batch in memory; beyond it the client is held back. More come while those in the pipe are stored.
    static let chunksAhead = 4

    /// What a client must send at least, in bytes a second, while its batch holds a transaction open: 64 MiB in a quarter
    /// of an hour. Time in which we held it back does not count.
    static let slowestLargeBatch = 64 << 10

    /// Between two looks at its pace.
    static let largeBatchTick: Duration = .seconds(1)

    /// How much later than that it may be, and how long silent.
    static let largeBatchGrace: Duration = .seconds(10)

    /// How long its transaction may be open before COMMIT is sent, whoever is slow: more than the largest batch takes at that
    /// pace, and half as long again for the time in which it was held back. The feed waits for the ids in it no longer
    /// than `FeedLimits.holeAge`.
    static let largeBatchTransaction: Duration = .seconds(1500)

    /// The server's own bound of an idle transaction, should this process not be there to end it. Longer than the grace.
    static let idleTransactionMilliseconds = 30_000

    // MARK: Idempotency-Key

    /// How long a key keeps its answer.
    static let idempotencyHours = 24

    /// What `Retry-After` tells when the database is out of reach or the backlog is full, in seconds.
    static let retryAfter: StaticString = "Retry-After: 1\r\n"
}
