import Bytes
import Glibc
import Reactor
import Testing

@testable import Postgres

private let server = PrivateServer.shared

private final class Listener: Source {
    var hasHeard = false
    override func ready(_ readiness: Readiness) { hasHeard = true }
}

/// All suites that use the private server are in this one: some of them restart it.
@Suite(.serialized, .enabled(if: server.isAvailable, "no PostgreSQL server is installed")) struct ServerTests {}

extension ServerTests {
    @Suite(.serialized) struct PostgresConnectionTests {
        let sleep = Statement(
            name: "sleep", sql: "SELECT 1 FROM pg_sleep($1::int4::float8 / 1000)", parameterTypes: [PostgresType.int4])
        let divide = Statement(name: "divide", sql: "SELECT 100 / $1", parameterTypes: [PostgresType.int4])

        private func number(_ value: Int32) -> ParameterBuffer {
            var parameters = ParameterBuffer()
            parameters.append(int32: value)
            return parameters
        }

        @Test func connectsAndAnswers() throws {
            let harness = try Harness(server.configuration, [divide])
            var value: Int32?
            harness.client.read = { value = $0.int32(0, 0) }
            #expect(!harness.connection.isReady)
            harness.connect()
            #expect(harness.client.events == [.connected])
            #expect(!harness.connection.isEncrypted)
            harness.execute(0, number(4), ticket: 42)
            #expect(harness.client.events == [.connected, .completed(42)])
            #expect(value == 25)
            #expect(harness.connection.inFlight == 0)
        }

        @Test func anErrorInTheMiddleOfThePipelineDoesNotDisturbItsNeighbours() throws {
            let harness = try Harness(server.configuration, [divide])
            harness.connect()
            for (ticket, divisor) in [(1, 1), (2, 0), (3, 2), (4, 0), (5, 4)] as [(UInt64, Int32)] {
                let accepted = harness.send(0, number(divisor), ticket: ticket)
                #expect(accepted)
            }
            #expect(harness.connection.inFlight == 5)
            harness.turn(until: { harness.connection.inFlight == 0 })
            #expect(
                harness.client.events == [
                    .connected, .completed(1), .failed(2), .completed(3), .failed(4), .completed(5),
                ])
            let error = try #require(harness.client.errors.first)
            #expect(error.sqlState == "22012")
            #expect(error.message == "division by zero")
            #expect(error.isDataError && !error.isConnectionLoss && !error.isOutcomeUnknown)
            #expect(harness.connection.isReady)
        }

