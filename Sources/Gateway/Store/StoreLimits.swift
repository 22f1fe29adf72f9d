/// The store's limits, together, with their reasons.
enum StoreLimits {
    /// Rows of one page: some 100 KB of JSON. A longer answer is read page by page at its client's pace, so neither the
    /// table's size nor a slow client costs memory, and no query runs long.
    static let pageRows = 1000

    /// How long a statement may take before its connection is given up: longer than any lock or checkpoint of a healthy
    /// server, shorter than a client's patience.
    static let statement: Duration = .seconds(10)

    /// What `Retry-After` tells when the database is out of reach or the backlog is full, in seconds.
    static let retryAfter: StaticString = "Retry-After: 1\r\n"
}
