import Bytes
import Glibc
import Logging
import Reactor
import SQLite
import Scores

/// The writer of the SQLite store, on a thread of its own. What all reactors have asked for while it was committing is
/// the next transaction: one wait for the disk for all of them.
///
///     mailbox ─▶ pending ─ beforeSleep ─▶ BEGIN, every request, COMMIT ─▶ replies to the workers
///
/// When a transaction fails, nothing of it is stored and everybody in it is told so; a row that the table refuses (a
/// trigger of somebody's) is found by storing the requests one by one.
final class SQLiteWriter: MailboxReceiver<SQLiteWrite> {
    private let reactor: Reactor
    private let tables: SQLiteTables
    private let replies: [Mailbox<SQLiteReply>]
    private var pending: [SQLiteWrite] = []
    /// Large batches of which a part could not be kept. Their other parts were asked for before anybody knew: they are
    /// passed over, until the batch is dropped.
    private var broken: Set<SQLiteBatch> = []
    private var waitingFor: Int
    private var failures: ThrottledLog

    init(_ reactor: Reactor, _ database: SQLiteDatabase, _ services: SQLiteServices, log: Logger)
        throws(StartError)
    {
        self.reactor = reactor
        replies = services.replies
        waitingFor = services.replies.count
        failures = ThrottledLog(log, "scores: SQLite cannot commit", level: .error)
        do throws(SQLiteError) { tables = try SQLiteTables(database, hasQueue: services.hasQueue) } catch {
            throw StartError(error, file: services.file)
        }
        do throws(SystemError) {
            try super.init(reactor, services.writes)
        } catch {
            throw StartError(error)
        }
        reactor.addBeforeSleep(self)
    }

    override func receive(_ message: SQLiteWrite) {
        pending.append(message)
    }

    override func beforeSleep() {
        guard !pending.isEmpty else { return }
        let requests = pending
        pending.removeAll(keepingCapacity: true)
        commit(requests)
        for case .end in requests { waitingFor -= 1 }
        guard waitingFor == 0 else { return }
        tables.foldLog()
        reactor.stop()
    }

    private func commit(_ requests: [SQLiteWrite]) {
        let now = Self.now()
        var answers: [(worker: Int, reply: SQLiteReply)] = []
        do throws(SQLiteError) {
            try tables.transaction { () throws(SQLiteError) in
                for request in requests { try run(request, now, &answers) }
            }
        } catch {
            if error.isConstraint, requests.count > 1 {
                for request in requests { commit([request]) }
                return
            }
            failures.write("\(error)", at: reactor.now)
            answers = requests.compactMap { failed($0, error) }
        }
        for (worker, reply) in answers { replies[worker].post(reply) }
    }

    private func run(
        _ request: SQLiteWrite, _ now: Timestamp, _ answers: inout [(worker: Int, reply: SQLiteReply)]
    ) throws(SQLiteError) {
        switch request {
        case .flush(let flush):
            try tables.forget(flush.forgotten)
            let outcomes = flush.keys.isEmpty ? [try store(flush, now)] : try storeKeyed(flush, now)
            answers.append((flush.worker, .stored(flush.id, outcomes, createdAt: now)))
        case .chunk(let batch, let rows):
            guard !broken.contains(batch) else { return }
            try tables.stage(batch, rows)
            answers.append((batch.worker, .chunkKept(batch.number)))
        case .batch(let batch, let key):
            guard !broken.contains(batch) else { return }
            answers.append((batch.worker, try store(batch, key, now)))
        case .drop(let batch):
            try tables.drop(batch)
            broken.remove(batch)
        case .claim(let worker, let maximumBatch):
            let claims = try tables.claim(
                now: now.microseconds, until: Self.due(now), maximumBatch: maximumBatch)
            answers.append((worker, .claimed(claims)))
        case .oldest(let worker):
            answers.append((worker, .oldest(try tables.oldestDue(at: now.microseconds))))
        case .published(let marks): try tables.forget(marks)
        case .told(let worker): answers.append((worker, .told(try tables.told())))
        case .tell(let id): try tables.tell(id)
        case .end: break
        }
    }