        @Test func aQueryThatFailsAtItsCommitIsNotSaidToHaveSucceeded() throws {
            server.query("DROP TABLE IF EXISTS deferred")
            server.query("CREATE TABLE deferred (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
            let insert = Statement(
                name: "insert", sql: "INSERT INTO deferred VALUES ($1) RETURNING n",
                parameterTypes: [PostgresType.int4])
            let harness = try Harness(server.configuration, [insert])
            harness.connect()
            for ticket in 1...3 as ClosedRange<UInt64> {
                let accepted = harness.send(0, number(ticket == 3 ? 8 : 7), ticket: ticket)
                #expect(accepted)
            }
            harness.turn(until: { harness.connection.inFlight == 0 })
            #expect(harness.client.events == [.connected, .completed(1), .failed(2), .completed(3)])
            #expect(harness.client.errors.first?.sqlState == "23505")
        }

        @Test func aStatementThatCannotBePreparedNamesItselfAndIsTriedAgain() throws {
            server.query("DROP TABLE IF EXISTS later")
            let late = Statement(name: "late", sql: "SELECT n FROM later", parameterTypes: [])
            let harness = try Harness(server.configuration, [divide, late])
            harness.connection.start()
            harness.turn(until: { !harness.client.errors.isEmpty })
            #expect(harness.client.events == [.disconnected])
            #expect(harness.client.errors[0].isUndefinedTable)
            #expect(harness.client.errors[0].message == "preparing late: relation \"later\" does not exist")
            server.query("CREATE TABLE later (n int)")
            harness.turn(until: { harness.connection.isReady })
        }

        @Test func aThousandRowsInOneInsertComeBackInTheirOrder() throws {
            server.query("DROP TABLE IF EXISTS many; CREATE TABLE many (id bigserial, name text, n int)")
            let insert = Statement(
                name: "insert",
                sql: "INSERT INTO many (name, n) SELECT name, n FROM unnest($1, $2) AS t (name, n) RETURNING id, name",
                parameterTypes: [PostgresType.textArray, PostgresType.int4Array])
            let harness = try Harness(server.configuration, [insert])
            harness.connect()
            var column: [UInt8] = []
            var ends: [Int32] = []
            for index in 0..<1000 {
                column += Array("player \(index)".utf8)
                ends.append(Int32(column.count))
            }
            var parameters = ParameterBuffer()
            parameters.append(textArray: column.span, ends: ends.span)
            parameters.append(int32Array: Array(0..<1000 as Range<Int32>).span)
            var ids: [Int64] = []
            var names: [String] = []
            var affected = 0
            harness.client.read = { rows in
                affected = rows.affected
                for row in 0..<rows.count {
                    ids.append(rows.int64(row, 0))
                    names.append(rows.text(row, 1))
                }
            }
            harness.execute(0, parameters)
            #expect(affected == 1000)
            #expect(ids == Array(1...1000))
            #expect(names == (0..<1000).map { "player \($0)" })
            #expect(server.query("SELECT sum(n) FROM many") == "499500")
        }

        @Test func parametersLargerThanTheSocketsBuffersGoThroughInBothDirections() throws {
            let echo = Statement(name: "echo", sql: "SELECT $1", parameterTypes: [PostgresType.bytea])
            let harness = try Harness(server.configuration, [echo])
            harness.connect()
            let big = [UInt8](repeating: 0xA5, count: 24 << 20)
            var parameters = ParameterBuffer()
            parameters.append(text: big.span)
            var lengths: [Int] = []
            harness.client.read = { rows in
                let bytes = rows.bytes(0, 0)
                lengths.append(bytes.count)
            }
            for ticket in 1...3 as ClosedRange<UInt64> {
                let accepted = harness.send(0, parameters, ticket: ticket)
                #expect(accepted)
            }
            harness.turn(until: { harness.connection.inFlight == 0 })
            #expect(lengths == [24 << 20, 24 << 20, 24 << 20])
        }

        @Test func aQueryBeyondItsDeadlineFailsWithUnknownOutcomeAndTheSessionIsReplaced() throws {
            let harness = try Harness(server.configuration, [sleep])
            harness.connect()
            let first = harness.connection.backendProcess
            let slow = harness.send(0, number(8000), ticket: 1, within: .milliseconds(200))
            let behind = harness.send(0, number(0), ticket: 2, within: .seconds(15))
            #expect(slow && behind)
            harness.turn(until: { harness.client.events.contains(.disconnected) })
            #expect(harness.client.events == [.connected, .failed(1), .failed(2), .disconnected])
            #expect(harness.client.errors[0].isConnectionLoss)
            #expect(harness.client.errors[0].isOutcomeUnknown)
            harness.turn(until: { harness.connection.isReady })
            #expect(harness.connection.backendProcess != first)
            harness.execute(0, number(0), ticket: 3)
            #expect(harness.client.events.last == .completed(3))
            server.query("SELECT pg_terminate_backend(\(first))")
        }

        /// With the backend stopped, what it reads is what it had got when the session was given up.
        @Test(arguments: [(bytes: 10, wasSent: true), (bytes: 64 << 20, wasSent: false)])
        func onlyAQueryThatDidNotLeaveWholeIsKnownNotToBeStored(_ query: (bytes: Int, wasSent: Bool)) throws {
            server.query("DROP TABLE IF EXISTS stopped; CREATE TABLE stopped (b bytea)")
            let insert = Statement(
                name: "insert", sql: "INSERT INTO stopped VALUES ($1)", parameterTypes: [PostgresType.bytea])
            let harness = try Harness(server.configuration, [insert])
            harness.connect()
            let process = harness.connection.backendProcess
            let content = [UInt8](repeating: 1, count: query.bytes)
            var parameters = ParameterBuffer()
            parameters.append(text: content.span)
            #expect(kill(process, SIGSTOP) == 0)
            let accepted = harness.send(0, parameters, ticket: 1, within: .milliseconds(300))
            #expect(accepted)
            harness.turn(until: { !harness.client.errors.isEmpty })
            kill(process, SIGCONT)
            #expect(harness.client.errors[0].isConnectionLoss)
            #expect(harness.client.errors[0].isOutcomeUnknown == query.wasSent)
            wait(until: { server.query("SELECT 1 FROM pg_stat_activity WHERE pid = \(process)") == "" })
            #expect(server.query("SELECT count(*) FROM stopped") == (query.wasSent ? "1" : "0"))
        }

        @Test func theNextQueryCanBeSentFromWithinAnAnswer() throws {
            let harness = try Harness(server.configuration, [divide])
            let parameters = number(1)
            var sent: UInt64 = 0
            harness.client.read = { _ in
                guard sent < 100 else { return }
                sent += 1
                _ = harness.send(0, parameters, ticket: sent)
            }
            harness.client.whenConnected = { _ = harness.send(0, parameters, ticket: 0) }
            harness.connection.start()
            harness.turn(until: { harness.client.events.count == 102 })
            #expect(Array(harness.client.events.dropFirst()) == (0...100).map { .completed($0) })
            harness.client.read = { _ in }
            harness.client.whenConnected = {}
        }

        @Test func moreThanThePipelineTakesIsRefusedAndTheRestAnswered() throws {
            let harness = try Harness(server.configuration, [divide])
            harness.connect()
            let parameters = number(1)
            var accepted = 0
            for ticket in 0..<300 as Range<UInt64> where harness.send(0, parameters, ticket: ticket) { accepted += 1 }
            #expect(accepted == Limits.pipelineDepth)
            harness.turn(until: { harness.connection.inFlight == 0 })
            #expect(harness.client.events.count == 1 + accepted)
            #expect(harness.connection.isReady)
        }

        @Test func aServerThatDropsEverySessionIsNotHammered() throws {
            let harness = try Harness(server.configuration)
            harness.client.whenConnected = {
                server.query("SELECT pg_terminate_backend(\(harness.connection.backendProcess))")
            }
            harness.connection.start()
            let end = Reactor.monotonic() + .seconds(1)
            while Reactor.monotonic() < end { harness.reactor.turn(waitingAtMost: .milliseconds(20)) }
            // At once, then after 0.1, 0.2, 0.4, 0.8 s, each less half at most.
            #expect((2...7).contains(harness.client.count(.connected)))
            harness.client.whenConnected = {}
        }

        @Test func theStatementTimeoutEndsAQueryCleanly() throws {
            var configuration = server.configuration
            configuration.statementTimeout = .milliseconds(150)
            let harness = try Harness(configuration, [sleep])
            harness.connect()
            harness.execute(0, number(8000), ticket: 1)
            #expect(harness.client.events == [.connected, .failed(1)])
            #expect(harness.client.errors[0].isQueryCanceled)
            #expect(!harness.client.errors[0].isOutcomeUnknown)
            #expect(harness.connection.isReady)
        }

        @Test func theSessionIsBounded() throws {
            var configuration = server.configuration
            configuration.applicationName = "bounded"
            let show = Statement(
                name: "show",
                sql: """
                    SELECT current_setting('statement_timeout'), current_setting('client_encoding'),
                        current_setting('application_name'), current_setting('idle_in_transaction_session_timeout')
                    """, parameterTypes: [])
            let harness = try Harness(configuration, [show])
            harness.connect()
            var settings: [String] = []
            harness.client.read = { rows in settings = (0..<4).map { rows.text(0, $0) } }
            harness.execute(0, ParameterBuffer())
            #expect(settings == ["10s", "UTF8", "bounded", "10s"])
        }

        @Test func outstandingTicketsFailOnceWhenTheBackendIsTerminatedAndTheConnectionComesBack() throws {
            let harness = try Harness(server.configuration, [sleep])
            harness.connect()
            for ticket in 1...3 as ClosedRange<UInt64> {
                let accepted = harness.send(0, number(8000), ticket: ticket)
                #expect(accepted)
            }
            harness.reactor.turn(waitingAtMost: .milliseconds(50))
            server.query("SELECT pg_terminate_backend(\(harness.connection.backendProcess))")
            harness.turn(until: { harness.client.count(.connected) == 2 })
            #expect(
                harness.client.events == [.connected, .failed(1), .failed(2), .failed(3), .disconnected, .connected])
            #expect(harness.client.errors[0].sqlState == "57P01")
            #expect(harness.client.errors.dropLast().allSatisfy { $0.isConnectionLoss && $0.isOutcomeUnknown })
        }

