import CPostgres

/// What the server reported, or why there is no connection to it.
public struct PostgresError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Five characters of Appendix A of the PostgreSQL manual; empty when the error is not the server's.
    public let sqlState: String
    /// `ERROR`, `FATAL`, `PANIC`, or of a notice `WARNING`, `NOTICE`, …; empty when not the server's.
    public let severity: String
    /// The primary message, without severity and line ends.
    public let message: String
    /// The server's DETAIL, or empty.
    public let detail: String
    /// The connection was lost or never stood, rather than that the statement failed on one that stands.
    public internal(set) var isConnectionLoss: Bool
    /// Of a query that failed by connection loss: the server may have got it whole.
    public internal(set) var wasSent = false
    /// The function of the server that reported it, or empty: unlike the message it is in no language.
    let function: String

    init(
        sqlState: String = "", severity: String = "", message: String, detail: String = "", function: String = "",
        isConnectionLoss: Bool
    ) {
        self.sqlState = sqlState
        self.severity = severity
        self.message = message
        self.detail = detail
        self.function = function
        self.isConnectionLoss = isConnectionLoss
    }

    /// The connection is gone for a reason of this side.
    static func connection(_ message: String) -> PostgresError {
        PostgresError(message: message, isConnectionLoss: true)
    }

    /// The same error, saying first what was being done.
    func prefixed(_ activity: String) -> PostgresError {
        var error = PostgresError(
            sqlState: sqlState, severity: severity, message: "\(activity): \(message)", detail: detail,
            function: function, isConnectionLoss: isConnectionLoss)
        error.wasSent = wasSent
        return error
    }

    public var description: String {
        var text = message
        if !detail.isEmpty { text += " (\(detail))" }
        if !sqlState.isEmpty { text += " [\(sqlState)]" }
        return text
    }

    private func isClass(_ name: String) -> Bool { sqlState.hasPrefix(name) }
}

// MARK: What an error means (names of Appendix A)

extension PostgresError {
    /// The query may have been committed although it failed here.
    public var isOutcomeUnknown: Bool {
        // transaction_resolution_unknown, statement_completion_unknown
        isConnectionLoss && wasSent || sqlState == "08007" || sqlState == "40003"
    }

    /// A value in the statement's parameters caused it, so the same rows fail again and other rows may not: cardinality
    /// (21), data exception (22), integrity constraint (23), check option (44), raised by a trigger (P0), and
    /// program_limit_exceeded, which is how a value too large for an index is told.
    public var isDataError: Bool {
        isClass("22") || isClass("23") || isClass("21") || isClass("44") || isClass("P0") || sqlState == "54000"
    }

    /// unique_violation
    public var isUniqueViolation: Bool { sqlState == "23505" }

    /// read_only_sql_transaction: a standby, or a primary that was demoted.
    public var isReadOnly: Bool { sqlState == "25006" }

    /// The connection's prepared statements are of no use any more: deallocated (invalid_sql_statement_name; DISCARD ALL,
    /// a pooler), or the table changed under a cached plan, which is a feature_not_supported of its own. Nothing was
    /// executed; a new connection heals it.
    public var isStaleStatement: Bool {
        sqlState == "26000" || sqlState == "0A000" && function == "RevalidateCachedQuery"
    }

    /// query_canceled: `statement_timeout`, or somebody's pg_cancel_backend.
    public var isQueryCanceled: Bool { sqlState == "57014" }

    /// lock_not_available: `lock_timeout`, NOWAIT.
    public var isLockNotAvailable: Bool { sqlState == "55P03" }

    /// The transaction was rolled back for the sake of others and may succeed when tried again: transaction rollback
    /// (40), but not when its outcome is unknown.
    public var isTransactionRollback: Bool { isClass("40") && !isOutcomeUnknown }

    /// insufficient_resources (53): disk full, out of memory, too many connections.
    public var isInsufficientResources: Bool { isClass("53") }

    public var isInsufficientPrivilege: Bool { sqlState == "42501" }
    public var isUndefinedTable: Bool { sqlState == "42P01" }

    /// Whether the session should be replaced by a new one, possibly on another host.
    var requiresReconnect: Bool {
        isStaleStatement || isReadOnly || isClass("08") || isClass("57P")
    }
}

// MARK: From libpq

extension PostgresError {
    // libpq's PG_DIAG_… are character literals, which Swift does not import.
    private static let fieldSeverity = Int32(UInt8(ascii: "V"))
    private static let fieldSQLState = Int32(UInt8(ascii: "C"))
    private static let fieldPrimary = Int32(UInt8(ascii: "M"))
    private static let fieldDetail = Int32(UInt8(ascii: "D"))
    private static let fieldFunction = Int32(UInt8(ascii: "R"))

    /// The error (or notice) a result carries.
    init(result: OpaquePointer) {
        func field(_ code: Int32) -> String { PQresultErrorField(result, code).map { String(cString: $0) } ?? "" }
        let state = field(PostgresError.fieldSQLState)
        let severity = field(PostgresError.fieldSeverity)
        // Without a SQLSTATE it is libpq that speaks: the connection broke. After FATAL and PANIC the server closes.
        let isLoss = state.isEmpty || severity == "FATAL" || severity == "PANIC"
        let primary = field(PostgresError.fieldPrimary)
        self.init(
            sqlState: state, severity: severity,
            message: primary.isEmpty ? PostgresError.oneLine(PQresultErrorMessage(result)) : primary,
            detail: field(PostgresError.fieldDetail), function: field(PostgresError.fieldFunction),
            isConnectionLoss: isLoss)
    }

    /// Why `connection` is of no use.
    init(connection: OpaquePointer?) {
        let text = PostgresError.oneLine(PQerrorMessage(connection))
        self.init(message: text.isEmpty ? "the connection was lost" : text, isConnectionLoss: true)
    }

    /// libpq ends its lines with a line feed and joins several.
    static func oneLine(_ text: UnsafePointer<CChar>?) -> String {
        guard let text else { return "" }
        return String(cString: text).split(separator: "\n").map { String($0.drop { $0 == "\t" || $0 == " " }) }
            .joined(separator: "; ")
    }
}
