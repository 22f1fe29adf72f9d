import Bytes
import Glibc
import SQLite
import Testing

@Suite struct SQLiteDatabaseTests {
    private let path: String

    init() {
        path = "/tmp/score-gateway-sqlite-\(getpid())-\(UInt64.random(in: .min ... .max))"
    }

    private func withDatabase(_ body: (SQLiteDatabase) throws -> Void) throws {
        defer { for ending in ["", "-wal", "-shm"] { unlink(path + ending) } }
        try body(try SQLiteDatabase(path: path, mode: .create, busyTimeout: 100))
    }

    @Test func bindsStepsAndReads() throws {
        try withDatabase { database in
            try database.run("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, data BLOB)")
            let insert = try database.prepare("INSERT INTO t (name, data) VALUES (?1, ?2)")
            for (name, data) in [("ada", [1, 2, 3]), ("", []), ("Ünï", [0])] as [(String, [UInt8])] {
                let name = Array(name.utf8)
                insert.bind(1, text: name.span)
                insert.bind(2, blob: data.span)
                #expect(try insert.step() == false)
            }
            #expect(database.lastInsertRowID == 3)
            let select = try database.prepare("SELECT id, name, data, NULL FROM t ORDER BY id")
            var found: [String] = []
            while try select.step() {
                let name = String(decoding: select.bytes(1).copied, as: UTF8.self)
                found.append("\(select.int64(0)) \(name) \(select.bytes(2).copied) \(select.isNull(3))")
            }
            #expect(found == ["1 ada [1, 2, 3] true", "2  [] true", "3 Ünï [0] true"])
            #expect(try database.number("SELECT count(*) FROM t") == 3)
        }
    }

    @Test func aStatementBeginsAnewAfterAnError() throws {
        try withDatabase { database in
            try database.run("CREATE TABLE t (n INTEGER CHECK (n > 0))")
            let insert = try database.prepare("INSERT INTO t VALUES (?1)")
            insert.bind(1, -1)
            let error = try #require(throws: SQLiteError.self) { try insert.step() }
            #expect(error.isConstraint && !error.isFull)
            insert.bind(1, 1)
            try insert.step()
            #expect(try database.number("SELECT n FROM t") == 1)
        }
    }

    @Test func namesWhatIsWrongWithTheFile() throws {
        let missing = try #require(throws: SQLiteError.self) {
            try SQLiteDatabase(path: "/nowhere/at/all", mode: .create, busyTimeout: 1)
        }
        #expect(missing.isCantOpen)
        try withDatabase { database in
            try database.run("CREATE TABLE t (n INTEGER)")
            let reader = try SQLiteDatabase(path: path, mode: .readOnly, busyTimeout: 1)
            let readOnly = try #require(throws: SQLiteError.self) { try reader.run("INSERT INTO t VALUES (1)") }
            #expect(readOnly.isReadOnly)
            try database.run("BEGIN IMMEDIATE")
            let other = try SQLiteDatabase(path: path, mode: .create, busyTimeout: 1)
            let busy = try #require(throws: SQLiteError.self) { try other.run("BEGIN IMMEDIATE") }
            #expect(busy.isBusy)
            #expect(database.isInTransaction)
            try database.run("PRAGMA max_page_count = 3; CREATE TABLE u (x BLOB)")
            let full = try #require(throws: SQLiteError.self) {
                try database.run("INSERT INTO u VALUES (zeroblob(100000))")
            }
            #expect(full.isFull)
        }
        let file = path + "-text"
        defer { unlink(file) }
        let descriptor = open(file, O_WRONLY | O_CREAT, 0o600)
        let text = [UInt8](repeating: 0x61, count: 4096)
        _ = write(descriptor, text, text.count)
        close(descriptor)
        let other = try SQLiteDatabase(path: file, mode: .create, busyTimeout: 1)
        let noDatabase = try #require(throws: SQLiteError.self) { try other.run("PRAGMA journal_mode = WAL") }
        #expect(noDatabase.isNotADatabase)
    }
}