        /// libpq closes its descriptor when a send fails, and whoever opens the next one gets its number.
        @Test func whoGetsTheNumberOfALostConnectionHears() throws {
            // Other tests of this process may be faster.
            for _ in 0..<20 {
                let harness = try Harness(server.configuration, [divide])
                harness.connect()
                var ends: [Int32] = [0, 0]
                try #require(pipe(&ends) == 0)
                let (process, number) = (harness.connection.backendProcess, harness.connection.socket)
                server.query("SELECT pg_terminate_backend(\(process))")
                wait(until: { server.query("SELECT 1 FROM pg_stat_activity WHERE pid = \(process)") == "" })
                // The first is answered by a reset; at the next ones libpq sees what has come, and that it is over.
                for ticket in 1...9 as ClosedRange<UInt64> where harness.connection.socket >= 0 {
                    _ = harness.send(0, self.number(1), ticket: ticket)
                }
                try #require(harness.connection.socket == -1)
                let reader = fcntl(ends[0], F_DUPFD, number)
                defer { for end in ends + [reader] { close(end) } }
                guard reader == number else { continue }
                let listener = Listener()
                _ = try harness.reactor.register(reader, .readable, listener)
                harness.turn(until: { harness.client.count(.disconnected) > 0 })
                #expect(write(ends[1], "x", 1) == 1)
                harness.turn(until: { listener.hasHeard })
                return
            }
            Issue.record("somebody else always had the number")
        }

