import Bytes
import Postgres
import Scores

/// A flush with keys on its way to the database. Units whose key is there already store nothing; what they are to be
/// answered is looked up then.
final class KeyedFlushJob: StoreJob {
    private typealias Unit = WriteBatch<WriteTicket>.Unit

    private let writer: ScoreWriter
    private let sent: ScoreWriter.Sent
    /// Units that stored nothing, by the key, and where their rows begin; nil before the flush is stored.
    private var known: [(unit: Unit, firstRow: Int)]?

    init(_ writer: ScoreWriter, _ sent: ScoreWriter.Sent) {
        self.writer = writer
        self.sent = sent
    }

    override func completed(_ rows: borrowing Rows) {
        if let known {
            answer(known, rows)
        } else {
            stored(rows)
        }
    }

    override func failed(_ error: PostgresError) {
        guard let known else {
            writer.failed(sent, error)
            return
        }
        writer.answers.refuse(known.map(\.unit.ticket), "The database is out of reach; try again with the same key.")
    }

    /// Rows are in the order of units: their number (from 1), `id`, `created_at`.
    private func stored(_ rows: borrowing Rows) {
        let flush = sent.flush
        var stored = StoredFlush(capacity: rows.count)
        var known: [(unit: Unit, firstRow: Int)] = []
        var answered: [(unit: Unit, rows: Range<Int>)] = []
        var firstRow = 0
        var row = 0
        for (index, unit) in flush.units.enumerated() {
            let start = row
            while row < rows.count, rows.int64(row, 0) == Int64(index + 1) {
                let place = firstRow + row - start
                guard place < firstRow + unit.rows else { break }
                stored.append(
                    id: rows.int64(row, 1), user: flush.rows.user(at: place), score: flush.rows.scores[place],
                    createdAt: Timestamp(microsecondsSince2000: rows.int64(row, 2)))
                row += 1
            }
            switch row - start {
            case 0: known.append((unit, firstRow))
            case unit.rows: answered.append((unit, start..<row))
            default:
                writer.miscounted(sent, rows: rows.count)
                return
            }
            firstRow += unit.rows
        }
        guard row == rows.count else {
            writer.miscounted(sent, rows: rows.count)
            return
        }
        writer.settle(sent)
        writer.publish(sent, stored)
        for (unit, rows) in answered { writer.answers.stored(unit, stored, rows) }
        if !known.isEmpty { lookUp(known) }
    }

    private func lookUp(_ known: [(unit: Unit, firstRow: Int)]) {
        self.known = known
        var parameters = ParameterBuffer()
        parameters.beginArray(of: PostgresType.text)
        for (unit, _) in known {
            let key = unit.ticket.key!.key  // keyed: has one
            parameters.appendElement(text: key.span)
        }
        parameters.endArray()
        if !writer.connection.run(ScoreWriter.Query.keyed, parameters, self) {
            writer.answers.refuse(
                known.map(\.unit.ticket), "The database is out of reach; try again with the same key.")
        }
    }

    private func answer(_ known: [(unit: Unit, firstRow: Int)], _ rows: borrowing Rows) {
        var kept: [[UInt8]: KeptAnswer] = [:]
        let flushed = sent.flush.rows
        for row in 0..<rows.count { kept[rows.bytes(row, 0).copied] = KeptAnswer(rows, row) }
        for (unit, firstRow) in known {
            guard let answer = kept[unit.ticket.key!.key] else {
                // Its day was over between the two queries.
                writer.answers.refuse([unit.ticket], "The answer of this key was just dropped; try again.")
                continue
            }
            writer.answers.replay(
                unit.ticket, answer, user: flushed.user(at: firstRow), score: flushed.scores[firstRow])
        }
    }
}

extension KeptAnswer {
    /// A row of `ScoreSQL.keyed`.
    init(_ rows: borrowing Rows, _ row: Int) {
        self.init(
            fingerprint: rows.bytes(row, 1).copied, firstID: rows.int64(row, 2), lastID: rows.int64(row, 3),
            stored: rows.int64(row, 4), createdAt: Timestamp(microsecondsSince2000: rows.int64(row, 5)))
    }
}
