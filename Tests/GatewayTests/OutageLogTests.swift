import Bytes
import Logging
import Synchronization
import Testing

@testable import Gateway
@testable import Postgres

/// Keeps what is logged, one text a line.
private final class Lines: LogHandler, Sendable {
    private let lines = Mutex<[String]>([])
    var text: [String] { lines.withLock { $0 } }

    func log(event: LogEvent) {
        let metadata = (event.metadata ?? [:]).map { "\($0.key)=\($0.value)" }.sorted().joined(separator: " ")
        lines.withLock { $0.append("\(event.level) \(event.message) \(metadata)") }
    }

    subscript(metadataKey _: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }

    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }
}

@Suite struct OutageLogTests {
    @Test func anOutageIsToldOfAtMostEveryTenSeconds() {
        let lines = Lines()
        var outage = OutageLog(
            Logger(label: "test") { _ in lines }, Outage("bus: broker", variable: .brokerURL))
        let start = Instant(nanoseconds: 0)
        outage.reached()
        for second in 0..<25 { outage.failed("refused", at: start + .seconds(second)) }
        outage.reached()
        #expect(
            lines.text == [
                "info bus: broker connected ",
                "warning bus: broker out of reach (BROKER_URL), trying again error=refused",
                "warning bus: broker out of reach (BROKER_URL), trying again error=refused suppressed=9",
                "warning bus: broker out of reach (BROKER_URL), trying again error=refused suppressed=9",
                "info bus: broker is back ",
            ])
    }

    /// It stands for a moment each time, as where a right is missing.
    @Test func whatComesAndGoesIsNotToldOfByHalves() {
        let lines = Lines()
        var outage = OutageLog(
            Logger(label: "test") { _ in lines }, Outage("bus: broker", variable: .brokerURL))
        let start = Instant(nanoseconds: 0)
        for second in 0..<12 {
            outage.reached()
            outage.failed("refused", at: start + .seconds(second))
        }
        #expect(
            lines.text == [
                "info bus: broker connected ",
                "warning bus: broker out of reach (BROKER_URL), trying again error=refused",
                "info bus: broker is back ",
                "warning bus: broker out of reach (BROKER_URL), trying again error=refused suppressed=9",
                "info bus: broker is back ",
            ])
    }

    /// That the database is away is told of the writer's connection.
    @Test func aConnectionBesideTellsOnlyWhatTheMainOneDoesNotMeet() {
        let lines = Lines()
        let log = Logger(label: "test") { _ in lines }
        let main = Outage("scores: database", variable: .databaseURL)
        var writer = OutageLog(log, main)
        var reads = SideOutageLog(log, Outage("scores: reads", variable: .databaseURL), beside: main)
        let gone = PostgresError.connection("gone")
        let start = Instant(nanoseconds: 0)
        writer.reached()
        reads.reached()
        // The same loss; the reads meet it first, and the writer is back last.
        reads.failed(gone, at: start)
        writer.failed("gone", at: start)
        reads.failed(gone, at: start + .seconds(1))
        reads.reached()
        writer.reached()
        #expect(lines.text.count == 3 && lines.text.last == "info scores: database is back ")
        for second in 20..<25 { reads.failed(gone, at: start + .seconds(second)) }
        reads.reached()
        #expect(
            lines.text.suffix(2) == [
                "warning scores: reads out of reach (DATABASE_URL), trying again error=gone",
                "info scores: reads is back ",
            ])
    }

    @Test func aHintDoesNotHideBehindPlainFailures() {
        let lines = Lines()
        var outage = OutageLog(
            Logger(label: "test") { _ in lines }, Outage("scores: database", variable: .databaseURL))
        let start = Instant(nanoseconds: 0)
        outage.failed("refused", at: start)
        outage.failed("no table", hint: "run migrate", at: start)
        outage.failed("no table", hint: "run migrate", at: start + .seconds(1))
        #expect(lines.text.count == 2)
        #expect(lines.text.last == "error scores: database: run migrate error=no table")
    }

    @Test func whatAllReactorsMeetIsToldOfOnce() {
        let lines = Lines()
        let log = Logger(label: "test") { _ in lines }
        let outage = Outage("scores: database", variable: .databaseURL)
        var parts = (0..<3).map { _ in OutageLog(log, outage) }
        let start = Instant(nanoseconds: 0)
        for index in 0..<3 { parts[index].reached() }
        for index in 0..<3 { parts[index].failed("gone", at: start) }
        parts[1].failed("gone", at: start + .seconds(11))
        for index in 0..<3 { parts[index].reached() }
        #expect(
            lines.text == [
                "info scores: database connected ",
                "warning scores: database out of reach (DATABASE_URL), trying again error=gone",
                "warning scores: database out of reach (DATABASE_URL), trying again error=gone suppressed=2",
                "info scores: database is back ",
            ])
    }
}
