import Bytes
import HTTP1
import HTTPServer
import Logging
import Postgres
import Reactor
import Scores

/// Runs `WriteBatch` on a PostgreSQL connection: what arrives while a flush is being committed is the next flush. The
/// answers leave, and the scores go to the bus, when the commit was confirmed. When the connection is lost before that,
/// the outcome is found out on the next one (`OutcomeInquiry`) before anybody is answered.
///
/// Requests with an Idempotency-Key have a batch and a statement of their own, so that the others pay nothing for them.
final class ScoreWriter: StoreUser {
    /// The statements, by their index on the connection.
    enum Query {
        static let insert = 0, insertKeyed = 1, keyed = 2, fence = 3, found = 4, forget = 5
        static let all = [
            ScoreSQL.insert, ScoreSQL.insertKeyed, ScoreSQL.keyed, ScoreSQL.fence, ScoreSQL.found, ScoreSQL.forget,
        ]
    }

    private enum TimerTag {
        static let forget: UInt32 = 0
        static let inquire: UInt32 = 1
        static let unresolved: UInt32 = 2
    }

    /// A flush that was sent.
    struct Sent {
        let flush: WriteBatch<WriteTicket>.Flush
        let mark: FlushMark
        /// Until when its row in the outbox is ours; nil: it was due at once.
        let lease: Instant?
        /// Whether its units have keys.
        let isKeyed: Bool
        let sentAt: Instant
    }

    let reactor: Reactor
    let answers: WriteAnswers
    let relay: OutboxRelay
    private let health: Health
    let metrics: WorkerMetrics
    private var outage: OutageLog
    private var failures: ThrottledLog
    private var rejections: ThrottledLog
    private var miscounts: ThrottledLog
    private(set) var connection: StoreConnection!  // made in init; needs self
    private var plain = WriteBatch<WriteTicket>()
    private var keyed = WriteBatch<WriteTicket>()
    /// What is to be found out.
    private var unresolved: [FlushMark: Sent] = [:]
    /// What is being asked after.
    private var inquiries: Set<FlushMark> = []
    private var marks = FlushMarkSource()
    private var parameters = ParameterBuffer()
    private var clock: Clock!  // made in init; needs self
    private var isForgetting = false
    private var isInquiryScheduled = false
    private var isForgetScheduled = false
    private var isConnected = false

    init(
        _ reactor: Reactor, _ configuration: PostgresConfiguration, answers: WriteAnswers, relay: OutboxRelay,
        health: Health, metrics: WorkerMetrics, outage: Outage, log: Logger
    ) {
        self.reactor = reactor
        self.answers = answers
        self.relay = relay
        self.health = health
        self.metrics = metrics
        self.outage = OutageLog(log, outage)
        failures = ThrottledLog(log, "scores: a flush failed")
        rejections = ThrottledLog(log, "scores: the table refuses a row", level: .info)
        miscounts = ThrottledLog(
            log, "scores: the table stored another number of rows than it was given", level: .error)
        super.init()
        var configuration = configuration
        configuration.isDurable = true
        // The outbox is nearly empty whenever its statistics are taken, and may be long when a plan is made from them.
        configuration.settings.append((name: "enable_seqscan", value: "off"))
        connection = StoreConnection(reactor, configuration, statements: Query.all, user: self)
        clock = Clock(self)
        reactor.addBeforeSleep(clock)
    }

    /// Whether everything accepted is answered, and what was published is forgotten.
    var isIdle: Bool {
        plain.waitingCount == 0 && keyed.waitingCount == 0 && connection.count == 0 && unresolved.isEmpty
            && !(connection.isReady && relay.hasForgotten)
    }

    /// Connects; goes on by itself after every outage.
    func start() {
        connection.start()
    }

    func close() {
        connection.close()
    }

    // MARK: Submissions

    /// Takes a score to be stored; the ticket is answered when it is, or when it cannot be.
    /// - Parameter body: what the submission was parsed from.
    func submit(_ submission: ScoreSubmission, from body: Span<UInt8>, _ ticket: WriteTicket) {
        guard isReady(for: ticket) else { return }
        let isTaken =
            ticket.key == nil
            ? plain.append(submission, from: body, ticket: ticket)
            : keyed.append(submission, from: body, ticket: ticket)
        if !isTaken { refuseFull(ticket) }
    }

    /// Takes a batch of at most `ScoreLimits.rowsPerFlush` scores, to be stored all or none.
    func submit(_ rows: ScoreRows, _ ticket: WriteTicket) {
        guard isReady(for: ticket) else { return }
        let isTaken = ticket.key == nil ? plain.append(rows, ticket: ticket) : keyed.append(rows, ticket: ticket)
        if !isTaken { refuseFull(ticket) }
    }

    private func isReady(for ticket: WriteTicket) -> Bool {
        if connection.isReady { return true }
        answers.refuse([ticket], "The database is out of reach; nothing was stored.")
        return false
    }

    private func refuseFull(_ ticket: WriteTicket) {
        answers.refuse([ticket], "Too many scores wait to be stored.")
    }

    // MARK: Flushes

