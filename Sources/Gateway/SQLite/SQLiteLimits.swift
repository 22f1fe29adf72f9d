/// The limits of the SQLite store, with their reasons.
enum SQLiteLimits {
    /// How long a lock is waited for, in milliseconds, that somebody else has on the file (`sqlite3` in a shell, a
    /// backup). Shorter than a client's patience.
    static let busyTimeout: Int32 = 5_000

    /// How often the file is asked for at the start, each time for `busyTimeout`: a backup of a large file takes so long.
    static let startAttempts = 6

    /// Memory of a connection's page cache, in KiB. The file is in the system's cache besides.
    static let cacheKiB = 4 << 10

    /// What the write-ahead log is cut back to after it grew, in bytes: some seconds of full speed.
    static let journalBytes = 64 << 20

    /// Chunks of a large batch on their way to the store; beyond it the client is held back.
    static let chunksAhead = 4

    /// Large batches under way, a reactor. Each keeps its scores in a temporary table on the disk until it is whole.
    static let largeBatches = 18

    /// Flushes that are taken over from the outbox at once: as with PostgreSQL.
    static let claimedRows = Int64(StoreLimits.claimedRows)

    /// Keys that are dropped at once when their day is over, with a commit that is made anyway.
    static let sweptKeys = 100

    /// How long each of the threads has to end when the workers have: what they were asked for is done in that time, or
    /// never. As long as a lock is waited for; with SHUTDOWN_TIMEOUT's default within what Kubernetes gives (30 s).
    static let end: Duration = .seconds(5)
}
