import Glibc
import Logging
import Reactor
import SQLite

/// The SQLite store of a process: its two threads, and the mailboxes to and from them. The file belongs to this process
/// alone: what another one stored, the bus inside this one would never tell.
final class SQLiteServices: Sendable {
    let file: String
    /// The poster's queue is in the file.
    let hasQueue: Bool
    let writes: Mailbox<SQLiteWrite>
    let reads: Mailbox<SQLiteRead>
    /// One a worker.
    let replies: [Mailbox<SQLiteReply>]

    init(file: String, workers: Int, hasQueue: Bool) throws(SystemError) {
        self.file = file
        self.hasQueue = hasQueue
        writes = try Mailbox()
        reads = try Mailbox()
        var replies: [Mailbox<SQLiteReply>] = []
        for _ in 0..<workers { replies.append(try Mailbox()) }
        self.replies = replies
    }

    /// Makes the schema, and starts the threads. They end when every worker has said so.
    func start(migrates: Bool, _ threads: Threads, _ log: Logger) throws(StartError) {
        try Self.prepare(file, migrates: migrates, log)
        try lock()
        let gate = StartGate(count: 2)
        do throws(SystemError) {
            threads.add(
                try Thread(name: "sqlite-write") {
                    self.run(gate, log) { reactor throws(StartError) in
                        _ = try SQLiteWriter(reactor, self.open(.create), self, log: log)
                    }
                })
            threads.add(
                try Thread(name: "sqlite-read") {
                    self.run(gate, log) { reactor throws(StartError) in
                        _ = try SQLiteReader(reactor, self.open(.readOnly), self, log: log)
                    }
                })
        } catch {
            throw StartError(error)
        }
        if let error = gate.wait() { throw error }
    }

    /// The body of a thread: what `make` makes is held by its reactor.
    private func run(_ gate: StartGate, _ log: Logger, _ make: (Reactor) throws(StartError) -> Void) {
        do throws(StartError) {
            let reactor: Reactor
            do throws(SystemError) { reactor = try Reactor() } catch { throw StartError(error) }
            try Self.untilUnlocked(log) { () throws(StartError) in try make(reactor) }
            gate.succeeded()
            reactor.run()
        } catch {
            gate.failed(error)
        }
    }

    private func open(_ mode: SQLiteDatabase.Mode) throws(StartError) -> SQLiteDatabase {
        try Self.open(file, mode)
    }

    private static func open(_ file: String, _ mode: SQLiteDatabase.Mode) throws(StartError) -> SQLiteDatabase {
        do throws(SQLiteError) {
            return try SQLiteDatabase(path: file, mode: mode, busyTimeout: SQLiteLimits.busyTimeout)
        } catch {
            throw StartError(error, file: file)
        }
    }

    /// Asks again while somebody has the file locked, and nobody has sent a signal to end.
    private static func untilUnlocked(
        _ log: Logger, _ body: () throws(StartError) -> Void
    ) throws(StartError) {
        for attempt in 1... {
            do throws(StartError) {
                return try body()
            } catch {
                guard error.isLocked, attempt < SQLiteLimits.startAttempts, !Signals.endIsPending else { throw error }
                log.warning("\(error); waiting for it")
            }
        }
    }

    /// Brings the schema of a file up to date, or sees that it is.
    static func prepare(_ file: String, migrates: Bool, _ log: Logger) throws(StartError) {
        try untilUnlocked(log) { () throws(StartError) in try prepareAtOnce(file, migrates: migrates, log) }
    }

    private static func prepareAtOnce(_ file: String, migrates: Bool, _ log: Logger) throws(StartError) {
        let database = try open(file, .create)
        let missing: Int
        do throws(SQLiteError) {
            missing = migrates ? 0 : try SQLiteSchema.missing(database)
            if migrates {
                let applied = try SQLiteSchema.prepare(database)
                let done =
                    applied == 0 ? "the schema is up to date" : "applied \(applied) step\(applied == 1 ? "" : "s")"
                log.notice("migrate: \(done)", metadata: ["file": "\(file)"])
            }
        } catch {
            throw StartError(error, file: file)
        }
        if missing > 0 {
            throw StartError(
                "\(file): its schema is of an older version: run `score-gateway migrate`, or serve with AUTO_MIGRATE=1")
        }
    }

    /// Until the process ends. The descriptor is never closed: with it would go the locks that SQLite has on the file.
    private func lock() throws(StartError) {
        let descriptor = Glibc.open(file, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else {
            let why = String(cString: strerror(errno))
            throw StartError("\(file): it may not be written: \(why) (SCORES_FILE, DATABASE_URL)")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw StartError("\(file): another gateway serves it (SCORES_FILE, DATABASE_URL)")
        }
    }
}
