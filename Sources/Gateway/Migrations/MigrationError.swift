import Postgres

/// Why the schema is not up to date.
public struct MigrationError: Error, CustomStringConvertible {
    /// The migration that did not go through; nil when it did not come to one.
    public let migration: String?
    /// What the database said last.
    public let cause: PostgresError
    /// Nil when waiting would not have helped.
    public let waited: Duration?
    /// When it was a lock that was waited for: the transaction that has been open longest.
    public let blocker: String?

    public var description: String {
        var text =
            migration.map { "migration \($0): \(cause)" } ?? "the database is out of reach (DATABASE_URL): \(cause)"
        if let blocker { text += "; the oldest open transaction is that of \(blocker)" }
        if let waited { text += "; gave up after \(waited.components.seconds) s" }
        if cause.isReadOnly {
            text += "; the database is read-only: DATABASE_URL must reach a primary that may be written"
        }
        if cause.isInsufficientPrivilege {
            // The two ways out, for whom it meets in a log.
            text += "; migrate as the table's owner (`score-gateway migrate`), or give this user the right"
        }
        return text
    }
}
