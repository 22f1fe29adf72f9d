import Bytes
import Logging
import Synchronization
import Testing

@testable import Gateway

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
        var outage = OutageLog(Logger(label: "test") { _ in lines }, "bus: broker")
        let start = Instant(nanoseconds: 0)
        outage.reached()
        for second in 0..<25 { outage.failed("refused", at: start + .seconds(second)) }
        outage.reached()
        #expect(
            lines.text == [
                "info bus: broker connected ",
                "warning bus: broker out of reach, trying again error=refused",
                "warning bus: broker out of reach, trying again error=refused suppressed=9",
                "warning bus: broker out of reach, trying again error=refused suppressed=9",
                "info bus: broker is back ",
            ])
    }

    @Test func aHintDoesNotHideBehindPlainFailures() {
        let lines = Lines()
        var outage = OutageLog(Logger(label: "test") { _ in lines }, "scores: database")
        let start = Instant(nanoseconds: 0)
        outage.failed("refused", at: start)
        outage.failed("no table", hint: "run migrate", at: start)
        outage.failed("no table", hint: "run migrate", at: start + .seconds(1))
        #expect(lines.text.count == 2)
        #expect(lines.text.last == "error scores: database: run migrate error=no table")
    }
}
