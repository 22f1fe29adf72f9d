import Bytes
import Glibc
import Postgres
import Reactor

/// Brings the schema up to date: numbered SQL, each migration once, in a transaction, under an advisory lock.
///
/// Safe to run twice, and by several processes at once: each migration's transaction first takes the lock and then
/// looks whether somebody else has applied it. The lock belongs to the transaction and not to the session, so it also
/// holds behind a pooler and cannot be left behind. Whatever passes by itself (no database yet, a failover, a lock
/// somebody holds) is waited for, by beginning anew after a pause: every step looks again before it acts.
///
/// For a thread of its own: it blocks.
public enum Migrator {
    /// Applies what is missing.
    /// - Parameters:
    ///   - limit: how long to wait in all for the database and for locks. A migration that runs is not interrupted.
    ///   - report: told what is done and what is waited for.
    /// - Returns: the labels of the migrations this call applied.
    public static func run(
        _ configuration: PostgresConfiguration, waitingAtMost limit: Duration = MigrationLimits.wait,
        migrations: [Migration] = Migration.all, report: (MigrationReport) -> Void
    ) throws(MigrationError) -> [String] {
        let deadline = Reactor.monotonic() + limit
        var backoff = Backoff(first: MigrationLimits.pauseFirst, limit: MigrationLimits.pauseLimit)
        var applied: [String] = []
        var lastReason = ""
        // The first wait of a back-off is none.
        pause(backoff.next())
        while true {
            do throws(MigrationError) {
                try apply(migrations, configuration, &applied, report)
                return applied
            } catch {
                guard passes(error.cause) else { throw error }
                guard Reactor.monotonic() < deadline else {
                    throw MigrationError(
                        migration: error.migration, cause: error.cause, waited: limit, blocker: error.blocker)
                }
                // Once a reason: how long the blocker has been there changes every time.
                let reason = "\(error.migration ?? ""): \(error.cause)"
                if reason != lastReason { report(.waiting("\(error)")) }
                lastReason = reason
                pause(min(backoff.next(), max(.zero, deadline - Reactor.monotonic())))
            }
        }
    }

    /// The labels of the migrations the database lacks; looks once and changes nothing.
    public static func pending(
        _ configuration: PostgresConfiguration, migrations: [Migration] = Migration.all
    ) throws(MigrationError) -> [String] {
        try asking { () throws(PostgresError) in
            try missing(migrations, BlockingConnection(configuration)).map(\.label)
        }
    }

    // MARK: One try

    private static func apply(
        _ migrations: [Migration], _ configuration: PostgresConfiguration, _ applied: inout [String],
        _ report: (MigrationReport) -> Void
    ) throws(MigrationError) {
        let connection = try asking { () throws(PostgresError) in try BlockingConnection(configuration) }
        // Looked up before any lock: who finds nothing to do needs no right to write, and disturbs nobody.
        let plan = try asking { () throws(PostgresError) in try missing(migrations, connection) }
        if plan.isEmpty, applied.isEmpty {
            report(.done("the schema is up to date (\(migrations.count) applied before)"))
        }
        for migration in plan {
            let start = Reactor.monotonic()
            let isOurs: Bool
            do throws(PostgresError) {
                isOurs = try apply(migration, connection)
            } catch {
                let blocker = error.isLockNotAvailable ? oldestTransaction(connection) : nil
                throw MigrationError(migration: migration.label, cause: error, waited: nil, blocker: blocker)
            }
            if isOurs {
                applied.append(migration.label)
                report(.done("applied migration \(migration.label) in \(milliseconds(since: start)) ms"))
            } else {
                report(.done("migration \(migration.label) was applied by another process"))
            }
        }
    }

