import Bytes
import HTTP1
import HTTPServer
import Logging
import Postgres
import Reactor
import Scores

/// Runs `WriteBatch` on a PostgreSQL connection: what arrives while a flush is being committed is the next flush. The
/// answers leave, and the scores go to the bus, when the commit was confirmed.
final class ScoreWriter: PostgresClient {
    enum Verdict {
        case accepted
        /// Too many writes wait: 503.
        case full
        /// The database is out of reach: 503.
        case unavailable
    }

    private let reactor: Reactor
    private let server: HTTPServer
    private let publisher: ScorePublisher
    private let health: Health
    private let metrics: WorkerMetrics
    private var outage: OutageLog
    private var failures: ThrottledLog
    private var rejections: ThrottledLog
    private var miscounts: ThrottledLog
    private var connection: PostgresConnection!  // made in init; needs self
    private var batch = WriteBatch<ResponseTicket>()
    private var flushes: [WriteBatch<ResponseTicket>.Flush] = []
    private var parameters = ParameterBuffer()
    private var waker: BeforeSleep!  // made in init; needs self
    private var isConnected = false

    init(
        _ reactor: Reactor, _ configuration: PostgresConfiguration, server: HTTPServer, publisher: ScorePublisher,
        health: Health, metrics: WorkerMetrics, log: Logger
    ) {
        self.reactor = reactor
        self.server = server
        self.publisher = publisher
        self.health = health
        self.metrics = metrics
        outage = OutageLog(log, "scores: database")
        failures = ThrottledLog(log, "scores: a flush failed")
        rejections = ThrottledLog(log, "scores: the table refuses a row", level: .info)
        miscounts = ThrottledLog(
            log, "scores: the table stored another number of rows than it was given", level: .error)
        super.init()
        connection = PostgresConnection(reactor, configuration, statements: [ScoreSQL.insert], client: self)
        waker = BeforeSleep(self)
        reactor.addBeforeSleep(waker)
    }

    /// Whether everything accepted is answered.
    var isIdle: Bool { batch.waitingCount == 0 && flushes.isEmpty }

    /// Connects; goes on by itself after every outage.
    func start() {
        connection.start()
    }

    func close() {
        connection.close()
    }

    /// Takes a score to be stored; `ticket` is answered when it is, or when it cannot be.
    /// - Parameter body: what the submission was parsed from.
    func submit(_ submission: ScoreSubmission, from body: Span<UInt8>, ticket: ResponseTicket) -> Verdict {
        guard connection.isReady else { return .unavailable }
        return batch.append(submission, from: body, ticket: ticket) ? .accepted : .full
    }

    // MARK: Flushes

    private func flush() {
        metrics.writesWaiting.store(UInt64(batch.waitingCount))
        guard connection.isReady else { return }
        while let flush = batch.takeFlush() {
            parameters.removeAll()
            parameters.append(textArray: flush.rows.users.span, ends: flush.rows.userEnds.span)
            parameters.append(int32Array: flush.rows.scores.span)
            metrics.flushes.add()
            flushes.append(flush)
            let sent = connection.execute(
                0, parameters: parameters, ticket: flush.id, deadline: reactor.now + StoreLimits.answer)
            if !sent {
                finish(take(flush.id), .transient)
                return
            }
        }
    }

    override func completed(_ connection: PostgresConnection, ticket: UInt64, rows: borrowing Rows) {
        let flush = take(ticket)
        guard rows.count == flush.rows.count else {
            // Cannot be with the statement we send, unless a trigger or rule of the table swallows rows.
            miscounts.write("\(rows.count) rows of \(flush.rows.count)", at: reactor.now)
            finish(flush, .unknown)
            return
        }
        batch.stored(flush.id)
        metrics.scoresStored.add(UInt64(rows.count))
        publisher.begin(rows.count)
        var line = ByteBuffer(capacity: 256)
        for index in 0..<rows.count {
            line.removeAll()
            ScoreEncoder.append(
                id: rows.int64(index, 0), user: flush.rows.user(at: index), score: flush.rows.scores[index],
                createdAt: Timestamp(microsecondsSince2000: rows.int64(index, 1)), to: &line)
            server.respond(flush.tickets[index], .ok, contentType: "application/json", body: line.bytes)
            publisher.append(line.bytes)
        }
        publisher.end()
    }

    override func failed(_ connection: PostgresConnection, ticket: UInt64, error: PostgresError) {
        let flush = take(ticket)
        if error.isOutcomeUnknown {
            finish(flush, .unknown)
        } else if error.isDataError {
            rejections.write("\(error)", at: reactor.now)
            finish(flush, .data)
        } else {
            failures.write("\(error)", at: reactor.now)
            finish(flush, .transient)
        }
    }

    private func take(_ id: UInt64) -> WriteBatch<ResponseTicket>.Flush {
        guard let index = flushes.firstIndex(where: { $0.id == id }) else {
            preconditionFailure("an answer to a flush that was not sent")
        }
        return flushes.remove(at: index)
    }

    private func finish(_ flush: WriteBatch<ResponseTicket>.Flush, _ failure: WriteBatch<ResponseTicket>.Failure) {
        switch batch.failed(flush.id, failure) {
        case .again: break
        case .rejected(let ticket):
            metrics.scoresRefused.add()
            server.refuse(ticket, .unprocessableContent, detail: "The database refuses this score.")
        case .unavailable(let tickets):
            refuse(tickets, "The database is out of reach; the score was not stored.")
        case .unknown(let tickets):
            refuse(tickets, "The database was lost while it stored the score; it may be stored.")
        }
    }

    private func refuse(_ tickets: [ResponseTicket], _ detail: StaticString) {
        for ticket in tickets {
            metrics.scoresRefused.add()
            server.refuse(ticket, .serviceUnavailable, detail: detail, fields: StoreLimits.retryAfter)
        }
    }

    // MARK: The connection

    override func connected(_ connection: PostgresConnection) {
        if !isConnected { health.databaseConnected() }
        isConnected = true
        outage.reached()
    }

    override func disconnected(_ connection: PostgresConnection, error: PostgresError) {
        if isConnected { health.databaseDisconnected() }
        isConnected = false
        outage.failed("\(error)", hint: StoreLimits.hint(for: error), at: reactor.now)
        refuse(batch.drain(), "The database is out of reach; the score was not stored.")
    }

    private final class BeforeSleep: Source {
        private unowned let writer: ScoreWriter
        init(_ writer: ScoreWriter) { self.writer = writer }
        override func beforeSleep() { writer.flush() }
    }
}
