import Bytes
import CPostgres
import Glibc
import Reactor

/// One connection to PostgreSQL on a reactor: libpq in nonblocking pipeline mode.
///
///     stopped ─start▶ waiting ─back-off▶ resolving ─▶ connecting ─PQconnectPoll▶ preparing ─PIPELINE_SYNC▶ ready
///                        ▲                                                                                   │
///                        └────────────────────── lost: tickets fail, then `disconnected` ◀───────────────────┘
///
/// It connects again by itself until `close()`. A *round* tries every address of every host once, each with the connect
/// timeout; the back-off waits between rounds. Nothing is kept for the next connection: a query that was under way
/// fails, and what to do about it is the client's decision.
///
/// Per wake, in this order: consume input → take results while not busy → flush. libpq may stop reading before the
/// socket is empty, so its descriptor is watched level-triggered only; and it may replace the descriptor between two
/// PQconnectPoll calls, so while connecting it is registered anew for every poll.
public final class PostgresConnection: Source {
    private enum State: Equatable {
        case stopped
        case waiting
        case resolving
        case connecting
        case preparing
        case ready
        /// No query is taken any more; those under way finish, then the session is replaced.
        case draining
        case closed
    }

    private enum Timer: UInt32 {
        case round
        case connect
        case expiry
        case sever
    }

    private let reactor: Reactor
    private let configuration: PostgresConfiguration
    private let statements: [Statement]
    private var client: PostgresClient?

    private var state: State = .stopped
    private var backoff = Backoff(first: Limits.reconnectFirst, limit: Limits.reconnectLimit)
    private var readySince: Instant?

    // The round.
    private var round: EndpointRound
    private var endpoint = Endpoint()
    private var resolution: UInt32 = 0

    // The session.
    private var connection: OpaquePointer?
    private var session: UInt64 = 0
    private var token = Token.none
    private var interest: Interest = []
    private var queue = PipelineQueue()
    /// The result or error the unit at the front of `queue` will be answered with.
    private var held: OpaquePointer?
    /// Why the session ends, once that is known but not yet done.
    private var verdict: PostgresError?
    private var connectTimer = TimerToken.none
    private var roundTimer = TimerToken.none
    private var severTimer = TimerToken.none
    private var expiryTimer = TimerToken.none
    private var expiry = Instant.distantFuture

    // Used again by every execution.
    private var pointers: [UnsafePointer<CChar>?] = []
    private var lengths: [Int32] = []
    private var formats: [Int32] = []

    /// - Parameters:
    ///   - statements: prepared on every new session before it is ready.
    ///   - client: told what happens; kept until `close()`.
    public init(
        _ reactor: Reactor, _ configuration: PostgresConfiguration, statements: [Statement], client: PostgresClient
    ) {
        self.reactor = reactor
        self.configuration = configuration
        self.statements = statements
        self.client = client
        round = EndpointRound(configuration)
        super.init()
        let widest = statements.reduce(0) { max($0, $1.parameterTypes.count) }
        formats = [Int32](repeating: 1, count: widest)
    }

    deinit {
        PQclear(held)
        PQfinish(connection)
    }

    // MARK: For the owner

    /// Begins to connect. The client hears of it in a later turn.
    public func start() {
        guard state == .stopped else { return }
        scheduleRound()
    }

    /// Whether `execute` takes a query now.
    public var isReady: Bool { state == .ready && queue.count < Limits.pipelineDepth }

    /// Queries sent and not answered.
    public var inFlight: Int { state == .preparing ? 0 : queue.count }

    /// Where the connection is or was last tried to: host and port, for logs.
    public var peer: String { endpoint.description }

    /// libpq's descriptor; -1 when it has none.
    var socket: Int32 { connection == nil ? -1 : PQsocket(connection) }

    public var isEncrypted: Bool { connection != nil && PQsslInUse(connection) == 1 }

    /// The server's process, as pg_stat_activity shows it; 0 without a session.
    public var backendProcess: Int32 { connection == nil ? 0 : PQbackendPID(connection) }