    /// - Returns: whether it was applied here, and not by somebody else meanwhile.
    private static func apply(
        _ migration: Migration, _ connection: BlockingConnection
    ) throws(PostgresError) -> Bool {
        precondition(!migration.name.contains("'"), "a migration's name is an identifier")
        let lookUp = MigrationLimits.lookUp
        let lock = milliseconds(MigrationLimits.lock)
        let statement = milliseconds(MigrationLimits.statement)
        // Read committed: each statement sees what others committed before it, so also what the lock made us wait for.
        try connection.run(
            """
            BEGIN ISOLATION LEVEL READ COMMITTED;
            SET LOCAL lock_timeout = \(lock);
            SET LOCAL statement_timeout = \(statement);
            SET LOCAL idle_in_transaction_session_timeout = \(milliseconds(lookUp));
            SELECT pg_advisory_xact_lock(\(advisoryLock));
            CREATE TABLE IF NOT EXISTS score_gateway_migrations (
                number integer PRIMARY KEY,
                name text NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now()
            );
            """, within: MigrationLimits.lock * 2 + lookUp)
        let found = try connection.run(
            "SELECT 1 FROM score_gateway_migrations WHERE number = \(migration.number)", within: lookUp)
        if !found.isEmpty {
            try connection.run("COMMIT", within: lookUp)
            return false
        }
        try connection.run(migration.sql, within: MigrationLimits.statement + lookUp)
        try connection.run(
            "INSERT INTO score_gateway_migrations (number, name) VALUES (\(migration.number), '\(migration.name)')",
            within: lookUp)
        try connection.run("COMMIT", within: MigrationLimits.statement)
        return true
    }

    /// The transaction that has been open longest beside ours: it is likely the one whose lock we wait for. (The
    /// replaced service may leave one open after a request; nothing but its end helps.)
    private static func oldestTransaction(_ connection: BlockingConnection) -> String? {
        let rows = try? connection.run(
            """
            ROLLBACK;
            SELECT format('process %s of %s (%s), %s, for %s s', pid, usename,
                coalesce(nullif(application_name, ''), 'no application name'), state,
                extract(epoch FROM now() - xact_start)::int)
            FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
                AND xact_start IS NOT NULL
            ORDER BY xact_start LIMIT 1
            """, within: MigrationLimits.lookUp)
        return rows?.first?[0]
    }

    private static func missing(
        _ migrations: [Migration], _ connection: BlockingConnection
    ) throws(PostgresError) -> [Migration] {
        let limit = MigrationLimits.lookUp
        let table = try connection.run("SELECT to_regclass('score_gateway_migrations')", within: limit)
        guard table.first?.first != .some(nil) else { return migrations }
        // More than we know are those of a newer gateway, which this one can live with.
        let rows = try connection.run("SELECT number FROM score_gateway_migrations", within: limit)
        let numbers = Set(rows.compactMap { $0[0].flatMap { Int($0) } })
        return migrations.filter { !numbers.contains($0.number) }
    }

    // MARK: Waiting

    /// Whether a failure may be another one, or none, when tried again.
    private static func passes(_ error: PostgresError) -> Bool {
        error.isConnectionLoss || error.isLockNotAvailable || error.isTransactionRollback || error.isReadOnly
            || error.isInsufficientResources
            // The replaced service made the table between our look and our CREATE: duplicate_table, unique_violation
            // (of the system's own catalogue).
            || error.sqlState == "42P07" || error.sqlState == "23505"
    }

    private static func asking<R>(_ body: () throws(PostgresError) -> R) throws(MigrationError) -> R {
        do throws(PostgresError) {
            return try body()
        } catch {
            throw MigrationError(migration: nil, cause: error, waited: nil, blocker: nil)
        }
    }

    private static func pause(_ span: Duration) {
        usleep(UInt32(clamping: span.wholeNanoseconds / 1000))
    }

    private static func milliseconds(_ span: Duration) -> Int64 { span.wholeNanoseconds / 1_000_000 }
    private static func milliseconds(since start: Instant) -> Int64 { milliseconds(Reactor.monotonic() - start) }

    /// The key of the advisory lock, the same in every version of the gateway: "Score" in ASCII.
    private static let advisoryLock: Int64 = 0x53_63_6f_72_65
}
