import Bytes
import HTTP1
import HTTPServer
import Scores

/// The answer to one `GET /scores` or `GET /scores/{id}`. One page is answered whole, with a validator; more are
/// streamed, the next page read when the client has taken the last. The head of a streamed answer says whether `limit`
/// cuts it, so its rows are counted off before: `Link` needs the id of the last one.
final class ScoreAnswer: BodyProducer {
    enum Shape {
        case list(ScoreQuery)
        case single
    }

    private let server: HTTPServer
    private let store: ScoreStore
    private let ticket: ResponseTicket
    private let shape: Shape
    private let ifNoneMatch: [UInt8]
    private var page: ScorePage

    // While rows are counted off: the first page, and how many are to come behind the last one found.
    private var first: ScorePageResult?
    private var uncounted: Int64 = 0
    /// The last id that `limit` lets through; nil while there are not so many.
    private var end: Int64?
    // While streaming.
    private var isStreaming = false
    private var isReading = false
    private var isCancelled = false
    private var remaining: Int64 = .max
    private var next: ScorePageResult?
    private var hasWritten = false
    private var hasFailed = false
    private weak var connection: HTTPConnection?

    /// - Parameter ifNoneMatch: the field's value; empty when absent.
    init(
        _ shape: Shape, page: ScorePage, ifNoneMatch: [UInt8], ticket: ResponseTicket, store: ScoreStore,
        server: HTTPServer
    ) {
        self.shape = shape
        self.page = page
        self.ifNoneMatch = ifNoneMatch
        self.ticket = ticket
        self.store = store
        self.server = server
    }

    func start() {
        isReading = store.read(page, for: .answer(self))
        if !isReading { refuse() }
    }

    func received(_ result: ScorePageResult) {
        isReading = false
        guard !isCancelled else { return }
        if isStreaming {
            next = result
            if let connection { resume(connection) }
            return
        }
        if case .list(let query) = shape, let first {
            counted(result, query, first)
            return
        }
        if server.isShortOfMemory {
            server.refuse(
                ticket, .serviceUnavailable, detail: "The gateway is short of memory; try again.",
                fields: StoreLimits.retryAfter)
            return
        }
        switch shape {
        case .single: answerSingle(result)
        case .list(let query):
            let limit = query.limit ?? .max
            if !result.hasMore || limit <= Int64(page.limit) {
                answerWhole(result, query)
            } else if query.limit == nil {
                stream(result, limit: limit, link: nil)
            } else if let id = result.lastID {
                first = result
                uncounted = limit - Int64(result.count)
                count(behind: id)
            }
        }
    }

    func failed() {
        isReading = false
        guard !isCancelled else { return }
        if isStreaming {
            hasFailed = true
            if let connection { resume(connection) }
        } else {
            refuse()
        }
    }

    private func refuse() {
        server.refuse(
            ticket, .serviceUnavailable, detail: "The database is out of reach.", fields: StoreLimits.retryAfter)
    }

    // MARK: Whole answers

    private func answerSingle(_ result: ScorePageResult) {
        if result.count == 0 {
            server.refuse(ticket, .notFound, detail: "There is no score with this id.")
        } else {
            respond(result.scores, hash: result.hash, link: nil)
        }
    }

    private func answerWhole(_ result: ScorePageResult, _ query: ScoreQuery) {
        respond(result.json.span, hash: result.hash, link: result.hasMore ? ScoreLink.next(query, result.lastID) : nil)
    }

    private func respond(_ body: Span<UInt8>, hash: UInt64, link: String?) {
        var fields = ByteBuffer(capacity: 128)
        fields.append("ETag: \"")
        fields.append(hexadecimal: hash)
        fields.append("\"\r\nCache-Control: no-cache\r\n")
        ScoreAnswer.append(link, to: &fields)
        let ifNoneMatch = ifNoneMatch
        if EntityTag.isListed(hash, in: ifNoneMatch.span) {
            server.respond(ticket, .notModified, contentType: nil, fields: fields.bytes, body: Span())
        } else {
            server.respond(ticket, .ok, contentType: "application/json", fields: fields.bytes, body: body)
        }
    }

    private static func append(_ link: String?, to fields: inout ByteBuffer) {
        guard let link else { return }
        fields.append("Link: ")
        fields.append(link)
        fields.append("\r\n")
    }

    // MARK: Where a streamed answer ends

    private func count(behind id: Int64) {
        isReading = store.read(page.row(min(uncounted, StoreLimits.countedRows), behind: id), for: .answer(self))
        if !isReading { refuse() }
    }

    /// The row that was asked for is there, or fewer are.
    private func counted(_ row: ScorePageResult, _ query: ScoreQuery, _ first: ScorePageResult) {
        guard server.isWaiting(ticket) else { return }
        guard let id = row.lastID else {
            stream(first, limit: query.limit ?? .max, link: nil)
            return
        }
        uncounted -= min(uncounted, StoreLimits.countedRows)
        guard uncounted == 0 else {
            count(behind: id)
            return
        }
        end = id
        stream(first, limit: query.limit ?? .max, link: row.hasMore ? ScoreLink.next(query, id) : nil)
    }

    // MARK: Streamed answers

    private func stream(_ result: ScorePageResult, limit: Int64, link: String?) {
        isStreaming = true
        first = nil
        next = result
        remaining = limit
        if let end { page = page.ending(with: end) }
        var fields = ByteBuffer()
        fields.append("Cache-Control: no-cache\r\n")
        ScoreAnswer.append(link, to: &fields)
        server.respond(ticket, .ok, contentType: "application/json", fields: fields.bytes, producer: self)
    }

    override func resume(_ connection: HTTPConnection) {
        self.connection = connection
        if hasFailed || hasTooMany {
            // The head said 200: only a cut connection tells that the array is not whole.
            connection.abortBody()
            return
        }
        guard !connection.isCongested, let result = next else { return }
        next = nil
        var piece = ByteBuffer(capacity: result.json.count + 2)
        if !hasWritten { piece.append(UInt8(ascii: "[")) } else if result.count > 0 { piece.append(UInt8(ascii: ",")) }
        hasWritten = true
        piece.append(result.scores)
        remaining -= Int64(result.count)
        let isLast = !result.hasMore || remaining <= 0
        if isLast { piece.append(UInt8(ascii: "]")) }
        connection.write(piece.bytes)
        if isLast {
            connection.endBody()
        } else if let lastID = result.lastID {
            // The next page is read while this one travels.
            page = page.following(lastID)
            page.limit = Int(min(Int64(StoreLimits.pageRows), remaining))
            isReading = store.read(page, for: .answer(self))
            if !isReading {
                hasFailed = true
                connection.abortBody()
            }
        }
    }

    /// A row was stored since the rows were counted, with an id below `end`: `Link` goes on behind `end`, where `limit`
    /// rows no longer reach. Rare: its transaction was under way all the time. Asked again, the answer is right.
    private var hasTooMany: Bool {
        guard let next, end != nil else { return false }
        return next.hasMore && remaining <= Int64(next.count)
    }

    override func cancelled() {
        isCancelled = true
        next = nil
        connection = nil
    }
}
