import Bytes
import Reactor
import Testing

@testable import Postgres

/// A connection on a reactor of its own, and the record of what it said.
final class Recorder: PostgresClient {
    enum Event: Equatable {
        case connected
        case disconnected
        case completed(UInt64)
        case failed(UInt64)
    }

    var events: [Event] = []
    var errors: [PostgresError] = []
    var notices: [PostgresError] = []
    var read: (borrowing Rows) -> Void = { _ in }
    var whenConnected: () -> Void = {}

    override func connected(_ connection: PostgresConnection) {
        events.append(.connected)
        whenConnected()
    }
    override func disconnected(_ connection: PostgresConnection, error: PostgresError) {
        events.append(.disconnected)
        errors.append(error)
    }
    override func completed(_ connection: PostgresConnection, ticket: UInt64, rows: borrowing Rows) {
        events.append(.completed(ticket))
        read(rows)
    }
    override func failed(_ connection: PostgresConnection, ticket: UInt64, error: PostgresError) {
        events.append(.failed(ticket))
        errors.append(error)
    }
    override func noticed(_ connection: PostgresConnection, notice: PostgresError) { notices.append(notice) }

    func count(_ event: Event) -> Int { events.count { $0 == event } }
}

final class Harness {
    let reactor: Reactor
    let client = Recorder()
    let connection: PostgresConnection

    init(_ configuration: PostgresConfiguration, _ statements: [Statement] = []) throws {
        reactor = try Reactor()
        connection = PostgresConnection(reactor, configuration, statements: statements, client: client)
    }

    deinit {
        connection.close()
    }

    func turn(until condition: () -> Bool, _ location: SourceLocation = #_sourceLocation) {
        let deadline = Reactor.monotonic() + .seconds(20)
        while !condition(), Reactor.monotonic() < deadline { reactor.turn(waitingAtMost: .milliseconds(20)) }
        #expect(condition(), "not in time; events \(client.events), errors \(client.errors)", sourceLocation: location)
    }

    func connect(_ location: SourceLocation = #_sourceLocation) {
        connection.start()
        turn(until: { connection.isReady }, location)
    }

    /// Executes and waits for the answer.
    func execute(
        _ index: Int, _ parameters: borrowing ParameterBuffer, ticket: UInt64 = 1,
        _ location: SourceLocation = #_sourceLocation
    ) {
        let before = client.events.count
        let accepted = send(index, parameters, ticket: ticket)
        #expect(accepted, sourceLocation: location)
        turn(until: { client.events.count > before }, location)
    }

    func send(
        _ index: Int, _ parameters: borrowing ParameterBuffer, ticket: UInt64, within limit: Duration = .seconds(15)
    ) -> Bool {
        connection.execute(index, parameters: parameters, ticket: ticket, deadline: Reactor.monotonic() + limit)
    }
}
