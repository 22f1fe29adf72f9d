import Bytes
import HTTPServer
import Reactor
import SQLite
import Scores

/// The store that is an SQLite file, as one reactor sees it. It decides what PostgreSQL's decides with the same pure
/// types (`WriteBatch`, `ReadGroup`), and waits for the disk on no reactor: `SQLiteWriter` and `SQLiteReader` do.
///
/// With RabbitMQ a flush has a row in the outbox, as in PostgreSQL. With the bus inside the process it needs none: what
/// reads from the bus begins with what the file has.
final class SQLiteStore: ScoreStore {
    private enum TimerTag {
        static let claim: UInt32 = 0
        static let forget: UInt32 = 1
        static let read: UInt32 = 2
        static let age: UInt32 = 3
    }

    /// A flush on its way.
    private struct Sent {
        let flush: WriteBatch<WriteTicket>.Flush
        let isKeyed: Bool
        let mark: FlushMark
        let isHeld: Bool
        /// In the outbox' table.
        let hasRow: Bool
        let until: Instant
        let sentAt: Instant
    }

    private let reactor: Reactor
    private let worker: Int
    private let services: SQLiteServices
    private let server: HTTPServer
    let answers: WriteAnswers
    private let relay: OutboxRelay
    private let metrics: WorkerMetrics
    private let health: Health
    private var inbox: Inbox?
    private var clock: Clock!  // made in init; needs self

    // A keyed unit that the file refuses must not fail others: they are flushed apart, as with PostgreSQL.
    private var plain = WriteBatch<WriteTicket>()
    private var keyed = WriteBatch<WriteTicket>()
    private var sent: [UInt64: Sent] = [:]
    private var lastID: UInt64 = 0
    private var marks = FlushMarkSource()

    private var group = ReadGroup<ScorePage, PageAsker>()

    private var batches: [UInt64: SQLiteUpload] = [:]
    private var lastBatch: UInt64 = 0

    private var isClaiming = false
    private var isBehind = false
    private var isStopping = false
    private var isOpen = false
    private var hasLeft = false
    private var isForgetScheduled = false
    private var isReadScheduled = false
    private weak var queue: LocalQueue?

    init(
        _ reactor: Reactor, worker: Int, _ services: SQLiteServices, server: HTTPServer, answers: WriteAnswers,
        relay: OutboxRelay, health: Health, metrics: WorkerMetrics
    ) throws(SystemError) {
        self.reactor = reactor
        self.worker = worker
        self.services = services
        self.server = server
        self.answers = answers
        self.relay = relay
        self.health = health
        self.metrics = metrics
        super.init()
        clock = Clock(self)
        inbox = try Inbox(self, services.replies[worker])
    }

    override func start() {
        guard !isOpen else { return }
        isOpen = true
        // One to write and one to read, as with PostgreSQL.
        health.databaseConnected()
        health.databaseConnected()
        reactor.addBeforeSleep(clock)
        guard worker == 0 else { return }
        schedule(TimerTag.claim, StoreLimits.claimPause)
        if relay.isDurable { schedule(TimerTag.age, StoreLimits.agePause) }
    }

    override func stop() { isStopping = true }

    override var isIdle: Bool {
        plain.waitingCount == 0 && keyed.waitingCount == 0 && sent.isEmpty && batches.isEmpty && !isClaiming
            && !(isOpen && (relay.hasForgotten || relay.hasDelivered))
    }

    override func close() {
        for batch in batches.values { batch.abort() }
        if isOpen {
            health.databaseDisconnected()
            health.databaseDisconnected()
        }
        isOpen = false
        leave()
    }

    override func leave() {
        guard !hasLeft else { return }
        hasLeft = true
        services.writes.post(.end)
        services.reads.post(.end)
    }

    private func schedule(_ tag: UInt32, _ span: Duration) {
        _ = reactor.schedule(clock, at: reactor.now + span, tag: tag)
    }

    // MARK: Writing

