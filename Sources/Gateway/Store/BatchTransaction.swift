import Bytes
import HTTP1
import HTTPServer
import Logging
import Postgres
import Reactor
import Scores

/// A batch of any size, stored all or none: one transaction on a connection of its own, chunk by chunk as the body comes.
///
///     waiting ─▶ connecting ─▶ [asking its key ─▶] open: BEGIN, chunks … ─ body complete, all chunks in ─▶ [key ─▶] COMMIT
///                                  │ known: rows are dropped, the first answer is given again                        │
///                                  └───────────────────────────────────────────────────────────────────────────────┤
///                                                       answered ◀─ found out, on another connection ◀─ lost ◀──────┘
///
/// Each chunk has an outbox row of its own that is due at once: when the transaction commits, the rows are published like
/// any backlog. `chunksInFlight` of them are in the pipe, so that the server never waits for the next one; at most
/// `chunksAhead` are in memory, and beyond that the client is held back. An open transaction holds back vacuum and a place
/// here, and the ids in it are a hole for the feed, so a client that is too slow for it is answered 408 (`BatchPace`).
///
/// Until COMMIT is sent, a lost connection means that nothing is stored, and the request is answered 503.
final class BatchTransaction: StoreUser {
    private enum Query {
        static let begin = 0, insert = 1, commit = 2, rollback = 3, key = 4, keyed = 5, fence = 6, found = 7
        static let all = [
            ScoreSQL.begin, ScoreSQL.insertChunk, ScoreSQL.commit, ScoreSQL.rollback, ScoreSQL.key, ScoreSQL.keyed,
            ScoreSQL.fence, ScoreSQL.found,
        ]
    }

    private enum State {
        case waiting, connecting, asking, beginning, open
        /// The key's answer is there already: this body is only compared with it.
        case known(KeptAnswer)
        case naming, rollingBack, askingAgain, committing
        /// COMMIT was sent and the connection lost.
        case unknown, fencing, finding
        case ended
    }

    private let batches: BatchTransactions
    private let ticket: WriteTicket
    private var connection: StoreConnection?
    private var clock: Clock!  // made in init; needs self
    private var timer = TimerToken.none
    private var state = State.waiting
    private var parameters = ParameterBuffer()
    private var marks = FlushMarkSource()
    private var lastMark: FlushMark?

    private var chunks: [ScoreRows] = []
    /// How many of them, from the first on, are in the pipe.
    private var chunksSent = 0
    private var isComplete = false
    private var stored = 0
    private var firstID: Int64 = 0
    private var lastID: Int64 = 0

    private var pace: BatchPace

    init(_ batches: BatchTransactions, _ response: ResponseTicket, key: KeyedRequest?) {
        self.batches = batches
        ticket = WriteTicket(response: response, isBatch: true, key: key)
        pace = BatchPace(at: batches.reactor.now)
        super.init()
        clock = Clock(self)
        tick()
    }

    // MARK: The upload

    /// Bytes of the body have come.
    func received(_ count: Int) {
        pace.received(count, at: batches.reactor.now)
    }

    /// Whether the client may go on.
    var takesMore: Bool { chunks.count < StoreLimits.chunksAhead }

    /// Takes scores to be stored.
    func take(_ rows: ScoreRows) {
        if case .known = state { return }
        if case .ended = state { return }
        for start in stride(from: 0, to: rows.count, by: ScoreLimits.rowsPerFlush) {
            chunks.append(rows.rows(start..<min(start + ScoreLimits.rowsPerFlush, rows.count)))
        }
        sendChunks()
    }

    /// The body is complete.
    func finish() {
        isComplete = true
        if case .known(let kept) = state { replay(kept) } else { sendChunks() }
    }

    /// Nobody waits for it any more: nothing is stored. Not after COMMIT was sent, which stands.
    func abort() {
        switch state {
        case .committing, .unknown, .fencing, .finding, .ended: return
        default: end()
        }
    }

    // MARK: Steps

    func start(_ configuration: PostgresConfiguration) {
        state = .connecting
        connection = StoreConnection(batches.reactor, configuration, statements: Query.all, user: self)
        connection?.start()
    }

    override func connected() {
        batches.connected()
        switch state {
        case .connecting:
            pace.connected()
            if let key = ticket.key {
                state = .asking
                ask(key)
            } else {
                begin()
            }
        case .unknown:
            state = .fencing
            parameters.removeAll()
            if let lastMark { parameters.append(mark: lastMark) }
            run(Query.fence)
        default: break
        }
    }

    private func ask(_ key: KeyedRequest) {
        parameters.removeAll()
        parameters.beginArray(of: PostgresType.text)
        let name = key.key
        parameters.appendElement(text: name.span)
        parameters.endArray()
        run(Query.keyed)
    }

    private func begin() {
        state = .beginning
        pace.opened(at: batches.reactor.now)
        parameters.removeAll()
        run(Query.begin)
    }

    private func sendChunks() {
        while case .open = state, chunksSent < min(chunks.count, StoreLimits.chunksInFlight) {
            let rows = chunks[chunksSent]
            chunksSent += 1
            let mark = marks.next()
            lastMark = mark
            parameters.removeAll()
            parameters.append(textArray: rows.users.span, ends: rows.userEnds.span)
            parameters.append(int32Array: rows.scores.span)
            parameters.append(mark: mark)
            run(Query.insert)
        }
        if case .open = state, chunks.isEmpty, isComplete { complete() }
    }

    private func complete() {
        guard let key = ticket.key else {
            commit()
            return
        }
        state = .naming
        let (name, fingerprint) = (key.key, key.fingerprint)
        parameters.removeAll()
        parameters.append(text: name.span)
        parameters.append(text: fingerprint.span)
        parameters.append(int64: firstID)
        parameters.append(int64: lastID)
        parameters.append(int64: Int64(stored))
        run(Query.key)
    }