    /// Sends the statement at `index` with its own Sync: the query is a transaction of its own, committed before
    /// `completed` is called. Returns at once. The ticket is answered exactly once, in a later turn.
    /// - Parameter deadline: when no answer has come by then the session is given up, and the ticket fails with an
    ///   unknown outcome. It should lie beyond the `statementTimeout`, which ends a query cleanly.
    /// - Returns: false when not ready; the ticket then gets no answer.
    public func execute(
        _ index: Int, parameters: borrowing ParameterBuffer, ticket: UInt64, deadline: Instant
    ) -> Bool {
        guard isReady, let connection else { return false }
        let statement = statements[index]
        precondition(parameters.count == statement.parameterTypes.count, "\(statement.name): wrong parameter count")
        let formats = formats
        let sent = parameters.withParameters(&pointers, &lengths) { pointers, lengths in
            PQsendQueryPrepared(connection, statement.name, Int32(parameters.count), pointers, lengths, formats, 1)
        }
        queue.appendQuery(ticket, deadline: deadline)
        // libpq 15 writes to the socket with every Sync; what does not fit follows when the socket is writable.
        if sent == 1, PQpipelineSync(connection) == 1 {
            flush()
        } else {
            sever(PostgresError(connection: connection))
        }
        if deadline < expiry { scheduleExpiry(deadline) }
        return true
    }

    /// Ends the connection for good. Outstanding tickets fail before this returns; nothing is called afterwards.
    public func close() {
        guard state != .closed else { return }
        state = .closed
        reactor.cancel(roundTimer)
        unwatch()
        failOutstanding(.connection("the connection was closed"))
        finish()
        client = nil
    }

    // MARK: The round

    private func scheduleRound() {
        state = .waiting
        roundTimer = schedule(.round, at: reactor.now + backoff.next())
    }

    private func tryNext() {
        switch round.next() {
        case .connect(let endpoint):
            connect(to: endpoint)
        case .resolve(let host, let port):
            endpoint = Endpoint(host: host, address: nil, port: port)
            state = .resolving
            resolution &+= 1
            reactor.resolve(host, port: port, for: self, tag: resolution)
        case .over:
            scheduleRound()
        }
    }

    public override func resolved(_ addresses: [SocketAddress], error: ResolveError?, tag: UInt32) {
        guard state == .resolving, tag == resolution else { return }
        if addresses.isEmpty {
            lose(.connection(error?.description ?? "\(endpoint) has no address"))
        } else {
            round.resolved(addresses.map(\.host))
            tryNext()
        }
    }

    // MARK: Connecting

    private func connect(to endpoint: Endpoint) {
        self.endpoint = endpoint
        state = .connecting
        session += 1
        connectTimer = schedule(.connect, at: reactor.now + configuration.connectTimeout)
        connection = ConnectParameters(configuration.parameters(endpoint)).start()
        guard connection != nil, PQstatus(connection) != CONNECTION_BAD else {
            lose(PostgresError(connection: connection))
            return
        }
        PQsetNoticeReceiver(connection, receiveNotice, Unmanaged.passUnretained(self).toOpaque())
        // "Until PQconnectPoll was called, behave as if it last returned PGRES_POLLING_WRITING."
        watch(.writable)
    }

    private func pollConnect() {
        // libpq may close this descriptor in the call and open another, even one of the same number.
        unwatch()
        switch PQconnectPoll(connection) {
        case PGRES_POLLING_READING: watch(.readable)
        case PGRES_POLLING_WRITING: watch(.writable)
        case PGRES_POLLING_OK: prepare()
        default: lose(PostgresError(connection: connection))
        }
    }

    private func watch(_ interest: Interest) {
        do throws(SystemError) {
            token = try reactor.register(socket, interest, self)
            self.interest = interest
        } catch {
            // Not from within the caller's libpq call sequence.
            sever(.connection(error.description))
        }
    }

    /// Whenever libpq may have closed the descriptor, at once: the next one that is opened gets its number, and would be
    /// deregistered in its place.
    private func unwatch() {
        reactor.deregister(token)
        token = .none
    }

