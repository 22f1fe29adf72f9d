/// What uses a `PostgresConnection`. A class with overridable methods, as `Source` is.
open class PostgresClient {
    public init() {}

    /// The connection is ready, for the first time or again: session settings are made, statements prepared.
    open func connected(_ connection: PostgresConnection) {}

    /// The connection was lost or an attempt to connect failed; the next attempt follows by itself. The tickets that
    /// were outstanding have all failed before this call.
    open func disconnected(_ connection: PostgresConnection, error: PostgresError) {}

    /// The query of `ticket` succeeded and its transaction is committed.
    open func completed(_ connection: PostgresConnection, ticket: UInt64, rows: borrowing Rows) {}

    /// The query of `ticket` failed: the server said no (`error.sqlState`; nothing of it is stored), or the connection
    /// was lost (`error.isConnectionLoss`; `error.isOutcomeUnknown` when it may have been committed all the same).
    open func failed(_ connection: PostgresConnection, ticket: UInt64, error: PostgresError) {}

    /// The server sent a notice or warning outside of any answer.
    open func noticed(_ connection: PostgresConnection, notice: PostgresError) {}
}