        @Test func anIdleConnectionLearnsWhyItWasEnded() throws {
            let harness = try Harness(server.configuration)
            harness.connect()
            server.query("SELECT pg_terminate_backend(\(harness.connection.backendProcess))")
            harness.turn(until: { harness.client.count(.connected) == 2 })
            #expect(harness.client.events == [.connected, .disconnected, .connected])
            #expect(harness.client.errors[0].sqlState == "57P01")
        }

        @Test func comesBackAfterTheServerWasRestarted() throws {
            let harness = try Harness(server.configuration, [divide])
            harness.connect()
            server.stop()
            harness.turn(until: { harness.client.count(.disconnected) >= 3 })
            let accepted = harness.send(0, number(1), ticket: 9)
            #expect(!accepted)
            server.start()
            harness.turn(until: { harness.connection.isReady })
            harness.execute(0, number(1), ticket: 10)
            #expect(harness.client.events.last == .completed(10))
            #expect(harness.client.count(.failed(9)) == 0)
        }

        @Test func waitsForAServerThatIsNotUpYet() throws {
            server.stop()
            let harness = try Harness(server.configuration)
            harness.connection.start()
            harness.turn(until: { harness.client.count(.disconnected) >= 2 })
            #expect(harness.client.errors[0].isConnectionLoss)
            #expect(harness.client.errors[0].message.contains("Connection refused"))
            server.start()
            harness.turn(until: { harness.connection.isReady })
        }