    /// Sends the session settings and all PREPAREs as the pipeline's first unit: one round trip.
    private func prepare() {
        state = .preparing
        var succeeded = PQsetnonblocking(connection, 1) == 0 && PQenterPipelineMode(connection) == 1
        let settings = configuration.settingsSQL(statementTimeout: configuration.statementTimeout)
        succeeded = succeeded && PQsendQueryParams(connection, settings, 0, nil, nil, nil, nil, 1) == 1
        for statement in statements where succeeded {
            succeeded =
                PQsendPrepare(
                    connection, statement.name, statement.sql, Int32(statement.parameterTypes.count),
                    statement.parameterTypes) == 1
        }
        succeeded = succeeded && PQpipelineSync(connection) == 1
        guard succeeded else {
            lose(PostgresError(connection: connection))
            return
        }
        queue.appendSetup(commands: 1 + statements.count)
        watch(.readable)
        flush()
    }

    private func becomeReady() {
        reactor.cancel(connectTimer)
        state = .ready
        readySince = reactor.now
        client?.connected(self)
    }

    // MARK: The session

    public override func ready(_ readiness: Readiness) {
        switch state {
        case .connecting: pollConnect()
        case .preparing, .ready, .draining: serve()
        case .stopped, .waiting, .resolving, .closed: break
        }
    }

    private func serve() {
        let session = session
        // At the end of the stream this fails, but what came before it is still to be taken: it may be a commit.
        let consumed = PQconsumeInput(connection) == 1
        if !consumed { unwatch() }
        takeResults()
        guard session == self.session, connection != nil else { return }
        if !consumed || PQstatus(connection) == CONNECTION_BAD {
            lose(verdict ?? PostgresError(connection: connection))
        } else if state == .draining, queue.isEmpty, let verdict {
            lose(verdict)
        } else {
            flush()
        }
    }

    private func takeResults() {
        let session = session
        // PQisBusy also parses what has no owner: notices, parameter changes, the reason of a shutdown.
        while PQisBusy(connection) == 0, !queue.isEmpty {
            let result = PQgetResult(connection)
            guard let arrival = arrival(of: result) else {
                let error = result.map { PostgresError(result: $0) } ?? PostgresError(connection: connection)
                PQclear(result)
                lose(error.isConnectionLoss ? error : .connection("unexpected answer: \(error)"))
                return
            }
            run(queue.arrived(arrival), result)
            guard session == self.session, connection != nil else { return }
        }
    }

    /// What a result is to the queue; nil when it ends the session.
    private func arrival(of result: OpaquePointer?) -> PipelineQueue.Arrival? {
        guard let result else { return PQstatus(connection) == CONNECTION_BAD ? nil : .end }
        switch PQresultStatus(result) {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: return .result
        case PGRES_PIPELINE_SYNC: return .sync
        case PGRES_PIPELINE_ABORTED: return .aborted
        // A FATAL between a query's result and its Sync leaves open whether it was committed, like a lost connection.
        case PGRES_FATAL_ERROR: return PostgresError(result: result).isConnectionLoss ? nil : .error
        default: return nil
        }
    }

    private func run(_ action: PipelineQueue.Action, _ result: OpaquePointer?) {
        if action == .hold {
            PQclear(held)
            held = result
            return
        }
        PQclear(result)
        switch action {
        case .wait, .hold:
            break
        case .ready:
            takeHeldRows()
            becomeReady()
        case .setupFailed(let index):
            let error = takeHeldError()
            lose(index == 0 ? error : error.prefixed("preparing \(statements[index - 1].name)"))
        case .complete(let ticket):
            if let rows = takeHeldRows() { client?.completed(self, ticket: ticket, rows: rows) }
        case .fail(let ticket):
            let error = takeHeldError()
            if error.requiresReconnect, state == .ready {
                state = .draining
                verdict = error
            }
            client?.failed(self, ticket: ticket, error: error)
        case .violation:
            lose(.connection("libpq's answers are out of step"))
        }
    }

    @discardableResult private func takeHeldRows() -> Rows? {
        guard let result = held else { return nil }
        held = nil
        return Rows(owning: result)
    }

    private func takeHeldError() -> PostgresError {
        guard let result = held else { return .connection("an error without a result") }
        held = nil
        defer { PQclear(result) }
        return PostgresError(result: result)
    }

    private func flush() {
        switch PQflush(connection) {
        case 0:
            want(.readable)
        case 1:
            // What does not fit the socket now; the server's answers are read meanwhile, or both sides would wait.
            want([.readable, .writable])
        default:
            sever(PostgresError(connection: connection))
        }
    }

