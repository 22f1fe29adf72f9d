import Bytes
import SQLite
import Scores

/// Every statement of the writer, and what is done with them. Blocks; not for a reactor that serves clients.
final class SQLiteTables {
    private let database: SQLiteDatabase
    private let insertScore: SQLiteStatement
    private let insertRow: SQLiteStatement
    private let deleteRow: SQLiteStatement
    private let keep: SQLiteStatement
    private let kept: SQLiteStatement
    private let dropKeys: SQLiteStatement
    private let insertStaged: SQLiteStatement
    private let moveStaged: SQLiteStatement
    private let dropStaged: SQLiteStatement
    private let sequence: SQLiteStatement
    private let due: SQLiteStatement
    private let lease: SQLiteStatement
    private let range: SQLiteStatement
    private let toldPlace: SQLiteStatement
    private let tellPlace: SQLiteStatement

    /// - Parameters:
    ///   - database: with the schema in it.
    ///   - hasQueue: a poster reads from here on: its place is kept.
    init(_ database: SQLiteDatabase, hasQueue: Bool) throws(SQLiteError) {
        self.database = database
        try database.run(
            """
            PRAGMA synchronous = FULL;
            PRAGMA cache_size = -\(SQLiteLimits.cacheKiB);
            PRAGMA journal_size_limit = \(SQLiteLimits.journalBytes);
            PRAGMA temp_store = FILE;
            CREATE TEMP TABLE IF NOT EXISTS staged (
                worker INTEGER, batch INTEGER, n INTEGER PRIMARY KEY, "user" TEXT, score INTEGER
            );
            """)
        insertScore = try database.prepare(
            "INSERT INTO \"Score\" (\"user\", score, created_at) VALUES (?1, ?2, ?3)")
        insertRow = try database.prepare(
            "INSERT INTO score_outbox (flush, first_id, last_id, due_at) VALUES (?1, ?2, ?3, ?4)")
        deleteRow = try database.prepare("DELETE FROM score_outbox WHERE flush = ?1")
        keep = try database.prepare(
            """
            INSERT OR REPLACE INTO score_idempotency (key, fingerprint, first_id, last_id, stored, created_at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            """)
        kept = try database.prepare(
            """
            SELECT fingerprint, first_id, last_id, stored, created_at FROM score_idempotency
            WHERE key = ?1 AND created_at > ?2
            """)
        dropKeys = try database.prepare(
            """
            DELETE FROM score_idempotency WHERE key IN (
                SELECT key FROM score_idempotency WHERE created_at <= ?1 LIMIT \(SQLiteLimits.sweptKeys))
            """)
        insertStaged = try database.prepare(
            "INSERT INTO temp.staged (worker, batch, \"user\", score) VALUES (?1, ?2, ?3, ?4)")
        moveStaged = try database.prepare(
            """
            INSERT INTO "Score" ("user", score, created_at)
            SELECT "user", score, ?3 FROM temp.staged WHERE worker = ?1 AND batch = ?2 ORDER BY n
            """)
        dropStaged = try database.prepare("DELETE FROM temp.staged WHERE worker = ?1 AND batch = ?2")
        sequence = try database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'Score'")
        due = try database.prepare(
            "SELECT flush, first_id, last_id FROM score_outbox WHERE due_at <= ?1 ORDER BY flush LIMIT ?2")
        lease = try database.prepare("UPDATE score_outbox SET due_at = ?2 WHERE flush = ?1")
        range = try database.prepare(
            "SELECT id, \"user\", score, created_at FROM \"Score\" WHERE id BETWEEN ?1 AND ?2 ORDER BY id")
        toldPlace = try database.prepare(
            "SELECT told FROM score_queue WHERE name = 'poster'")
        tellPlace = try database.prepare(
            "INSERT OR REPLACE INTO score_queue (name, told) VALUES ('poster', ?1)")
        // Whoever had a lease is dead: this process is the only one that has the file.
        try database.run("UPDATE score_outbox SET due_at = 0")
        // What was stored before the first poster is no news.
        if hasQueue {
            try database.run(
                """
                INSERT OR IGNORE INTO score_queue (name, told) SELECT 'poster', coalesce(max(id), 0) FROM "Score"
                """)
        }
    }

    // MARK: Transactions

    /// Takes what is in the write-ahead log into the file, which is then complete by itself. Not vital: whoever opens the
    /// file next reads the log too.
    func foldLog() {
        try? database.run("PRAGMA wal_checkpoint(TRUNCATE)")
    }

    /// Runs `body` in one transaction, with one wait for the disk.
    func transaction(_ body: () throws(SQLiteError) -> Void) throws(SQLiteError) {
        try database.run("BEGIN IMMEDIATE")
        do throws(SQLiteError) {
            try body()
            try database.run("COMMIT")
        } catch {
            // Some errors have ended it already.
            if database.isInTransaction { try? database.run("ROLLBACK") }
            throw error
        }
    }

    // MARK: Flushes

    /// Stores rows. Their ids follow one another.
    /// - Returns: the first id.
    /// - Throws: also when a trigger keeps a row out, or brings others in between.
    func insert(_ rows: ScoreRows, _ range: Range<Int>, createdAt: Timestamp) throws(SQLiteError) -> Int64 {
        insertScore.bind(3, createdAt.microseconds)
        var first: Int64 = 0
        for index in range {
            insertScore.bind(1, text: rows.user(at: index))
            insertScore.bind(2, Int64(rows.scores[index]))
            try insertScore.step()
            let id = database.lastInsertRowID
            if index == range.lowerBound { first = id }
            guard database.changes == 1, id - first == Int64(index - range.lowerBound) else { throw Self.miscounted }
        }
        return first
    }