    override func submit(_ submission: ScoreSubmission, from body: Span<UInt8>, _ ticket: WriteTicket) {
        guard isOpen else { return refuseClosed(ticket) }
        let isTaken =
            ticket.key == nil
            ? plain.append(submission, from: body, ticket: ticket)
            : keyed.append(submission, from: body, ticket: ticket)
        if !isTaken { refuseFull(ticket) }
    }

    override func submit(_ rows: ScoreRows, _ ticket: WriteTicket) {
        guard isOpen else { return refuseClosed(ticket) }
        let isTaken = ticket.key == nil ? plain.append(rows, ticket: ticket) : keyed.append(rows, ticket: ticket)
        if !isTaken { refuseFull(ticket) }
    }

    private func refuseClosed(_ ticket: WriteTicket) {
        answers.refuse([ticket], "The store is not open; nothing was stored.")
    }

    private func refuseFull(_ ticket: WriteTicket) {
        answers.refuse([ticket], "Too many scores wait to be stored.")
    }

    private func flush() {
        metrics.writesWaiting.store(UInt64(plain.waitingCount + keyed.waitingCount))
        while let flush = plain.takeFlush() { send(flush, isKeyed: false) }
        while let flush = keyed.takeFlush() { send(flush, isKeyed: true) }
        forgetLater()
        markPublished()
        if isBehind { claim() }
    }

    private func send(_ flush: WriteBatch<WriteTicket>.Flush, isKeyed: Bool) {
        lastID += 1
        let isHeld = relay.takesFlushes
        let hasRow = relay.isDurable || !isHeld
        let mark = marks.next()
        let until = relay.isDurable ? reactor.now + StoreLimits.lease : .distantFuture
        sent[lastID] = Sent(
            flush: flush, isKeyed: isKeyed, mark: mark, isHeld: isHeld, hasRow: hasRow, until: until,
            sentAt: reactor.now)
        metrics.flushes.add()
        metrics.flushScores.observe(flush.rows.count, .size)
        let keys =
            isKeyed
            ? flush.units.map { unit in
                SQLiteFlush.Key(key: unit.ticket.key!.key, fingerprint: unit.ticket.key!.fingerprint, rows: unit.rows)
            } : []
        services.writes.post(
            .flush(
                SQLiteFlush(
                    worker: worker, id: lastID, rows: flush.rows, keys: keys,
                    mark: hasRow ? mark : nil, isHeld: isHeld,
                    forgotten: relay.isDurable ? relay.takeForgotten() : [])))
    }

    private func stored(_ id: UInt64, _ outcomes: [SQLiteFlush.Outcome], _ createdAt: Timestamp?) {
        guard let sent = sent.removeValue(forKey: id) else { return }
        let flush = sent.flush
        var stored = StoredFlush(capacity: flush.rows.count)
        guard sent.isKeyed else {
            plain.stored(flush.id)
            guard case .stored(let first)? = outcomes.first else { return }
            append(flush.rows, 0..<flush.rows.count, first, createdAt, to: &stored)
            publish(sent, stored)
            answers.stored(flush, stored)
            return
        }
        keyed.stored(flush.id)
        var row = 0
        var places: [Range<Int>?] = []
        for (unit, outcome) in zip(flush.units, outcomes) {
            if case .stored(let first) = outcome {
                let start = stored.count
                append(flush.rows, row..<row + unit.rows, first, createdAt, to: &stored)
                places.append(start..<stored.count)
            } else {
                places.append(nil)
            }
            row += unit.rows
        }
        publish(sent, stored)
        row = 0
        for (index, unit) in flush.units.enumerated() {
            if let place = places[index] {
                answers.stored(unit, stored, place)
            } else if case .known(let kept) = outcomes[index] {
                answers.replay(unit.ticket, kept, user: flush.rows.user(at: row), score: flush.rows.scores[row])
            }
            row += unit.rows
        }
    }

    private func append(
        _ rows: ScoreRows, _ range: Range<Int>, _ first: Int64, _ createdAt: Timestamp?, to stored: inout StoredFlush
    ) {
        for (offset, index) in range.enumerated() {
            stored.append(
                id: first + Int64(offset), user: rows.user(at: index), score: rows.scores[index], createdAt: createdAt)
        }
    }