    private func want(_ interest: Interest) {
        guard interest != self.interest else { return }
        self.interest = interest
        reactor.modify(token, interest)
    }

    // MARK: Deadlines

    private func schedule(_ timer: Timer, at deadline: Instant) -> TimerToken {
        reactor.schedule(self, at: deadline, tag: timer.rawValue)
    }

    /// One timer serves all deadlines: it is moved only to an earlier one, and when it fires early it looks again.
    private func scheduleExpiry(_ deadline: Instant) {
        reactor.cancel(expiryTimer)
        expiry = deadline
        expiryTimer = schedule(.expiry, at: deadline)
    }

    public override func timerFired(_ tag: UInt32) {
        switch Timer(rawValue: tag) {
        case .round:
            guard state == .waiting else { return }
            round = EndpointRound(configuration)
            tryNext()
        case .connect:
            if state == .connecting || state == .preparing {
                lose(.connection("no connection within \(configuration.connectTimeout)"))
            }
        case .expiry:
            expire()
        case .sever:
            guard connection != nil else { return }
            // What has come is still to be taken: it may be a commit.
            if socket >= 0 { _ = PQconsumeInput(connection) }
            takeResults()
            if connection != nil, let verdict { lose(verdict) }
        case nil:
            break
        }
    }

    private func expire() {
        expiry = .distantFuture
        guard let earliest = queue.earliestDeadline else { return }
        if earliest <= reactor.now {
            lose(.connection("a query was not answered by its deadline"))
        } else {
            scheduleExpiry(earliest)
        }
    }

    // MARK: Losing it

    /// Ends the session in a turn of its own: the caller is in the middle of something.
    private func sever(_ error: PostgresError) {
        unwatch()
        if verdict == nil { verdict = error }
        if state == .ready { state = .draining }
        reactor.cancel(severTimer)
        severTimer = schedule(.sever, at: reactor.now)
    }

    /// The session or the attempt is over: outstanding tickets fail, the client is told, the next attempt follows.
    private func lose(_ error: PostgresError) {
        let stood = state == .ready || state == .draining
        state = .waiting
        unwatch()
        if let since = readySince, reactor.now - since >= Limits.settled { backoff.reset() }
        readySince = nil
        var loss = error
        loss.isConnectionLoss = true
        failOutstanding(loss)
        finish()
        client?.disconnected(self, error: error)
        guard state == .waiting else { return }
        // A session that stood begins a new round; an attempt that failed goes on with its own.
        if stood { scheduleRound() } else { tryNext() }
    }

    /// Each ticket is taken off before it is told of, so that it is told once whatever the client does then.
    private func failOutstanding(_ loss: PostgresError) {
        var isTailUnsent = false
        if !queue.isEmpty, connection != nil {
            // Asked now, because PQconsumeInput flushes too.
            isTailUnsent = PQflush(connection) == 1
            // PQfinish would still send what is unsent, and a query that was told lost would be executed.
            shutdown(socket, Int32(SHUT_RDWR))
        }
        while let (ticket, wasSent) = queue.abandonFirst(isTailUnsent: isTailUnsent) {
            var error = loss
            error.wasSent = wasSent
            client?.failed(self, ticket: ticket, error: error)
        }
    }

    private func finish() {
        unwatch()
        reactor.cancel(connectTimer)
        reactor.cancel(severTimer)
        reactor.cancel(expiryTimer)
        expiry = .distantFuture
        PQclear(held)
        held = nil
        PQfinish(connection)
        connection = nil
        verdict = nil
        queue = PipelineQueue()
        session += 1
    }

    // MARK: Notices

    fileprivate func noticed(_ result: OpaquePointer) {
        let notice = PostgresError(result: result)
        if notice.severity == "FATAL" || notice.severity == "PANIC" {
            // While nothing is asked, libpq hands the reason of a shutdown over as a notice; then the stream ends.
            if verdict == nil { verdict = notice }
        } else {
            client?.noticed(self, notice: notice)
        }
    }
}

/// libpq's default writes to stderr.
private func receiveNotice(_ argument: UnsafeMutableRawPointer?, _ result: OpaquePointer?) {
    guard let argument, let result else { return }
    Unmanaged<PostgresConnection>.fromOpaque(argument).takeUnretainedValue().noticed(result)
}
