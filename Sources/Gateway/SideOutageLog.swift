import Bytes
import Logging
import Postgres

/// Tells of a connection beside the main one to the same database. That the database is away the main one says: here only
/// what it does not see is told (a limit of connections, a right, a table that is not there), and so not before a second try
/// fails while the main connection stands.
struct SideOutageLog {
    private var outage: OutageLog
    private let main: Outage
    private var failures = 0

    init(_ log: Logger, _ outage: Outage, beside main: Outage) {
        self.outage = OutageLog(log, outage)
        self.main = main
    }

    /// A try failed, or what stood is lost.
    mutating func failed(_ error: PostgresError, at now: Instant) {
        failures += 1
        guard failures > 1, !main.isOut else { return }
        outage.failed("\(error)", hint: error.operatorHint, at: now)
    }

    /// It stands.
    mutating func reached() {
        failures = 0
        if outage.isOut { outage.reached() }
    }
}