    private func flush() {
        metrics.writesWaiting.store(UInt64(plain.waitingCount + keyed.waitingCount))
        guard connection.isReady else { return }
        while let flush = plain.takeFlush() { if !send(flush, isKeyed: false) { return } }
        while let flush = keyed.takeFlush() { if !send(flush, isKeyed: true) { return } }
        scheduleForgetting()
    }

    /// - Returns: false when the connection takes nothing now.
    private func send(_ flush: WriteBatch<WriteTicket>.Flush, isKeyed: Bool) -> Bool {
        let isHeld = relay.takesFlushes
        let sent = Sent(
            flush: flush, mark: marks.next(), lease: isHeld ? reactor.now + StoreLimits.lease : nil, isKeyed: isKeyed,
            sentAt: reactor.now)
        let seconds = isHeld ? StoreLimits.leaseSeconds : 0
        let forgotten = isKeyed ? [] : relay.takeForgotten()
        parameters.removeAll()
        parameters.append(textArray: flush.rows.users.span, ends: flush.rows.userEnds.span)
        parameters.append(int32Array: flush.rows.scores.span)
        if isKeyed { appendKeys(flush) }
        parameters.append(mark: sent.mark)
        parameters.append(int32: seconds)
        if !isKeyed { parameters.append(marks: forgotten) }
        metrics.flushes.add()
        metrics.flushScores.observe(flush.rows.count, .size)
        let job = isKeyed ? KeyedFlushJob(self, sent) : FlushJob(self, sent, forgotten)
        guard connection.run(isKeyed ? Query.insertKeyed : Query.insert, parameters, job) else {
            relay.giveBack(forgotten: forgotten)
            failed(sent, .transient)
            return false
        }
        return true
    }

    private func appendKeys(_ flush: WriteBatch<WriteTicket>.Flush) {
        parameters.beginArray(of: PostgresType.int4)
        for (index, unit) in flush.units.enumerated() {
            for _ in 0..<unit.rows { parameters.appendElement(int32: Int32(index + 1)) }
        }
        parameters.endArray()
        parameters.beginArray(of: PostgresType.text)
        for unit in flush.units {
            let key = unit.ticket.key!.key  // keyed: has one
            parameters.appendElement(text: key.span)
        }
        parameters.endArray()
        parameters.beginArray(of: PostgresType.bytea)
        for unit in flush.units {
            let fingerprint = unit.ticket.key!.fingerprint  // keyed: has one
            parameters.appendElement(text: fingerprint.span)
        }
        parameters.endArray()
    }

    // MARK: Outcomes

    /// The flush is committed, and these are its rows.
    func stored(_ sent: Sent, _ stored: borrowing StoredFlush) {
        settle(sent)
        publish(sent, stored)
        answers.stored(sent.flush, stored)
    }

    /// The bus first: streams are written in the order in which they were given something, and a score should be with the
    /// broker before its client hears of it.
    func publish(_ sent: Sent, _ stored: borrowing StoredFlush) {
        metrics.scoresStored.add(UInt64(stored.count))
        metrics.commitTime.observe(Int((reactor.now - sent.sentAt).wholeNanoseconds / 1000), .latency)
        guard let lease = sent.lease, stored.count > 0 else { return }
        relay.hold(sent.mark, .own, stored.drafts(atMost: relay.maximumBatch), until: lease)
    }

    /// The flush was committed, but with another number of rows than it had: a trigger or a rule of the table swallows
    /// some. Which ones nobody can say.
    func miscounted(_ sent: Sent, rows: Int) {
        miscounts.write("\(rows) rows of \(sent.flush.rows.count)", at: reactor.now)
        settle(sent)
        answers.refuse(sent.flush.tickets, "The database stored another number of scores than it was given.")
    }

    /// Takes the flush off the batch it came from: it is stored.
    func settle(_ sent: Sent) {
        let id = sent.flush.id
        if unresolved.removeValue(forKey: sent.mark) == nil {
            if sent.isKeyed { keyed.stored(id) } else { plain.stored(id) }
        } else {
            _ = sent.isKeyed ? keyed.foundStored(id) : plain.foundStored(id)
        }
    }

    func failed(_ sent: Sent, _ error: PostgresError) {
        if error.isDataError {
            rejections.write("\(error)", at: reactor.now)
            // A sequence that is behind its table refuses good scores, until it has caught up.
            failed(sent, error.isUniqueViolation && sent.flush.units.count == 1 ? .hopeless : .data)
            return
        }
        failures.write("\(error)", hint: error.operatorHint, at: reactor.now)
        if error.isOutcomeUnknown {
            failed(sent, .unknown(until: reactor.now + StoreLimits.outcome))
        } else if error.isQueryCanceled || error.isLockNotAvailable {
            // It took `StoreLimits.statement`, and so would all that wait: they are told now, while it is of use to them.
            failed(sent, .hopeless)
            answers.refuseTried(plain.drain() + keyed.drain(), "The database is too busy; nothing was stored.")
        } else {
            failed(sent, .transient)
        }
    }

