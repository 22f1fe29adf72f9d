import Bytes
import HTTP1
import HTTPServer
import Logging
import Postgres
import Reactor
import Scores

/// Runs `ReadGroup` on a PostgreSQL connection of its own, so that reads never wait behind commits, nor commits behind
/// reads: requests for the same page that arrive in one turn, or while it is being read, share a query.
final class ScoreReader: PostgresClient {
    private let reactor: Reactor
    private let health: Health
    private var failures: ThrottledLog
    private var outage: SideOutageLog
    private var isConnected = false
    private var connection: PostgresConnection!  // made in init; needs self
    private var group = ReadGroup<ScorePage, PageAsker>()
    private var running: [UInt64: ScorePage] = [:]
    private var parameters = ParameterBuffer()
    private var clock: Clock!  // made in init; needs self
    private var isSendScheduled = false

    init(
        _ reactor: Reactor, _ configuration: PostgresConfiguration, health: Health, outage: SideOutageLog, log: Logger
    ) {
        self.reactor = reactor
        self.health = health
        self.outage = outage
        failures = ThrottledLog(log, "scores: a query failed", level: .error)
        super.init()
        connection = PostgresConnection(reactor, configuration, statements: ScoreSQL.pages, client: self)
        clock = Clock(self)
    }

    var isReady: Bool { connection.isReady }

    /// Connects; goes on by itself after every outage.
    func start() {
        connection.start()
    }

    func close() {
        connection.close()
    }

    /// Asks for a page; the asker is answered in a later turn, or fails.
    /// - Returns: false when the database is out of reach or too many wait; nothing follows then.
    func read(_ page: ScorePage, for asker: PageAsker) -> Bool {
        guard connection.isReady, group.join(page, asker) else { return false }
        sendSoon()
        return true
    }

    /// Queries are sent after all events of the turn, so that who asks in the same turn shares one. By a timer that is due
    /// at once, because `beforeSleep` is over when the page of a streamed answer is asked for as its client has taken the
    /// last one.
    private func sendSoon() {
        guard !isSendScheduled else { return }
        isSendScheduled = true
        _ = reactor.schedule(clock, at: reactor.now)
    }

    private func send() {
        isSendScheduled = false
        guard connection.isReady else { return }
        while let start = group.takeStart() {
            if !execute(start) { fail(start.id) }
        }
    }

    /// - Returns: whether an answer follows.
    private func execute(_ start: ReadGroup<ScorePage, PageAsker>.Start) -> Bool {
        let page = start.key
        parameters.removeAll()
        parameters.append(int64: page.after)
        parameters.append(int64: page.before)
        // One more than asked for tells whether rows follow.
        parameters.append(int64: Int64(page.limit) + 1)
        if page.offset > 0 { parameters.append(int64: Int64(page.offset)) }
        if let user = page.user { parameters.append(text: user.span) }
        running[start.id] = page
        return connection.execute(
            ScoreSQL.index(of: page), parameters: parameters, ticket: start.id,
            deadline: reactor.now + StoreLimits.answer)
    }

    override func completed(_ connection: PostgresConnection, ticket: UInt64, rows: borrowing Rows) {
        guard let page = running.removeValue(forKey: ticket) else { return }
        let askers = group.finished(ticket)
        if group.waitingCount > 0 { sendSoon() }
        var result: ScorePageResult?
        var scores: [Score]?
        for asker in askers {
            switch asker {
            case .answer(let answer):
                if result == nil { result = ScoreReader.encode(rows, page) }
                answer.received(result!)  // made above
            case .history(let history, let ticket):
                if scores == nil { scores = ScoreReader.decode(rows, page) }
                history.received(ticket, scores!, isLast: rows.count <= page.limit)  // made above
            }
        }
    }

    override func failed(_ connection: PostgresConnection, ticket: UInt64, error: PostgresError) {
        if !error.isConnectionLoss { failures.write("\(error)", hint: error.operatorHint, at: reactor.now) }
        fail(ticket)
    }

    private func fail(_ id: UInt64) {
        guard running.removeValue(forKey: id) != nil else { return }
        let askers = group.finished(id)
        if group.waitingCount > 0 { sendSoon() }
        for asker in askers { asker.failed() }
    }

    override func connected(_ connection: PostgresConnection) {
        if !isConnected { health.databaseConnected() }
        isConnected = true
        outage.reached()
    }

    override func disconnected(_ connection: PostgresConnection, error: PostgresError) {
        outage.failed(error, at: reactor.now)
        if isConnected { health.databaseDisconnected() }
        isConnected = false
        running = [:]
        for asker in group.drain() { asker.failed() }
    }

    /// The reactor's calls. (`PostgresClient` is the base class of the reader, so it cannot be a `Source` itself.)
    private final class Clock: Source {
        private unowned let reader: ScoreReader
        init(_ reader: ScoreReader) { self.reader = reader }
        override func timerFired(_ tag: UInt32) { reader.send() }
    }

    // MARK: Rows

    private static func encode(_ rows: borrowing Rows, _ page: ScorePage) -> ScorePageResult {
        let count = min(rows.count, page.limit)
        let lastID = count > 0 ? rows.int64(count - 1, 0) : nil
        guard page.offset == 0 else { return ScorePageResult(lastID: lastID, hasMore: rows.count > count) }
        var json = ByteBuffer(capacity: 96 * count + 2)
        json.append(UInt8(ascii: "["))
        for index in 0..<count {
            if index > 0 { json.append(UInt8(ascii: ",")) }
            ScoreEncoder.append(
                id: rows.int64(index, 0), user: rows.bytes(index, 1), score: rows.int32(index, 2),
                createdAt: Timestamp(microsecondsSince2000: rows.int64(index, 3)), to: &json)
        }
        json.append(UInt8(ascii: "]"))
        return ScorePageResult(
            json: json.bytes.copied, count: count, lastID: lastID, hasMore: rows.count > count,
            hash: EntityTag.hash(json.bytes))
    }

    /// In id order, whatever the page's.
    private static func decode(_ rows: borrowing Rows, _ page: ScorePage) -> [Score] {
        var scores: [Score] = []
        for index in 0..<min(rows.count, page.limit) {
            scores.append(
                Score(
                    id: rows.int64(index, 0), user: rows.bytes(index, 1).copied, score: rows.int32(index, 2),
                    createdAt: Timestamp(microsecondsSince2000: rows.int64(index, 3))))
        }
        return page.order == .ascending ? scores : scores.reversed()
    }
}
