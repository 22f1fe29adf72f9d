import CPostgres

/// The answer of a query: owns libpq's result, whose memory its values are read from, and frees it at the end of scope.
/// Rows and columns are counted from 0. Values are in binary format.
public struct Rows: ~Copyable {
    private let result: OpaquePointer
    public let count: Int
    public let columnCount: Int

    /// Takes over `result`, which is TUPLES_OK or COMMAND_OK.
    init(owning result: OpaquePointer) {
        self.result = result
        count = Int(PQntuples(result))
        columnCount = Int(PQnfields(result))
    }

    deinit {
        PQclear(result)
    }

    /// Rows that an INSERT, UPDATE, DELETE or SELECT touched; 0 for other commands.
    public var affected: Int {
        // An ASCII number, or empty for commands that count nothing.
        guard var digit = PQcmdTuples(result) else { return 0 }
        var value = 0
        while digit.pointee >= 0x30, digit.pointee <= 0x39 {
            value = value * 10 + Int(digit.pointee - 0x30)
            digit += 1
        }
        return value
    }

    public func isNull(_ row: Int, _ column: Int) -> Bool {
        check(row, column)
        return PQgetisnull(result, Int32(truncatingIfNeeded: row), Int32(truncatingIfNeeded: column)) == 1
    }

    /// An int8, int4 or int2 column. NULL reads as 0: ask `isNull` first where a column may be NULL.
    public func int64(_ row: Int, _ column: Int) -> Int64 {
        let value = value(row, column)
        switch value.count {
        case 8: return Int64(bigEndian: value.loadUnaligned(as: Int64.self))
        case 4: return Int64(Int32(bigEndian: value.loadUnaligned(as: Int32.self)))
        case 2: return Int64(Int16(bigEndian: value.loadUnaligned(as: Int16.self)))
        case 0: return 0
        default: preconditionFailure("column \(column) is no integer")
        }
    }

    /// An int4 or int2 column. NULL reads as 0.
    public func int32(_ row: Int, _ column: Int) -> Int32 {
        let value = int64(row, column)
        guard let narrow = Int32(exactly: value) else { preconditionFailure("column \(column) is no int4") }
        return narrow
    }

    public func bool(_ row: Int, _ column: Int) -> Bool {
        let value = value(row, column)
        return value.count == 1 && value[0] != 0
    }

    /// The bytes of a value as they came: UTF-8 of a text, content of a bytea. NULL reads as empty.
    @_lifetime(borrow self)
    public func bytes(_ row: Int, _ column: Int) -> Span<UInt8> {
        let span = unsafe Span<UInt8>(_unsafeBytes: value(row, column))
        return unsafe _overrideLifetime(span, borrowing: self)
    }

    /// A text value, copied. NULL reads as empty.
    public func text(_ row: Int, _ column: Int) -> String {
        String(decoding: value(row, column), as: UTF8.self)
    }

    private func value(_ row: Int, _ column: Int) -> UnsafeRawBufferPointer {
        check(row, column)
        let row = Int32(truncatingIfNeeded: row)
        let column = Int32(truncatingIfNeeded: column)
        return UnsafeRawBufferPointer(
            start: PQgetvalue(result, row, column), count: Int(PQgetlength(result, row, column)))
    }

    private func check(_ row: Int, _ column: Int) {
        // libpq would print a warning and go on with a null pointer.
        precondition(row >= 0 && row < count && column >= 0 && column < columnCount, "no such row or column")
    }
}
