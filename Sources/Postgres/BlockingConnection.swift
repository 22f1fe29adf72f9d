import Bytes
import CPostgres
import Glibc
import Reactor

/// A connection for commands that have a thread of their own and nothing else to do, such as migrations: simple
/// queries, texts as results. It blocks, but every call has a deadline: libpq's own blocking calls have none, so this
/// waits by poll(2) around the nonblocking ones.
///
/// (A name is looked up inside the connect by the C library's resolver, which has time limits of its own.)
public final class BlockingConnection {
    private let connection: OpaquePointer

    deinit {
        PQfinish(connection)
    }

    /// Connects to the first host that takes us, each tried for `connectTimeout`.
    /// - Throws: the failure of the last host.
    public init(_ configuration: PostgresConfiguration) throws(PostgresError) {
        var round = EndpointRound(configuration)
        var failure = PostgresError.connection("no host")
        while true {
            let endpoint: Endpoint
            switch round.next() {
            case .connect(let place): endpoint = place
            case .resolve(let host, let port): endpoint = Endpoint(host: host, address: nil, port: port)
            case .over: throw failure
            }
            do throws(PostgresError) {
                connection = try BlockingConnection.connect(configuration, endpoint)
                return
            } catch {
                failure = error
            }
        }
    }

    /// Runs one or several statements, separated by semicolons.
    /// - Parameter limit: when no answer has come by then, the connection is of no use any more.
    /// - Returns: the rows of the last statement, as texts; nil is NULL.
    /// - Throws: the first error; what follows it was not executed.
    @discardableResult public func run(_ sql: String, within limit: Duration) throws(PostgresError) -> [[String?]] {
        let deadline = Reactor.monotonic() + limit
        guard PQsendQuery(connection, sql) == 1 else { throw PostgresError(connection: connection) }
        var rows: [[String?]] = []
        var failure: PostgresError?
        // To the end, also after an error: the next query may only then be sent.
        while let result = try next(deadline) {
            defer { PQclear(result) }
            switch PQresultStatus(result) {
            case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
                rows = BlockingConnection.texts(result)
            default:
                if failure == nil { failure = PostgresError(result: result) }
            }
            if PQstatus(connection) == CONNECTION_BAD { break }
        }
        if let failure { throw failure }
        return rows
    }

    private func next(_ deadline: Instant) throws(PostgresError) -> OpaquePointer? {
        while PQisBusy(connection) == 1 {
            // What did not fit the socket goes on while we wait for the answer.
            let mustWrite = PQflush(connection) == 1
            try BlockingConnection.wait(connection, Int32(mustWrite ? POLLIN | POLLOUT : POLLIN), deadline)
            guard PQconsumeInput(connection) == 1 else { throw PostgresError(connection: connection) }
        }
        return PQgetResult(connection)
    }

    private static func connect(
        _ configuration: PostgresConfiguration, _ endpoint: Endpoint
    ) throws(PostgresError) -> OpaquePointer {
        let deadline = Reactor.monotonic() + configuration.connectTimeout
        guard let connection = ConnectParameters(configuration.parameters(endpoint)).start() else {
            throw .connection("out of memory")
        }
        do throws(PostgresError) {
            guard PQstatus(connection) != CONNECTION_BAD else { throw PostgresError(connection: connection) }
            PQsetNoticeReceiver(connection, { _, _ in }, nil)
            var polling = PGRES_POLLING_WRITING
            while polling != PGRES_POLLING_OK {
                try wait(connection, Int32(polling == PGRES_POLLING_READING ? POLLIN : POLLOUT), deadline)
                polling = PQconnectPoll(connection)
                if polling == PGRES_POLLING_FAILED { throw PostgresError(connection: connection) }
            }
            guard PQsetnonblocking(connection, 1) == 0 else { throw PostgresError(connection: connection) }
            return connection
        } catch {
            PQfinish(connection)
            throw error
        }
    }

    private static func wait(_ connection: OpaquePointer, _ events: Int32, _ deadline: Instant) throws(PostgresError) {
        while true {
            let left = deadline - Reactor.monotonic()
            guard left > .zero else { throw .connection("no answer in time") }
            var entry = pollfd(fd: PQsocket(connection), events: Int16(events), revents: 0)
            let ready = poll(&entry, 1, Int32(clamping: left.wholeMilliseconds + 1))
            if ready > 0 { return }
            guard ready == 0 || errno == EINTR else { throw .connection("poll: \(String(cString: strerror(errno)))") }
        }
    }

    private static func texts(_ result: OpaquePointer) -> [[String?]] {
        (0..<PQntuples(result)).map { row in
            (0..<PQnfields(result)).map { column in
                PQgetisnull(result, row, column) == 1 ? nil : String(cString: PQgetvalue(result, row, column))
            }
        }
    }
}
