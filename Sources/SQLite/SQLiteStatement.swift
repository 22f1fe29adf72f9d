import CSQLite

/// A prepared statement: bind, step until there is no row, and again. Parameters and columns count as SQLite counts them:
/// from 1, and from 0.
public final class SQLiteStatement {
    private let handle: OpaquePointer
    private let database: SQLiteDatabase

    init(_ handle: OpaquePointer, of database: SQLiteDatabase) {
        self.handle = handle
        self.database = database
    }

    deinit {
        sqlite3_finalize(handle)
    }

    public func bind(_ index: Int32, _ value: Int64) {
        check(sqlite3_bind_int64(handle, index, value))
    }

    /// - Parameter text: UTF-8; it is copied.
    public func bind(_ index: Int32, text: Span<UInt8>) {
        text.withUnsafeBytes { check(csqlite_bind_text(handle, index, $0.baseAddress, Int32($0.count))) }
    }

    public func bind(_ index: Int32, blob: Span<UInt8>) {
        blob.withUnsafeBytes { check(csqlite_bind_blob(handle, index, $0.baseAddress, Int32($0.count))) }
    }

    private func check(_ code: Int32) {
        precondition(code == SQLITE_OK, "a parameter that the statement does not have, or over SQLite's length limit")
    }

    /// - Returns: whether there is a row. After the last one, and after an error, the statement begins anew.
    @discardableResult
    public func step() throws(SQLiteError) -> Bool {
        let code = sqlite3_step(handle)
        if code == SQLITE_ROW { return true }
        sqlite3_reset(handle)
        guard code == SQLITE_DONE else { throw database.error(code) }
        return false
    }

    /// Runs a statement whose rows, if any, are not needed.
    public func run() throws(SQLiteError) {
        _ = try step()
        reset()
    }

    /// Leaves the rows that were not taken.
    public func reset() {
        sqlite3_reset(handle)
    }

    // MARK: The row

    public func int64(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    public func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    /// Text or a blob. Valid until the next step.
    @_lifetime(borrow self)
    public func bytes(_ column: Int32) -> Span<UInt8> {
        let start = sqlite3_column_blob(handle, column)
        let bytes = UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column)))
        return _overrideLifetime(bytes.bindMemory(to: UInt8.self).span, borrowing: self)
    }
}