    private func store(_ flush: SQLiteFlush, _ now: Timestamp) throws(SQLiteError) -> SQLiteFlush.Outcome {
        let first = try tables.insert(flush.rows, 0..<flush.rows.count, createdAt: now)
        try enter(flush, first, flush.rows.count, now)
        return .stored(first: first)
    }

    private func storeKeyed(_ flush: SQLiteFlush, _ now: Timestamp) throws(SQLiteError) -> [SQLiteFlush.Outcome] {
        var outcomes: [SQLiteFlush.Outcome] = []
        var row = 0
        var first: Int64?
        var stored = 0
        for key in flush.keys {
            defer { row += key.rows }
            if let answer = try tables.answer(of: key.key, at: now) {
                outcomes.append(.known(answer))
                continue
            }
            let id = try tables.insert(flush.rows, row..<row + key.rows, createdAt: now)
            try tables.keep(key, first: id, last: id + Int64(key.rows) - 1, at: now)
            first = first ?? id
            stored += key.rows
            outcomes.append(.stored(first: id))
        }
        if let first { try enter(flush, first, stored, now) }
        return outcomes
    }

    private func enter(_ flush: SQLiteFlush, _ first: Int64, _ count: Int, _ now: Timestamp) throws(SQLiteError) {
        guard let mark = flush.mark else { return }
        try tables.enter(
            mark, first: first, last: first + Int64(count) - 1, dueAt: flush.isHeld ? Self.due(now) : 0)
    }

    private func store(
        _ batch: SQLiteBatch, _ key: SQLiteFlush.Key?, _ now: Timestamp
    ) throws(SQLiteError) -> SQLiteReply {
        if let key, let answer = try tables.answer(of: key.key, at: now) {
            try tables.drop(batch)
            return .batchKnown(batch.number, answer)
        }
        let ids = try tables.storeStaged(batch, createdAt: now)
        if let key { try tables.keep(key, first: ids.lowerBound, last: ids.upperBound, at: now) }
        // Published like any backlog, so that it needs no memory: a row for each part of it.
        var marks = FlushMarkSource()
        let part = Int64(ScoreLimits.rowsPerFlush)
        for first in stride(from: ids.lowerBound, through: ids.upperBound, by: Int(part)) {
            try tables.enter(marks.next(), first: first, last: min(first + part - 1, ids.upperBound), dueAt: 0)
        }
        return .batchStored(batch.number, count: ids.count, first: ids.lowerBound, last: ids.upperBound)
    }

    /// A request whose transaction failed.
    /// - Returns: whom to tell, if somebody waits.
    private func failed(_ request: SQLiteWrite, _ error: SQLiteError) -> (worker: Int, reply: SQLiteReply)? {
        switch request {
        case .flush(let flush):
            // Those were published, whatever became of this flush.
            if !flush.forgotten.isEmpty { pending.append(.published(flush.forgotten)) }
            return (flush.worker, .failed(flush.id, error))
        case .chunk(let batch, _):
            broken.insert(batch)
            return (batch.worker, .batchFailed(batch.number, error))
        case .batch(let batch, _): return (batch.worker, .batchFailed(batch.number, error))
        case .claim(let worker, _): return (worker, .claimed([]))
        case .told(let worker): return (worker, .told(nil))
        case .oldest: return nil
        // Nobody asks for these again: they are part of the next transaction. (What a trigger refuses it always refuses.)
        case .drop, .published, .tell:
            if !error.isConstraint { pending.append(request) }
            return nil
        case .end: return nil
        }
    }

    private static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let microseconds = Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
        return Timestamp(microseconds: microseconds) ?? Timestamp(microseconds: 0)!  // 1970 is a time
    }

    /// When a row that is held is due.
    private static func due(_ now: Timestamp) -> Int64 {
        now.microseconds + Int64(StoreLimits.leaseSeconds) * 1_000_000
    }
}