    private func publish(_ sent: Sent, _ stored: borrowing StoredFlush) {
        metrics.scoresStored.add(UInt64(stored.count))
        metrics.commitTime.observe(Int((reactor.now - sent.sentAt).wholeNanoseconds / 1000), .latency)
        guard sent.isHeld, stored.count > 0 else { return }
        relay.hold(
            sent.mark, .own, stored.drafts(atMost: relay.maximumBatch), until: sent.until, hasRow: sent.hasRow)
    }

    private func failed(_ id: UInt64, _ error: SQLiteError) {
        guard let sent = sent.removeValue(forKey: id) else { return }
        // What SQLite could not do it has undone: nothing of it is stored.
        let failure: WriteBatch<WriteTicket>.Failure = error.isConstraint ? .data : .hopeless
        let verdict = sent.isKeyed ? keyed.failed(sent.flush.id, failure) : plain.failed(sent.flush.id, failure)
        switch verdict {
        case .again, .unresolved: break
        case .rejected(let ticket): answers.reject(ticket)
        case .unavailable(let tickets): answers.refuse(tickets, Self.refusal(error))
        }
    }

    private static func refusal(_ error: SQLiteError) -> StaticString {
        if error.isFull { return "The disk is full; nothing was stored." }
        if error.isReadOnly { return "The store may not be written; nothing was stored." }
        if error.isBusy { return "Another program has the store locked; nothing was stored." }
        return "The store cannot keep this now; nothing was stored."
    }

    // MARK: Large batches

    override func begin(_ response: ResponseTicket, key: KeyedRequest?) -> LargeBatch? {
        guard isOpen, batches.count < SQLiteLimits.largeBatches else { return nil }
        lastBatch += 1
        let batch = SQLiteUpload(
            SQLiteBatch(worker: worker, number: lastBatch),
            WriteTicket(response: response, isBatch: true, key: key), self)
        batches[lastBatch] = batch
        return batch
    }

    /// A request of a batch's.
    func post(_ request: SQLiteWrite) { services.writes.post(request) }

    /// The client of a batch may go on.
    func resume(_ ticket: WriteTicket) { server.resumeBody(ticket.response) }

    /// A batch is over.
    @discardableResult
    func batchEnded(_ number: UInt64) -> WriteTicket? { batches.removeValue(forKey: number)?.ticket }

    // MARK: Reading

    override func read(_ page: ScorePage, for asker: PageAsker) -> Bool {
        guard isOpen, group.join(page, asker) else { return false }
        readSoon()
        return true
    }

    /// After all events of the turn, so that who asks in the same turn shares a query. By a timer that is due at once:
    /// the next page of a streamed answer is asked for when `beforeSleep` is over.
    private func readSoon() {
        guard !isReadScheduled else { return }
        isReadScheduled = true
        schedule(TimerTag.read, .zero)
    }

    private func startReads() {
        isReadScheduled = false
        while let start = group.takeStart() {
            var json = false
            var scores = false
            for asker in group.tickets(of: start.id) {
                switch asker {
                case .answer: json = true
                case .history: scores = true
                }
            }
            services.reads.post(.page(worker: worker, id: start.id, start.key, json: json, scores: scores))
        }
    }

    private func arrived(_ id: UInt64, _ result: ScorePageResult?, _ scores: [Score], isLast: Bool) {
        let askers = group.finished(id)
        if group.waitingCount > 0 { readSoon() }
        for asker in askers {
            switch asker {
            case .answer(let answer): if let result { answer.received(result) }
            case .history(let history, let ticket): history.received(ticket, scores, isLast: isLast)
            }
        }
    }

    // MARK: Outbox

    private func claim() {
        guard isOpen, !isClaiming, !isStopping, relay.takesOver else { return }
        isClaiming = true
        services.writes.post(.claim(worker: worker, maximumBatch: relay.maximumBatch))
    }

