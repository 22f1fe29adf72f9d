import Bytes
import Scores

/// The scores of a committed flush as JSON, one a line, in the order of its rows: for those who wait for them, and for
/// the bus.
struct StoredFlush: ~Copyable {
    private var lines: ByteBuffer
    private var ends: [Int] = []
    private(set) var ids: [Int64] = []

    init(capacity rows: Int) {
        lines = ByteBuffer(capacity: 97 * rows)
        ends.reserveCapacity(rows)
        ids.reserveCapacity(rows)
    }

    var count: Int { ends.count }

    mutating func append(id: Int64, user: Span<UInt8>, score: Int32, createdAt: Timestamp?) {
        ScoreEncoder.append(id: id, user: user, score: score, createdAt: createdAt, to: &lines)
        ends.append(lines.count)
        ids.append(id)
        lines.append(UInt8(ascii: "\n"))
    }

    /// The JSON object of a row.
    @_lifetime(borrow self)
    func json(_ row: Int) -> Span<UInt8> {
        lines.bytes.extracting(start(row)..<ends[row])
    }

    /// What is published of it: as few messages as `maximum` scores a message allow; one score alone is one object,
    /// several are one a line.
    func drafts(atMost maximum: Int) -> [Outbox.Draft] {
        stride(from: 0, to: count, by: maximum).map { first in
            let rows = first..<min(first + maximum, count)
            let end = rows.count == 1 ? ends[first] : ends[rows.upperBound - 1] + 1
            return Outbox.Draft(scores: rows.count, body: lines.bytes.extracting(start(first)..<end).copied)
        }
    }

    private func start(_ row: Int) -> Int { row == 0 ? 0 : ends[row - 1] + 1 }
}
