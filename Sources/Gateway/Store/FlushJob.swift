import Postgres
import Scores

/// A flush without keys on its way to the database.
final class FlushJob: StoreJob {
    private let writer: ScoreWriter
    private let sent: ScoreWriter.Sent
    /// Rows of the outbox that are deleted with it.
    private let forgotten: [FlushMark]

    init(_ writer: ScoreWriter, _ sent: ScoreWriter.Sent, _ forgotten: [FlushMark]) {
        self.writer = writer
        self.sent = sent
        self.forgotten = forgotten
    }

    override func completed(_ rows: borrowing Rows) {
        guard rows.count == sent.flush.rows.count else {
            writer.miscounted(sent, rows: rows.count)
            return
        }
        writer.stored(sent, StoredFlush(rows, of: sent.flush.rows))
    }

    override func failed(_ error: PostgresError) {
        // Deleting twice does no harm.
        writer.relay.giveBack(forgotten: forgotten)
        writer.failed(sent, error)
    }
}

/// Finds out whether a flush was committed whose answer was lost: first a fence in the place of its mark, which waits for
/// whoever is still about to write it; then what the mark stands for. When the connection is lost again, the writer
/// begins anew on the next one.
final class OutcomeInquiry: StoreJob {
    private let writer: ScoreWriter
    private let sent: ScoreWriter.Sent
    private var isFenced = false

    init(_ writer: ScoreWriter, _ sent: ScoreWriter.Sent) {
        self.writer = writer
        self.sent = sent
    }

    func start() {
        ask(ScoreWriter.Query.fence)
    }

    private func ask(_ query: Int) {
        var parameters = ParameterBuffer()
        parameters.append(mark: sent.mark)
        if !writer.connection.run(query, parameters, self) { end(andAgain: true) }
    }

    private func end(andAgain: Bool) {
        writer.inquiryEnded(sent)
        if andAgain { writer.inquireLater() }
    }

    override func completed(_ rows: borrowing Rows) {
        guard writer.isUnresolved(sent) else {
            end(andAgain: false)
            return
        }
        guard isFenced else {
            isFenced = true
            ask(ScoreWriter.Query.found)
            return
        }
        end(andAgain: false)
        guard rows.count > 0 else {
            writer.foundAbsent(sent)
            return
        }
        guard rows.count == sent.flush.rows.count else {
            writer.miscounted(sent, rows: rows.count)
            return
        }
        writer.stored(sent, StoredFlush(rows, of: sent.flush.rows))
    }

    override func failed(_ error: PostgresError) {
        // With the connection `connected` begins anew.
        end(andAgain: !error.isConnectionLoss)
    }
}

extension StoredFlush {
    /// - Parameters:
    ///   - rows: `id`, `created_at` of every row, in the order of the flush.
    ///   - flushed: what was flushed.
    fileprivate init(_ rows: borrowing Rows, of flushed: ScoreRows) {
        self.init(capacity: rows.count)
        for index in 0..<rows.count {
            append(
                id: rows.int64(index, 0), user: flushed.user(at: index), score: flushed.scores[index],
                createdAt: rows.isNull(index, 1) ? nil : Timestamp(microsecondsSince2000: rows.int64(index, 1)))
        }
    }
}