    private func claimed(_ claims: [SQLiteClaim]) {
        isClaiming = false
        var empty: [FlushMark] = []
        let until = relay.isDurable ? reactor.now + StoreLimits.lease : .distantFuture
        for claim in claims {
            if claim.drafts.isEmpty {
                empty.append(claim.mark)
            } else {
                relay.hold(claim.mark, .taken, claim.drafts, until: until)
            }
        }
        if !empty.isEmpty { services.writes.post(.published(empty)) }
        metrics.flushesTaken.add(UInt64(claims.count))
        isBehind = claims.count == Int(SQLiteLimits.claimedRows)
    }

    private func markPublished() {
        guard relay.hasDelivered else { return }
        services.writes.post(.published(relay.takeDelivered()))
    }

    /// The next flush takes confirmed rows away with it. When none follows, they are deleted on their own.
    private func forgetLater() {
        guard relay.hasForgotten, !isForgetScheduled else { return }
        guard relay.isDurable else {
            // What is published from here had no row.
            _ = relay.takeForgotten()
            return
        }
        isForgetScheduled = true
        schedule(TimerTag.forget, StoreLimits.forgetPause)
    }

    private func forget() {
        isForgetScheduled = false
        guard relay.hasForgotten, isOpen else { return }
        services.writes.post(.published(relay.takeForgotten()))
    }

    // MARK: The poster's place

    override func loadTold(for queue: LocalQueue) -> Bool {
        guard isOpen else { return false }
        self.queue = queue
        services.writes.post(.told(worker: worker))
        return true
    }

    override func saveTold(_ id: Int64) {
        if isOpen { services.writes.post(.tell(id)) }
    }

    // MARK: The threads

    private func receive(_ reply: SQLiteReply) {
        switch reply {
        case .stored(let id, let outcomes, let createdAt): stored(id, outcomes, createdAt)
        case .failed(let id, let error): failed(id, error)
        case .chunkKept(let number): batches[number]?.kept()
        case .batchStored(let number, let count, let first, let last):
            metrics.scoresStored.add(UInt64(count))
            isBehind = true
            if let ticket = batchEnded(number) { answers.storedBatch(ticket, count: count, first: first, last: last) }
        case .batchKnown(let number, let kept):
            if let ticket = batchEnded(number) { answers.replay(ticket, kept, user: Span(), score: 0) }
        case .batchFailed(let number, let error):
            guard let ticket = batches[number]?.fail() else { return }
            if error.isConstraint { answers.reject(ticket) } else { answers.refuse([ticket], Self.refusal(error)) }
        case .claimed(let claims): claimed(claims)
        case .oldest(let mark): relay.oldestDue(mark)
        case .told(let id): queue?.toldUpTo(id)
        case .page(let id, let result, let scores, let isLast): arrived(id, result, scores, isLast: isLast)
        case .pageFailed(let id, _):
            let askers = group.finished(id)
            if group.waitingCount > 0 { readSoon() }
            for asker in askers { asker.failed() }
        }
    }

    private final class Inbox: MailboxReceiver<SQLiteReply> {
        private unowned let store: SQLiteStore

        init(_ store: SQLiteStore, _ mailbox: Mailbox<SQLiteReply>) throws(SystemError) {
            self.store = store
            try super.init(store.reactor, mailbox)
        }

        override func receive(_ message: SQLiteReply) { store.receive(message) }
    }

    /// The reactor's calls.
    private final class Clock: Source {
        private unowned let store: SQLiteStore
        init(_ store: SQLiteStore) { self.store = store }
        override func beforeSleep() { store.flush() }
        override func timerFired(_ tag: UInt32) {
            switch tag {
            case TimerTag.claim:
                store.claim()
                store.schedule(tag, StoreLimits.claimPause)
            case TimerTag.age:
                store.services.writes.post(.oldest(worker: store.worker))
                store.schedule(tag, StoreLimits.agePause)
            case TimerTag.read: store.startReads()
            default: store.forget()
            }
        }
    }
}