    private func commit() {
        state = .committing
        pace.committing()
        parameters.removeAll()
        run(Query.commit)
    }

    private func run(_ query: Int) {
        guard let connection, connection.run(query, parameters, Step(self)) else {
            lost()
            return
        }
    }

    fileprivate func completed(_ rows: borrowing Rows) {
        switch state {
        case .asking:
            if rows.count > 0 {
                chunks = []
                state = .known(KeptAnswer(rows, 0))
                if isComplete { finish() } else { resume() }
            } else {
                begin()
            }
        case .beginning:
            state = .open
            sendChunks()
        case .open: storedChunk(rows)
        case .naming:
            if rows.count > 0 {
                commit()
            } else {
                // Another process has stored this key in the meantime.
                state = .rollingBack
                parameters.removeAll()
                run(Query.rollback)
            }
        case .rollingBack:
            state = .askingAgain
            if let key = ticket.key { ask(key) }
        case .askingAgain: if rows.count > 0 { replay(KeptAnswer(rows, 0)) } else { refuse() }
        case .committing: succeed()
        case .fencing:
            state = .finding
            parameters.removeAll()
            if let lastMark { parameters.append(mark: lastMark) }
            run(Query.found)
        case .finding: if rows.count > 0 { succeed() } else { refuse() }
        case .waiting, .connecting, .known, .unknown, .ended: break
        }
    }

    private func storedChunk(_ rows: borrowing Rows) {
        let expected = chunks.removeFirst().count
        chunksSent -= 1
        guard rows.count == 1, rows.int64(0, 0) == expected else {
            batches.log.error("scores: the table stored another number of rows than it was given")
            refuse()
            return
        }
        if stored == 0 { firstID = rows.int64(0, 1) }
        lastID = rows.int64(0, 2)
        stored += expected
        sendChunks()
        resume()
    }

    private func resume() {
        guard takesMore, !isComplete else { return }
        pace.resumed(at: batches.reactor.now)
        batches.server.resumeBody(ticket.response)
    }

    // MARK: Outcomes

    fileprivate func failed(_ error: PostgresError) {
        switch state {
        // A COMMIT is carried out when it is read, and not at its Sync: that it was sent in part tells nothing.
        case .committing where error.isOutcomeUnknown || error.isConnectionLoss, .fencing, .finding:
            // `connected` goes on, or the next tick when the connection stands; the deadline bounds it.
            if case .committing = state { pace.lost(at: batches.reactor.now) }
            state = .unknown
        case .ended: break
        default:
            if case .committing = state { state = .rollingBack }
            // A sequence that is behind its table refuses good scores, until it has caught up.
            if error.isDataError, !error.isUniqueViolation {
                batches.answers.reject(ticket)
                end()
            } else {
                batches.log.warning("scores: a batch failed", metadata: ["error": "\(error)"])
                refuse()
            }
        }
    }

    /// The connection takes nothing, though it should.
    private func lost() {
        switch state {
        case .fencing, .finding: state = .unknown
        case .committing:
            // It was not asked for.
            state = .rollingBack
            refuse()
        default: refuse()
        }
    }

    override func disconnected(_ error: PostgresError) {
        if case .ended = state { return }
        batches.disconnected(error)
        switch state {
        // While it connects it goes on trying, until the deadline; a lost COMMIT is asked after on the next connection.
        case .waiting, .connecting, .unknown, .known, .ended: break
        case .fencing, .finding: state = .unknown
        default: refuse()
        }
    }

    private func succeed() {
        batches.metrics.scoresStored.add(UInt64(stored))
        batches.answers.storedBatch(ticket, count: stored, first: firstID, last: lastID)
        end()
    }

    private func replay(_ kept: KeptAnswer) {
        batches.answers.replay(ticket, kept, user: Span(), score: 0)
        end()
    }

    private func refuse() {
        switch state {
        case .committing, .unknown, .fencing, .finding:
            batches.answers.refuse([ticket], "The database was lost while it stored this batch; it may be stored.")
        default:
            batches.answers.refuse(
                [ticket], "The database is out of reach or too busy; nothing of the batch was stored.")
        }
        end()
    }

    private func end() {
        if case .ended = state { return }
        state = .ended
        chunks = []
        chunksSent = 0
        batches.reactor.cancel(timer)
        // Closing rolls back what was not committed.
        connection?.close()
        batches.ended(self)
    }

    // MARK: Time

    /// Looks from time to time whether it waits too long, or its client is too slow.
    private func tick() {
        timer = batches.reactor.schedule(clock, at: batches.reactor.now + StoreLimits.largeBatchTick)
    }

    private func timerFired() {
        switch pace.verdict(at: batches.reactor.now, isClientsTurn: !isComplete && takesMore) {
        case .late: refuse()
        case .tooSlow:
            batches.answers.refuseTooSlow(ticket)
            end()
        case .inTime:
            if case .unknown = state, connection?.isReady == true { connected() }
            tick()
        }
    }

    private final class Clock: Source {
        private unowned let batch: BatchTransaction
        init(_ batch: BatchTransaction) { self.batch = batch }
        override func timerFired(_ tag: UInt32) { batch.timerFired() }
    }

    private final class Step: StoreJob {
        private let batch: BatchTransaction
        init(_ batch: BatchTransaction) { self.batch = batch }
        override func completed(_ rows: borrowing Rows) { batch.completed(rows) }
        override func failed(_ error: PostgresError) { batch.failed(error) }
    }
}