    private func failed(_ sent: Sent, _ failure: WriteBatch<WriteTicket>.Failure) {
        let id = sent.flush.id
        let verdict = sent.isKeyed ? keyed.failed(id, failure) : plain.failed(id, failure)
        if verdict == .unresolved {
            unresolved[sent.mark] = sent
            _ = reactor.schedule(clock, at: reactor.now + StoreLimits.outcome, tag: TimerTag.unresolved)
            // The session may stand: it can be the server itself that does not know.
            if connection.isReady { inquireLater() }
        }
        run(verdict)
    }

    private func run(_ verdict: WriteBatch<WriteTicket>.Verdict) {
        switch verdict {
        case .again, .unresolved: break
        case .rejected(let ticket): answers.reject(ticket)
        case .unavailable(let tickets):
            answers.refuseTried(tickets, "The database cannot store this now; nothing was stored.")
        }
    }

    // MARK: Unknown outcomes

    private func inquire(_ sent: Sent) {
        if sent.isKeyed {
            // What was stored is known by its keys: to store it again is to ask.
            inquiryEnded(sent)
            foundAbsent(sent)
        } else {
            OutcomeInquiry(self, sent).start()
        }
    }

    func isUnresolved(_ sent: Sent) -> Bool { unresolved[sent.mark] != nil }

    /// The flush was not stored, and cannot be any more.
    func foundAbsent(_ sent: Sent) {
        guard unresolved.removeValue(forKey: sent.mark) != nil else { return }
        if let verdict = sent.isKeyed ? keyed.foundAbsent(sent.flush.id) : plain.foundAbsent(sent.flush.id) {
            run(verdict)
        }
    }

    /// An inquiry failed on a connection that stands, or was not sent.
    func inquireLater() {
        guard !isInquiryScheduled else { return }
        isInquiryScheduled = true
        _ = reactor.schedule(clock, at: reactor.now + StoreLimits.inquiryPause, tag: TimerTag.inquire)
    }

    /// Those that are under way are not begun a second time: what is left of them fails with the connection.
    private func inquireAll() {
        isInquiryScheduled = false
        guard connection.isReady else { return }
        for sent in unresolved.values.sorted(by: { $0.mark < $1.mark }) where inquiries.insert(sent.mark).inserted {
            inquire(sent)
        }
    }

    func inquiryEnded(_ sent: Sent) { inquiries.remove(sent.mark) }

    private func expireUnresolved() {
        let tickets = plain.expireUnresolved(reactor.now) + keyed.expireUnresolved(reactor.now)
        unresolved = unresolved.filter { _, sent in
            sent.isKeyed ? keyed.isUnresolved(sent.flush.id) : plain.isUnresolved(sent.flush.id)
        }
        answers.refuse(tickets, "The database was lost while it stored this; it may be stored.")
    }

    // MARK: Forgetting

    /// The next flush takes confirmed rows away with it. When none follows, they are deleted on their own.
    private func scheduleForgetting() {
        guard relay.hasForgotten, !isForgetScheduled, !isForgetting else { return }
        isForgetScheduled = true
        _ = reactor.schedule(clock, at: reactor.now + StoreLimits.forgetPause, tag: TimerTag.forget)
    }

    private func forget() {
        isForgetScheduled = false
        guard !isForgetting, connection.isReady, relay.hasForgotten else { return }
        let marks = relay.takeForgotten()
        parameters.removeAll()
        parameters.append(marks: marks)
        isForgetting = connection.run(Query.forget, parameters, ForgetJob(self, marks))
        if !isForgetting { relay.giveBack(forgotten: marks) }
    }

    fileprivate func forgot(_ marks: [FlushMark], error: PostgresError?) {
        isForgetting = false
        guard let error else { return }
        failures.write("\(error)", hint: error.operatorHint, at: reactor.now)
        relay.giveBack(forgotten: marks)
    }

    // MARK: The connection

    override func connected() {
        if !isConnected { health.databaseConnected() }
        isConnected = true
        outage.reached()
        inquireAll()
    }

    override func disconnected(_ error: PostgresError) {
        if isConnected { health.databaseDisconnected() }
        isConnected = false
        outage.failed("\(error)", hint: error.operatorHint, at: reactor.now)
        answers.refuseTried(plain.drain() + keyed.drain(), "The database is out of reach; nothing was stored.")
    }

    /// The reactor's calls. (`StoreUser` is the base class of the writer, so it cannot be a `Source` itself.)
    private final class Clock: Source {
        private unowned let writer: ScoreWriter
        init(_ writer: ScoreWriter) { self.writer = writer }
        override func beforeSleep() { writer.flush() }
        override func timerFired(_ tag: UInt32) {
            switch tag {
            case TimerTag.forget: writer.forget()
            case TimerTag.inquire: writer.inquireAll()
            default: writer.expireUnresolved()
            }
        }
    }

    private final class ForgetJob: StoreJob {
        private let writer: ScoreWriter
        private let marks: [FlushMark]

        init(_ writer: ScoreWriter, _ marks: [FlushMark]) {
            self.writer = writer
            self.marks = marks
        }

        override func completed(_ rows: borrowing Rows) { writer.forgot(marks, error: nil) }
        override func failed(_ error: PostgresError) { writer.forgot(marks, error: error) }
    }
}
