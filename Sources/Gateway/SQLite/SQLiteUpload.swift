import Scores

/// A large batch on its way into an SQLite file: its parts are kept in a temporary table by the writer's thread, and
/// stored in one transaction when it is whole. So a slow client holds no lock, and a batch of any size no memory.
final class SQLiteUpload: LargeBatch {
    private let batch: SQLiteBatch
    let ticket: WriteTicket
    private unowned let store: SQLiteStore
    /// Parts that the thread has not kept yet.
    private var chunksUnderWay = 0
    private var isComplete = false
    /// Whatever comes, nothing of it is stored any more.
    private var isOver = false

    init(_ batch: SQLiteBatch, _ ticket: WriteTicket, _ store: SQLiteStore) {
        self.batch = batch
        self.ticket = ticket
        self.store = store
    }

    override var takesMore: Bool { chunksUnderWay < SQLiteLimits.chunksAhead }

    override func take(_ rows: ScoreRows) {
        guard !isOver else { return }
        for start in stride(from: 0, to: rows.count, by: ScoreLimits.rowsPerFlush) {
            chunksUnderWay += 1
            store.post(.chunk(batch, rows.rows(start..<min(start + ScoreLimits.rowsPerFlush, rows.count))))
        }
    }

    /// A part is kept.
    func kept() {
        let wasFull = !takesMore
        chunksUnderWay -= 1
        if wasFull, takesMore, !isComplete, !isOver { store.resume(ticket) }
    }

    override func finish() {
        guard !isOver else { return }
        isComplete = true
        store.post(
            .batch(
                batch,
                ticket.key.map { SQLiteFlush.Key(key: $0.key, fingerprint: $0.fingerprint, rows: 0) }))
    }

    override func abort() {
        guard !isComplete, !isOver else { return }
        fail()
    }

    /// Lets go of what is kept of it.
    /// - Returns: whom to answer; nil when that was done already.
    @discardableResult
    func fail() -> WriteTicket? {
        guard !isOver else { return nil }
        isOver = true
        store.post(.drop(batch))
        return store.batchEnded(batch.number)
    }
}
