import Bytes
import HTTPServer
import Postgres
import Scores

/// The store that is PostgreSQL. Writes, reads and large batches have connections of their own, and so has the sweeper,
/// which one reactor of the process has.
final class PostgresStore: ScoreStore {
    private let writer: ScoreWriter
    private let reader: ScoreReader
    private let batches: BatchTransactions
    private let sweeper: OutboxSweeper?

    init(writer: ScoreWriter, reader: ScoreReader, batches: BatchTransactions, sweeper: OutboxSweeper?) {
        self.writer = writer
        self.reader = reader
        self.batches = batches
        self.sweeper = sweeper
    }

    override func start() {
        writer.start()
        reader.start()
        sweeper?.start()
    }

    override func stop() {
        sweeper?.stop()
    }

    override var isIdle: Bool { writer.isIdle && batches.isIdle && sweeper?.isIdle != false }

    override func close() {
        batches.close()
        writer.close()
        reader.close()
        sweeper?.close()
    }

    override func submit(_ submission: ScoreSubmission, from body: Span<UInt8>, _ ticket: WriteTicket) {
        writer.submit(submission, from: body, ticket)
    }

    override func submit(_ rows: ScoreRows, _ ticket: WriteTicket) {
        writer.submit(rows, ticket)
    }

    override func begin(_ response: ResponseTicket, key: KeyedRequest?) -> LargeBatch? {
        batches.begin(response, key: key).map { TransactionBatch($0) }
    }

    override func read(_ page: ScorePage, for asker: PageAsker) -> Bool {
        reader.read(page, for: asker)
    }

    // MARK: The poster's place

    override func loadTold(for queue: LocalQueue) -> Bool { sweeper?.loadTold(for: queue) ?? false }

    override func saveTold(_ id: Int64) { sweeper?.saveTold(id) }
}

/// A large batch that has a transaction. (`StoreUser` is the base class of the transaction.)
private final class TransactionBatch: LargeBatch {
    private let transaction: BatchTransaction

    init(_ transaction: BatchTransaction) { self.transaction = transaction }

    override func received(_ count: Int) { transaction.received(count) }
    override var takesMore: Bool { transaction.takesMore }
    override func take(_ rows: ScoreRows) { transaction.take(rows) }
    override func finish() { transaction.finish() }
    override func abort() { transaction.abort() }
}
