import Bytes
import Gateway
import Reactor
import Synchronization
import Testing

@testable import Postgres

private let server = PrivateServer.shared

/// The table as SQLAlchemy makes it for the replaced service (`metadata.create_all`).
private let oldTable = """
    CREATE TABLE "Score" (id SERIAL NOT NULL, "user" VARCHAR(255), score INTEGER, PRIMARY KEY (id));
    CREATE INDEX "ix_Score_id" ON "Score" (id);
    CREATE INDEX "ix_Score_user" ON "Score" ("user");
    """

private let label = "1 score_table"
private let all = Migration.all.map(\.label)

extension ServerTests {
    @Suite(.serialized) struct MigratorTests {
        /// An empty database of this test's own.
        private func database(_ name: String = #function, _ sql: String = "") -> String {
            let database = String(name.prefix { $0 != "(" }).lowercased()
            server.query("DROP DATABASE IF EXISTS \(database) WITH (FORCE)")
            server.query("CREATE DATABASE \(database)")
            if !sql.isEmpty { server.query(sql, database: database) }
            return database
        }

        private func migrate(
            _ database: String, waitingAtMost limit: Duration = .seconds(20),
            _ report: (MigrationReport) -> Void = { _ in }
        ) throws -> [String] {
            try Migrator.run(server.configuration(database: database), waitingAtMost: limit, report: report)
        }

        /// Everything of the table that a client or the planner can notice.
        private func shape(_ database: String) -> String {
            server.query(
                """
                SELECT attname, format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid)
                FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
                WHERE attrelid = '"Score"'::regclass AND attnum > 0 ORDER BY attnum;
                SELECT indexdef FROM pg_indexes WHERE tablename = 'Score' ORDER BY 1;
                SELECT seqtypid::regtype, seqmax FROM pg_sequence WHERE seqrelid = '"Score_id_seq"'::regclass;
                """, database: database)
        }

        private let wantedShape = """
            id|bigint|t|nextval('"Score_id_seq"'::regclass)
            user|character varying(255)|f|
            score|integer|f|1
            created_at|timestamp with time zone|t|now()
            CREATE INDEX "ix_Score_user" ON public."Score" USING btree ("user")
            CREATE UNIQUE INDEX "Score_pkey" ON public."Score" USING btree (id)
            bigint|9223372036854775807
            """

        @Test func makesTheTableInAFreshDatabaseOnce() throws {
            let database = database()
            let configuration = server.configuration(database: database)
            var reports: [String] = []
            #expect(try Migrator.pending(configuration) == all)
            #expect(try migrate(database) { reports.append("\($0)") } == all)
            #expect(shape(database) == wantedShape)
            #expect(try Migrator.pending(configuration) == [])
            #expect(try migrate(database) { reports.append("\($0)") } == [])
            #expect(reports.count == 1 + all.count)
            #expect(reports.first?.hasPrefix("applied migration \(label) in ") == true)
            #expect(reports.last == "the schema is up to date (\(all.count) applied before)")
        }

