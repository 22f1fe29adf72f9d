import Bytes
import Postgres
import Reactor
import Scores

/// One query on its way to the store. A class with overridable methods, made once a flush or a page, never once a
/// request. Exactly one of the two is called, in a later turn.
class StoreJob {
    /// The query succeeded, and its transaction is committed.
    func completed(_ rows: borrowing Rows) {}

    /// It failed; `error.isOutcomeUnknown` when it may have been committed all the same.
    func failed(_ error: PostgresError) {}
}

/// Who works on a `StoreConnection`.
class StoreUser {
    /// The connection stands, for the first time or again.
    func connected() {}

    /// It is lost, or a try failed; the next follows by itself. All jobs under way have failed before this.
    func disconnected(_ error: PostgresError) {}
}

/// A connection to PostgreSQL that finds the job again when its answer comes.
final class StoreConnection: PostgresClient {
    private let reactor: Reactor
    private unowned let user: StoreUser
    private var connection: PostgresConnection!  // made in init; needs self
    private var jobs: [UInt64: StoreJob] = [:]
    private var lastTicket: UInt64 = 0

    init(
        _ reactor: Reactor, _ configuration: PostgresConfiguration, statements: [Statement], user: StoreUser
    ) {
        self.reactor = reactor
        self.user = user
        super.init()
        connection = PostgresConnection(reactor, configuration, statements: statements, client: self)
    }

    var isReady: Bool { connection.isReady }

    /// Jobs under way.
    var count: Int { jobs.count }

    /// Connects; goes on by itself after every outage.
    func start() {
        connection.start()
    }

    /// Jobs under way fail before this returns.
    func close() {
        connection.close()
    }

    /// Sends the statement at `index` as a transaction of its own (unless it stands between BEGIN and COMMIT).
    /// - Returns: false when not ready; the job then hears nothing.
    func run(_ index: Int, _ parameters: borrowing ParameterBuffer, _ job: StoreJob) -> Bool {
        lastTicket += 1
        jobs[lastTicket] = job
        let isSent = connection.execute(
            index, parameters: parameters, ticket: lastTicket, deadline: reactor.now + StoreLimits.answer)
        if !isSent { jobs[lastTicket] = nil }
        return isSent
    }

    override func completed(_ connection: PostgresConnection, ticket: UInt64, rows: borrowing Rows) {
        jobs.removeValue(forKey: ticket)?.completed(rows)
    }

    override func failed(_ connection: PostgresConnection, ticket: UInt64, error: PostgresError) {
        jobs.removeValue(forKey: ticket)?.failed(error)
    }

    override func connected(_ connection: PostgresConnection) {
        user.connected()
    }

    override func disconnected(_ connection: PostgresConnection, error: PostgresError) {
        user.disconnected(error)
    }
}

extension ParameterBuffer {
    mutating func append(mark: FlushMark) {
        append(uuid: mark.high, mark.low)
    }

    /// `uuid[]`
    mutating func append(marks: [FlushMark]) {
        beginArray(of: PostgresType.uuid)
        for mark in marks { appendElement(uuid: mark.high, mark.low) }
        endArray()
    }
}
