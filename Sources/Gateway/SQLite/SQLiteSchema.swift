import SQLite

/// The schema of the SQLite store: numbered steps, each applied once in a transaction of its own; `user_version` says
/// how many there are in a file. The tables are those of PostgreSQL (see the migrations), with two differences: ids of a
/// flush stand in one run, so the outbox has their first and last one; and times are microseconds since 1970.
enum SQLiteSchema {
    /// - Returns: how many steps were applied.
    static func prepare(_ database: SQLiteDatabase) throws(SQLiteError) -> Int {
        // Before any transaction: the mode belongs to the file.
        try database.run("PRAGMA journal_mode = WAL")
        var applied = 0
        while true {
            try database.run("BEGIN IMMEDIATE")
            do throws(SQLiteError) {
                let version = Int(try database.number("PRAGMA user_version") ?? 0)
                guard version <= steps.count else {
                    throw SQLiteError(
                        code: 1,
                        message: "the file was written by a newer version (schema \(version), known: \(steps.count))")
                }
                guard version < steps.count else {
                    try database.run("COMMIT")
                    return applied
                }
                try database.run(steps[version])
                try database.run("PRAGMA user_version = \(version + 1); COMMIT")
                applied += 1
            } catch {
                if database.isInTransaction { try? database.run("ROLLBACK") }
                throw error
            }
        }
    }

    /// Steps that a file lacks.
    static func missing(_ database: SQLiteDatabase) throws(SQLiteError) -> Int {
        steps.count - Int(try database.number("PRAGMA user_version") ?? 0)
    }

    private static let steps = [
        """
        CREATE TABLE "Score" (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            "user" TEXT NOT NULL,
            score INTEGER NOT NULL DEFAULT 1,
            created_at INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) * 1000)
        );
        CREATE INDEX "ix_Score_user" ON "Score" ("user");
        CREATE TABLE score_outbox (
            flush BLOB PRIMARY KEY,
            first_id INTEGER NOT NULL,
            last_id INTEGER NOT NULL,
            due_at INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE score_idempotency (
            key BLOB PRIMARY KEY,
            fingerprint BLOB NOT NULL,
            first_id INTEGER NOT NULL,
            last_id INTEGER NOT NULL,
            stored INTEGER NOT NULL,
            created_at INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX score_idempotency_created_at ON score_idempotency (created_at);
        CREATE TABLE score_queue (
            name TEXT PRIMARY KEY,
            told INTEGER NOT NULL
        ) WITHOUT ROWID;
        """
    ]
}
