import Bytes
import Logging
import Reactor
import SQLite
import Scores

/// The reader of the SQLite store, on a thread of its own: it sees what is committed and waits for no writer.
final class SQLiteReader: MailboxReceiver<SQLiteRead> {
    private let reactor: Reactor
    private let pages: [SQLiteStatement]
    private let replies: [Mailbox<SQLiteReply>]
    private var waitingFor: Int
    private var failures: ThrottledLog

    init(_ reactor: Reactor, _ database: SQLiteDatabase, _ services: SQLiteServices, log: Logger)
        throws(StartError)
    {
        self.reactor = reactor
        replies = services.replies
        waitingFor = services.replies.count
        failures = ThrottledLog(log, "scores: SQLite cannot read", level: .error)
        do throws(SQLiteError) {
            try database.run("PRAGMA query_only = 1; PRAGMA cache_size = -\(SQLiteLimits.cacheKiB)")
            var pages: [SQLiteStatement] = []
            // In the order of `ScoreSQL.index(of:)`.
            for columns in ["id, \"user\", score, created_at", "id"] {
                for condition in ["", "AND \"user\" = ?5"] {
                    for order in ["ASC", "DESC"] {
                        pages.append(
                            try database.prepare(
                                """
                                SELECT \(columns) FROM "Score"
                                WHERE id > ?1 AND id < ?2 \(condition) ORDER BY id \(order) LIMIT ?3 OFFSET ?4
                                """))
                    }
                }
            }
            self.pages = pages
        } catch {
            throw StartError(error, file: services.file)
        }
        do throws(SystemError) {
            try super.init(reactor, services.reads)
        } catch {
            throw StartError(error)
        }
    }

    override func receive(_ message: SQLiteRead) {
        switch message {
        case .page(let worker, let id, let page, let json, let scores):
            do throws(SQLiteError) {
                replies[worker].post(try read(page, id, json: json, scores: scores))
            } catch {
                failures.write("\(error)", at: reactor.now)
                replies[worker].post(.pageFailed(id, error))
            }
        case .end:
            waitingFor -= 1
            if waitingFor == 0 { reactor.stop() }
        }
    }

    private func read(_ page: ScorePage, _ id: UInt64, json: Bool, scores: Bool) throws(SQLiteError) -> SQLiteReply {
        let statement = pages[ScoreSQL.index(of: page)]
        statement.bind(1, page.after)
        statement.bind(2, page.before)
        // One more than asked for tells whether rows follow.
        statement.bind(3, Int64(page.limit) + 1)
        statement.bind(4, Int64(page.offset))
        if let user = page.user { statement.bind(5, text: user.span) }
        defer { statement.reset() }
        if page.offset > 0 {
            guard try statement.step() else {
                return .page(id, ScorePageResult(lastID: nil, hasMore: false), [], isLast: true)
            }
            let lastID = statement.int64(0)
            let hasMore = try statement.step()
            return .page(id, ScorePageResult(lastID: lastID, hasMore: hasMore), [], isLast: !hasMore)
        }
        var text = ByteBuffer(capacity: json ? 96 * min(page.limit, StoreLimits.pageRows) + 2 : 2)
        var found: [Score] = []
        var count = 0
        var lastID: Int64?
        var hasMore = false
        text.append(UInt8(ascii: "["))
        while try statement.step() {
            guard count < page.limit else {
                hasMore = true
                break
            }
            let rowID = statement.int64(0)
            let score = Int32(truncatingIfNeeded: statement.int64(2))
            let createdAt = Timestamp(microseconds: statement.int64(3))
            if json {
                if count > 0 { text.append(UInt8(ascii: ",")) }
                ScoreEncoder.append(id: rowID, user: statement.bytes(1), score: score, createdAt: createdAt, to: &text)
            }
            if scores {
                found.append(Score(id: rowID, user: statement.bytes(1).copied, score: score, createdAt: createdAt))
            }
            count += 1
            lastID = rowID
        }
        text.append(UInt8(ascii: "]"))
        let result =
            json
            ? ScorePageResult(
                json: text.bytes.copied, count: count, lastID: lastID, hasMore: hasMore,
                hash: EntityTag.hash(text.bytes)) : nil
        // In id order, whatever the page's.
        return .page(id, result, page.order == .ascending ? found : found.reversed(), isLast: !hasMore)
    }
}