        @Test func deallocatedStatementsFailThatQueryAndReplaceTheSession() throws {
            let discard = Statement(name: "discard", sql: "DEALLOCATE ALL", parameterTypes: [])
            let harness = try Harness(server.configuration, [divide, discard])
            harness.connect()
            harness.execute(1, ParameterBuffer(), ticket: 1)
            #expect(harness.client.events.last == .completed(1))
            for ticket in 2...3 as ClosedRange<UInt64> {
                let accepted = harness.send(0, number(1), ticket: ticket)
                #expect(accepted)
            }
            harness.turn(until: { harness.client.count(.connected) == 2 })
            #expect(
                harness.client.events == [
                    .connected, .completed(1), .failed(2), .failed(3), .disconnected, .connected,
                ])
            #expect(harness.client.errors.allSatisfy { $0.isStaleStatement })
            #expect(!harness.client.errors[0].isOutcomeUnknown)
            harness.execute(0, number(1), ticket: 3)
            #expect(harness.client.events.last == .completed(3))
        }

        @Test func aTableChangedUnderACachedPlanHealsByANewSession() throws {
            server.query("DROP TABLE IF EXISTS changing; CREATE TABLE changing (n int)")
            let select = Statement(name: "select", sql: "SELECT * FROM changing", parameterTypes: [])
            let harness = try Harness(server.configuration, [select])
            harness.connect()
            harness.execute(0, ParameterBuffer(), ticket: 1)
            server.query("ALTER TABLE changing ALTER n TYPE bigint")
            harness.execute(0, ParameterBuffer(), ticket: 2)
            harness.turn(until: { harness.client.count(.connected) == 2 })
            #expect(harness.client.events.prefix(3) == [.connected, .completed(1), .failed(2)])
            #expect(harness.client.errors[0].sqlState == "0A000" && harness.client.errors[0].isStaleStatement)
            harness.execute(0, ParameterBuffer(), ticket: 3)
            #expect(harness.client.events.last == .completed(3))
        }

        @Test func aNoticeGoesToTheClient() throws {
            let warn = Statement(name: "warn", sql: "DROP TABLE IF EXISTS nowhere_to_be_found", parameterTypes: [])
            let harness = try Harness(server.configuration, [warn])
            harness.connect()
            harness.execute(0, ParameterBuffer())
            #expect(harness.client.notices.map(\.severity) == ["NOTICE"])
            #expect(harness.client.notices[0].message.contains("nowhere_to_be_found"))
        }

        @Test func closingFailsWhatIsOutstandingAndIsTheEnd() throws {
            let harness = try Harness(server.configuration, [sleep])
            harness.connect()
            let accepted = harness.send(0, number(8000), ticket: 1)
            #expect(accepted)
            let process = harness.connection.backendProcess
            harness.connection.close()
            #expect(harness.client.events == [.connected, .failed(1)])
            harness.reactor.turn(waitingAtMost: .milliseconds(50))
            #expect(harness.client.events == [.connected, .failed(1)])
            #expect(!harness.connection.isReady)
            server.query("SELECT pg_terminate_backend(\(process))")
        }

        @Test func closingFromWithinACallIsSafe() throws {
            let harness = try Harness(server.configuration, [divide])
            harness.client.whenConnected = { harness.connection.close() }
            harness.connection.start()
            harness.turn(until: { harness.client.events == [.connected] })
            harness.reactor.turn(waitingAtMost: .milliseconds(20))
            #expect(harness.client.events == [.connected])
        }

        @Test func hostsAreTriedInTurn() throws {
            var configuration = server.configuration
            configuration.hosts = [("127.0.0.1", 1), ("no-such-host.invalid", 5432), ("localhost", server.port)]
            let harness = try Harness(configuration)
            harness.connect()
            #expect(harness.client.errors.count >= 2)
            #expect(harness.client.errors[0].message.contains("refused"))
            #expect(harness.client.errors[1].message.contains("no-such-host.invalid"))
            #expect(harness.connection.peer == "localhost (127.0.0.1) port \(server.port)")
        }

        @Test func aUnixSocketIsAHostThatBeginsWithASlash() throws {
            var configuration = server.configuration
            configuration.hosts = [(server.folder, server.port)]
            let harness = try Harness(configuration, [divide])
            harness.connect()
            harness.execute(0, number(5), ticket: 1)
            #expect(harness.client.events == [.connected, .completed(1)])
        }

        @Test func aServerThatAcceptsAndSaysNothingIsGivenUp() throws {
            let silent = try SilentServer()
            var configuration = server.configuration
            configuration.hosts = [("127.0.0.1", silent.port), ("127.0.0.1", server.port)]
            configuration.connectTimeout = .milliseconds(300)
            let harness = try Harness(configuration)
            harness.connect()
            #expect(harness.client.events == [.disconnected, .connected])
            #expect(harness.client.errors[0].message.contains("no connection within"))
        }

        @Test func aWrongPasswordIsSaidAndTriedAgain() throws {
            server.query("DROP ROLE IF EXISTS guarded; CREATE ROLE guarded LOGIN PASSWORD 'right'")
            let configuration = server.configuration(
                database: "postgres", user: "guarded", keywords: [("password", "wrong")])
            let harness = try Harness(configuration)
            harness.connection.start()
            harness.turn(until: { !harness.client.errors.isEmpty })
            #expect(harness.client.errors[0].message.contains("password authentication failed"))
            server.query("ALTER ROLE guarded PASSWORD 'wrong'")
            harness.turn(until: { harness.connection.isReady })
        }
    }

    @Suite(.serialized) struct TLSTests {
        let divide = Statement(name: "divide", sql: "SELECT 100 / $1", parameterTypes: [PostgresType.int4])

        @Test(arguments: ["require", "verify-full"]) func encrypts(mode: String) throws {
            var configuration = server.configuration(
                database: "postgres",
                keywords: [("sslmode", mode), ("sslrootcert", "\(server.folder)/data/server.crt")])
            configuration.hosts = [("localhost", server.port)]
            let harness = try Harness(configuration, [divide])
            shellOutput("chmod 755 \(server.folder)")
            harness.connect()
            #expect(harness.connection.isEncrypted)
            var parameters = ParameterBuffer()
            parameters.append(int32: 10)
            harness.execute(0, parameters, ticket: 1)
            #expect(harness.client.events.last == .completed(1))
        }

        @Test func aCertificateForAnotherNameIsRefused() throws {
            let configuration = server.configuration(
                database: "postgres",
                keywords: [("sslmode", "verify-full"), ("sslrootcert", "\(server.folder)/data/server.crt")])
            let harness = try Harness(configuration)
            harness.connection.start()
            harness.turn(until: { !harness.client.errors.isEmpty })
            #expect(harness.client.errors[0].message.contains("certificate"))
            #expect(harness.client.count(.connected) == 0)
        }

        @Test func whatPreferFallsBackToIsTakenUpOnTheNewDescriptor() throws {
            // The server has TLS, this database is refused over it: libpq opens a second socket without.
            server.query("DROP DATABASE IF EXISTS plain_only")
            server.query("CREATE DATABASE plain_only")
            server.admit("hostssl plain_only all 127.0.0.1/32 reject")
            server.query("SELECT pg_reload_conf()")
            let configuration = server.configuration(database: "plain_only", keywords: [("sslmode", "prefer")])
            let harness = try Harness(configuration)
            harness.connect()
            #expect(!harness.connection.isEncrypted)
            #expect(harness.client.events.last == .connected)
        }
    }
}