        @Test func takesTheOldTableOverWithItsRows() throws {
            let database = database(#function, oldTable)
            server.query(
                "INSERT INTO \"Score\" (\"user\", score) SELECT 'p' || n, n FROM generate_series(1, 1000) n",
                database: database)
            #expect(try migrate(database) == all)
            #expect(shape(database) == wantedShape)
            let rows = server.query(
                "SELECT count(*), sum(score), max(id), count(created_at), count(DISTINCT created_at) FROM \"Score\"",
                database: database)
            #expect(rows == "1000|500500|1000|1000|1")
            // The replaced service goes on, in both ways SQLAlchemy has of taking an id.
            let inserted = server.query(
                """
                INSERT INTO "Score" ("user", score) VALUES ('old', 1) RETURNING id;
                INSERT INTO "Score" (id, "user", score) VALUES (nextval('"Score_id_seq"'), 'old', 2) RETURNING id;
                """, database: database)
            #expect(inserted == "1001\n1002")
            // And ids go on past 2³¹.
            let far = server.query(
                "SELECT setval('\"Score_id_seq\"', 5000000000); INSERT INTO \"Score\" (\"user\") VALUES ('far') RETURNING id, score",
                database: database)
            #expect(far == "5000000000\n5000000001|1")
        }

        @Test func theOldServiceWritesWhileItsTableIsTakenOver() throws {
            let database = database(#function, oldTable)
            server.query(
                "INSERT INTO \"Score\" (\"user\", score) SELECT 'p' || n, n FROM generate_series(1, 200000) n",
                database: database)
            let isOver = Atomic(false)
            let written = Atomic(0)
            let failures = Mutex<[String]>([])
            let configuration = server.configuration(database: database)
            try withThreads(2, named: "writer") { _ in
                do throws(PostgresError) {
                    let connection = try BlockingConnection(configuration)
                    while !isOver.load(ordering: .acquiring) {
                        try connection.run(
                            "INSERT INTO \"Score\" (\"user\", score) VALUES ('old', 1) RETURNING id",
                            within: .seconds(30))
                        written.add(1, ordering: .relaxed)
                    }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            } while: {
                defer { isOver.store(true, ordering: .releasing) }
                wait(until: { written.load(ordering: .relaxed) > 20 })
                let before = written.load(ordering: .relaxed)
                let applied = try migrate(database)
                #expect(applied == all)
                wait(until: { written.load(ordering: .relaxed) > before + 20 })
            }
            #expect(failures.withLock { $0 } == [])
            #expect(shape(database) == wantedShape)
            let count = server.query("SELECT count(*) - 200000 FROM \"Score\"", database: database)
            #expect(count == "\(written.load(ordering: .relaxed))")
        }

        @Test(arguments: [false, true]) func severalAtOnceApplyItOnce(takeOver: Bool) throws {
            let database = database("several_at_once_\(takeOver)", takeOver ? oldTable : "")
            let configuration = server.configuration(database: database)
            let applied = Mutex<[String]>([])
            try withThreads(6, named: "migrator") { _ in
                do throws(MigrationError) {
                    let labels = try Migrator.run(configuration, waitingAtMost: .seconds(20)) { _ in }
                    applied.withLock { $0 += labels }
                } catch {
                    applied.withLock { $0.append("\(error)") }
                }
            } while: {
            }
            // Each migration has a transaction and its lock to itself, so one may apply the first and another the
            // second; in what order these two then say so is not the order in which they did it.
            #expect(applied.withLock { $0.sorted() } == all)
            #expect(shape(database) == wantedShape)
        }

        @Test func aTransactionThatHoldsTheTableIsWaitedForAndNamed() throws {
            let database = database(#function, oldTable)
            let holder = try BlockingConnection(server.configuration(database: database))
            try holder.run("BEGIN; INSERT INTO \"Score\" (\"user\") VALUES ('holder')", within: .seconds(5))
            var reports: [String] = []
            let error = try #require(throws: MigrationError.self) {
                try migrate(database, waitingAtMost: .seconds(1)) { reports.append("\($0)") }
            }
            #expect(error.cause.isLockNotAvailable)
            #expect(error.migration == label && error.waited == .seconds(1))
            #expect("\(error)".contains("(no application name), idle in transaction, for "))
            #expect(try Migrator.pending(server.configuration(database: database)) == all)

            let applied = try migrate(database) {
                reports.append("\($0)")
                // The first report is of the lock.
                _ = try? holder.run("COMMIT", within: .seconds(5))
            }
            #expect(applied == all)
            #expect(
                reports.first?.contains("waiting: migration \(label): canceling statement due to lock timeout") == true)
            #expect(server.query("SELECT \"user\" FROM \"Score\"", database: database) == "holder")
        }

        @Test(arguments: [
            (
                "CREATE TABLE \"Score\" (id serial PRIMARY KEY, \"user\" integer, score integer)",
                "table \"Score\" exists and is another one: column \"user\" is integer, expected character varying(255)"
            ),
            (
                "CREATE TABLE \"Score\" (id serial PRIMARY KEY, \"user\" varchar(255))",
                "column score is missing, expected integer"
            ),
            (
                "CREATE TABLE \"Score\" (id serial PRIMARY KEY, \"user\" varchar(255), score integer, created_at text)",
                "column created_at is text, expected timestamp with time zone"
            ),
            (
                "CREATE TABLE \"Score\" (id integer PRIMARY KEY, \"user\" varchar(255), score integer)",
                "column id has no sequence of its own"
            ),
            (
                "CREATE TABLE \"Score\" (id serial, \"user\" varchar(255), score integer)",
                "column id is not its primary key"
            ),
            (
                "CREATE TABLE \"Score\" (id serial PRIMARY KEY, \"user\" text, score integer, team text NOT NULL)",
                "column team must be given with every row"
            ),
            ("CREATE VIEW \"Score\" AS SELECT 1 AS id", "\"Score\" exists and is not a table"),
        ]) func anotherTableOfThatNameIsLeftAlone(_ table: (sql: String, fault: String)) throws {
            let database = database("another_table", table.sql)
            let before = server.query(
                "SELECT * FROM pg_attribute WHERE attrelid = '\"Score\"'::regclass", database: database)
            let error = try #require(throws: MigrationError.self) { try migrate(database) }
            #expect("\(error)".contains("migration \(label): "))
            #expect("\(error)".contains(table.fault))
            #expect(error.waited == nil)
            let after = server.query(
                "SELECT * FROM pg_attribute WHERE attrelid = '\"Score\"'::regclass", database: database)
            #expect(before == after)
        }

        @Test func aTableThatHasTheNewShapeAlreadyIsKept() throws {
            let database = database()
            #expect(try migrate(database) == all)
            server.query(
                "INSERT INTO \"Score\" (\"user\") VALUES ('kept'); DROP TABLE score_gateway_migrations",
                database: database)
            #expect(try migrate(database) == all)
            #expect(shape(database) == wantedShape)
            #expect(server.query("SELECT id, \"user\", score FROM \"Score\"", database: database) == "1|kept|1")
        }

        @Test func aUserWithoutRightsIsToldWhatToDo() throws {
            let database = database(#function, oldTable)
            server.query("DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN; CREATE ROLE maker LOGIN")
            server.query("GRANT SELECT ON \"Score\" TO reader", database: database)
            let configuration = server.configuration(database: database, user: "reader")
            let error = try #require(throws: MigrationError.self) {
                try Migrator.run(configuration, waitingAtMost: .seconds(20)) { _ in }
            }
            #expect("\(error)".contains("permission denied for schema public"))
            #expect("\(error)".contains("score-gateway migrate"))
            // Who may make tables, but does not own this one.
            server.query("GRANT ALL ON SCHEMA public TO maker; GRANT ALL ON \"Score\" TO maker", database: database)
            let notOwner = try #require(throws: MigrationError.self) {
                try Migrator.run(server.configuration(database: database, user: "maker")) { _ in }
            }
            #expect("\(notOwner)".contains("must be owner of table Score"))
            // When the owner has migrated, no right to write is needed to see that nothing is to be done.
            #expect(try migrate(database) == all)
            server.query("GRANT SELECT ON score_gateway_migrations TO reader", database: database)
            #expect(try Migrator.run(configuration) { _ in } == [])
            server.query("DROP DATABASE \(database)")
            server.query("DROP ROLE maker")
        }

        @Test func aDatabaseThatIsNotUpYetIsWaitedFor() throws {
            let database = database()
            server.stop()
            var reports: [String] = []
            let error = try #require(throws: MigrationError.self) {
                try migrate(database, waitingAtMost: .milliseconds(400)) { reports.append("\($0)") }
            }
            #expect("\(error)".contains("the database is out of reach"))
            #expect("\(error)".contains("Connection refused"))
            #expect(reports.count == 1)
            let applied = try migrate(database) { if case .waiting = $0 { server.start() } }
            #expect(applied == all)
        }

