import Postgres

/// The store's limits, together, with their reasons.
enum StoreLimits {
    /// Rows of one page: some 100 KB of JSON. A longer answer is read page by page at its client's pace, so neither the
    /// table's size nor a slow client costs memory, and no query runs long.
    static let pageRows = 1000

    /// How long the server may work on a statement (`statement_timeout`): longer than any lock or checkpoint of a healthy
    /// server, shorter than a client's patience.
    static let statement: Duration = .seconds(10)

    /// How long its answer is waited for before the connection is given up. Longer than `statement`, so that a slow
    /// statement ends with the server's word and not with an unknown outcome.
    static let answer: Duration = .seconds(15)

    /// What `Retry-After` tells when the database is out of reach or the backlog is full, in seconds.
    static let retryAfter: StaticString = "Retry-After: 1\r\n"

    /// What somebody has to do about an error that does not pass by itself; nil for others.
    static func hint(for error: PostgresError) -> String? {
        // undefined_column: the table is the replaced service's, as it was before our migrations.
        guard error.isUndefinedTable || error.sqlState == "42703" else { return nil }
        return
            "the tables are missing or of an older version: run `score-gateway migrate`, or serve with AUTO_MIGRATE=1"
    }
}