    private static let miscounted = SQLiteError.trigger("the table stored another number of scores than it was given")

    /// The row in the outbox of ids that follow one another.
    func enter(_ mark: FlushMark, first: Int64, last: Int64, dueAt: Int64) throws(SQLiteError) {
        let bytes = mark.bytes
        insertRow.bind(1, blob: bytes.span)
        insertRow.bind(2, first)
        insertRow.bind(3, last)
        insertRow.bind(4, dueAt)
        try insertRow.step()
    }

    func forget(_ marks: [FlushMark]) throws(SQLiteError) {
        for mark in marks {
            let bytes = mark.bytes
            deleteRow.bind(1, blob: bytes.span)
            try deleteRow.step()
        }
    }

    // MARK: Keys

    /// What a key stands for; nil when nobody used it in its day.
    func answer(of key: [UInt8], at now: Timestamp) throws(SQLiteError) -> KeptAnswer? {
        let kept = kept  // whose row is read: held while it is
        kept.bind(1, blob: key.span)
        kept.bind(2, now.microseconds - Self.day)
        guard try kept.step() else { return nil }
        defer { kept.reset() }
        return KeptAnswer(
            fingerprint: kept.bytes(0).copied, firstID: kept.int64(1), lastID: kept.int64(2), stored: kept.int64(3),
            createdAt: Timestamp(microseconds: kept.int64(4)))
    }

    func keep(_ key: SQLiteFlush.Key, first: Int64, last: Int64, at now: Timestamp) throws(SQLiteError) {
        let (name, fingerprint) = (key.key, key.fingerprint)
        keep.bind(1, blob: name.span)
        keep.bind(2, blob: fingerprint.span)
        keep.bind(3, first)
        keep.bind(4, last)
        keep.bind(5, last - first + 1)
        keep.bind(6, now.microseconds)
        try keep.step()
        dropKeys.bind(1, now.microseconds - Self.day)
        try dropKeys.step()
    }

    private static let day = Int64(StoreLimits.idempotencyHours) * 3_600_000_000

    // MARK: Large batches

    func stage(_ batch: SQLiteBatch, _ rows: ScoreRows) throws(SQLiteError) {
        insertStaged.bind(1, Int64(batch.worker))
        insertStaged.bind(2, Int64(bitPattern: batch.number))
        for index in 0..<rows.count {
            insertStaged.bind(3, text: rows.user(at: index))
            insertStaged.bind(4, Int64(rows.scores[index]))
            try insertStaged.step()
        }
    }

    /// Stores what was staged, in its order.
    /// - Returns: its ids.
    func storeStaged(_ batch: SQLiteBatch, createdAt: Timestamp) throws(SQLiteError) -> ClosedRange<Int64> {
        moveStaged.bind(1, Int64(batch.worker))
        moveStaged.bind(2, Int64(bitPattern: batch.number))
        moveStaged.bind(3, createdAt.microseconds)
        let before = try lastID()
        try moveStaged.step()
        let (last, count) = (database.lastInsertRowID, Int64(database.changes))
        try drop(batch)
        guard count > 0, count == Int64(database.changes), last - count == before else { throw Self.miscounted }
        return before + 1...last
    }

    /// The highest id there ever was.
    private func lastID() throws(SQLiteError) -> Int64 {
        let sequence = sequence  // whose row is read: held while it is
        defer { sequence.reset() }
        return try sequence.step() ? sequence.int64(0) : 0
    }

    func drop(_ batch: SQLiteBatch) throws(SQLiteError) {
        dropStaged.bind(1, Int64(batch.worker))
        dropStaged.bind(2, Int64(bitPattern: batch.number))
        try dropStaged.step()
    }

    // MARK: Outbox

    /// Takes over the oldest flushes that are due, until `dueAt`.
    func claim(now: Int64, until dueAt: Int64, maximumBatch: Int) throws(SQLiteError) -> [SQLiteClaim] {
        let (due, range) = (due, range)
        due.bind(1, now)
        due.bind(2, SQLiteLimits.claimedRows)
        var found: [(mark: FlushMark, first: Int64, last: Int64)] = []
        while try due.step() { found.append((FlushMark(due.bytes(0)), due.int64(1), due.int64(2))) }
        var claims: [SQLiteClaim] = []
        for (mark, first, last) in found {
            let bytes = mark.bytes
            lease.bind(1, blob: bytes.span)
            lease.bind(2, dueAt)
            try lease.step()
            var flush = StoredFlush(capacity: Int(last - first + 1))
            range.bind(1, first)
            range.bind(2, last)
            while try range.step() {
                flush.append(
                    id: range.int64(0), user: range.bytes(1), score: Int32(truncatingIfNeeded: range.int64(2)),
                    createdAt: Timestamp(microseconds: range.int64(3)))
            }
            claims.append(SQLiteClaim(mark: mark, drafts: flush.drafts(atMost: maximumBatch)))
        }
        return claims
    }

    func oldestDue(at now: Int64) throws(SQLiteError) -> FlushMark? {
        let due = due  // whose row is read: held while it is
        due.bind(1, now)
        due.bind(2, 1)
        defer { due.reset() }
        return try due.step() ? FlushMark(due.bytes(0)) : nil
    }

    // MARK: The poster's place

    func told() throws(SQLiteError) -> Int64 {
        defer { toldPlace.reset() }
        return try toldPlace.step() ? toldPlace.int64(0) : 0
    }

    func tell(_ id: Int64) throws(SQLiteError) {
        tellPlace.bind(1, id)
        try tellPlace.step()
    }
}

extension FlushMark {
    /// The sixteen bytes of the UUID, which sort as the marks do.
    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(16)
        for word in [high, low] {
            for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
        }
        return bytes
    }
}
