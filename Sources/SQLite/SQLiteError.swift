import CSQLite

/// What SQLite says when it does not do a thing (https://www.sqlite.org/rescode.html).
public struct SQLiteError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The extended result code.
    public let code: Int32
    /// SQLite's own words.
    public let message: String

    public init(code: Int32, message: String) {
        self.code = code
        self.message = message
    }

    /// What only the caller sees that a trigger has done.
    public static func trigger(_ message: String) -> SQLiteError {
        SQLiteError(code: SQLITE_CONSTRAINT | 7 << 8, message: message)  // SQLITE_CONSTRAINT_TRIGGER
    }

    private var primary: Int32 { code & 0xff }

    /// The disk is full, or the file may not grow.
    public var isFull: Bool { primary == SQLITE_FULL }
    public var isReadOnly: Bool { primary == SQLITE_READONLY }
    /// Somebody else has it, and did not let go within the timeout.
    public var isBusy: Bool { primary == SQLITE_BUSY || primary == SQLITE_LOCKED }
    /// A constraint or a trigger of the table refuses a row.
    public var isConstraint: Bool { primary == SQLITE_CONSTRAINT }
    public var isCantOpen: Bool { primary == SQLITE_CANTOPEN }
    public var isNotADatabase: Bool { primary == SQLITE_NOTADB }

    public var description: String { "\(message) (\(String(cString: sqlite3_errstr(code))), code \(code))" }
}