        @Test func aServerThatSaysNothingIsGivenUp() throws {
            let silent = try SilentServer()
            var configuration = server.configuration(database: "postgres")
            configuration.hosts = [("127.0.0.1", silent.port)]
            configuration.connectTimeout = .milliseconds(200)
            let error = try #require(throws: MigrationError.self) { try Migrator.pending(configuration) }
            #expect(error.cause.message == "no answer in time")
        }

        @Test func aNewerGatewaysMigrationsDoNotDisturb() throws {
            let database = database()
            #expect(try migrate(database) == all)
            server.query("INSERT INTO score_gateway_migrations VALUES (99, 'of_tomorrow')", database: database)
            #expect(try migrate(database) == [])
        }
    }

    @Suite(.serialized) struct BlockingConnectionTests {
        @Test func givesTheRowsOfTheLastStatement() throws {
            let connection = try BlockingConnection(server.configuration)
            let rows = try connection.run(
                "SELECT 1; SELECT n, nullif(n, 2) FROM generate_series(1, 2) n", within: .seconds(5))
            #expect(rows == [["1", "1"], ["2", nil]])
        }

        @Test func anErrorLeavesItUsable() throws {
            let connection = try BlockingConnection(server.configuration)
            let error = try #require(throws: PostgresError.self) {
                try connection.run("SELECT 1/0; SELECT 2", within: .seconds(5))
            }
            #expect(error.sqlState == "22012")
            #expect(try connection.run("SELECT 3", within: .seconds(5)) == [["3"]])
        }

        @Test func whatTakesTooLongIsGivenUp() throws {
            let connection = try BlockingConnection(server.configuration)
            let error = try #require(throws: PostgresError.self) {
                try connection.run("SELECT pg_sleep(30)", within: .milliseconds(100))
            }
            #expect(error.isConnectionLoss)
        }

        @Test func hostsAreTriedInTurn() throws {
            var configuration = server.configuration
            configuration.hosts = [("127.0.0.1", 1), (server.folder, server.port)]
            #expect(try BlockingConnection(configuration).run("SELECT 1", within: .seconds(5)) == [["1"]])
        }
    }
}

/// Runs `body` on threads while this one does something else, and joins them.
private func withThreads(
    _ count: Int, named name: String, _ body: @escaping @Sendable (Int) -> Void, while work: () throws -> Void
) throws {
    let remaining = Remaining(count)
    for index in 0..<count {
        try Thread(name: name) {
            body(index)
            remaining.count.subtract(1, ordering: .releasing)
        }.detach()
    }
    defer { wait(until: { remaining.count.load(ordering: .acquiring) == 0 }) }
    try work()
}

private final class Remaining: Sendable {
    let count: Atomic<Int>
    init(_ count: Int) { self.count = Atomic(count) }
}
