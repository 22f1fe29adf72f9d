import CSQLite

/// One connection to a database file. It blocks, so it lives on a thread of its own and never on a reactor that serves
/// clients.
public final class SQLiteDatabase {
    public enum Mode: Sendable {
        /// Made when it is not there.
        case create
        case readOnly
    }

    let handle: OpaquePointer

    /// - Parameters:
    ///   - path: of the file, as it is: no URI.
    ///   - busyTimeout: milliseconds to wait for a lock that another connection has.
    public init(path: String, mode: Mode, busyTimeout: Int32) throws(SQLiteError) {
        var handle: OpaquePointer?
        let flags = mode == .create ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY
        // One thread has it: no mutex is needed.
        let code = sqlite3_open_v2(path, &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard code == SQLITE_OK, let handle else {
            let error = SQLiteError(
                code: code, message: handle.map { String(cString: sqlite3_errmsg($0)) } ?? "out of memory")
            sqlite3_close_v2(handle)
            throw error
        }
        self.handle = handle
        sqlite3_busy_timeout(handle, busyTimeout)
    }

    deinit {
        // Statements that are still there keep it until they go.
        sqlite3_close_v2(handle)
    }

    /// Runs statements that have no parameters; their rows are of no interest.
    public func run(_ sql: String) throws(SQLiteError) {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw error(code) }
    }

    public func prepare(_ sql: String) throws(SQLiteError) -> SQLiteStatement {
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard code == SQLITE_OK, let statement else { throw error(code) }
        return SQLiteStatement(statement, of: self)
    }

    /// The first column of the first row; nil when there is none.
    public func number(_ sql: String) throws(SQLiteError) -> Int64? {
        let statement = try prepare(sql)
        return try statement.step() ? statement.int64(0) : nil
    }

    /// The id of the row that was inserted last.
    public var lastInsertRowID: Int64 { sqlite3_last_insert_rowid(handle) }

    /// Rows that the last statement changed.
    public var changes: Int { Int(sqlite3_changes64(handle)) }

    /// Whether a transaction is open. An error may have ended it.
    public var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    func error(_ code: Int32) -> SQLiteError {
        SQLiteError(code: code, message: String(cString: sqlite3_errmsg(handle)))
    }
}
