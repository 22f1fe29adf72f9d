/// How long migrations wait for what.
public enum MigrationLimits {
    /// For the database to be there, and for locks: a database that is being created beside us takes a minute.
    public static let wait: Duration = .seconds(120)

    /// For one lock at a time. While we wait for the table, everybody who wants it queues behind us; after so long
    /// they go first, and we try again.
    static let lock: Duration = .seconds(2)

    /// For one migration: rewriting a hundred million rows takes minutes, not hours.
    static let statement: Duration = .seconds(3600)

    /// For statements that look up a row.
    static let lookUp: Duration = .seconds(10)

    /// Between tries.
    static let pauseFirst: Duration = .milliseconds(100)
    static let pauseLimit: Duration = .seconds(2)
}
