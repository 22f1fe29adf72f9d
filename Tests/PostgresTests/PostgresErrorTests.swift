import Testing

@testable import Postgres

/// Classes of Appendix A of the PostgreSQL manual.
@Suite struct PostgresErrorTests {
    private func error(_ sqlState: String, _ message: String = "m") -> PostgresError {
        PostgresError(sqlState: sqlState, severity: "ERROR", message: message, isConnectionLoss: false)
    }

    @Test(arguments: ["22001", "22021", "23505", "23514", "21000", "44000", "P0001", "54000"])
    func causedByARow(state: String) {
        #expect(error(state).isDataError)
    }

    @Test(arguments: ["40001", "42P01", "53100", "57014", "25006", "0A000", "54001", "08006"])
    func notCausedByARow(state: String) {
        #expect(!error(state).isDataError)
    }

    @Test func aStaleStatementIsOneWhoseSessionIsOfNoUse() {
        #expect(error("26000").isStaleStatement)
        // The server speaks the language of its lc_messages.
        let stale = PostgresError(
            sqlState: "0A000", severity: "ERROR", message: "gecachter Plan darf den Ergebnistyp nicht ändern",
            function: "RevalidateCachedQuery", isConnectionLoss: false)
        #expect(stale.isStaleStatement && stale.prefixed("reading").isStaleStatement)
        #expect(!error("0A000", "cannot alter type of a column used by a view").isStaleStatement)
    }

    @Test(arguments: ["26000", "25006", "08006", "57P01", "57P03"]) func replacesTheSession(state: String) {
        #expect(error(state).requiresReconnect)
    }

    @Test(arguments: ["23505", "40001", "57014", "42P01"]) func keepsTheSession(state: String) {
        #expect(!error(state).requiresReconnect)
    }

    @Test func theOutcomeIsUnknownWhenItWasSentAndLostOrWhenTheServerSaysSo() {
        var lost = PostgresError.connection("gone")
        #expect(!lost.isOutcomeUnknown)
        lost.wasSent = true
        #expect(lost.isOutcomeUnknown)
        #expect(error("40003").isOutcomeUnknown && !error("40003").isTransactionRollback)
        #expect(error("08007").isOutcomeUnknown)
        #expect(!error("40001").isOutcomeUnknown && error("40001").isTransactionRollback)
    }

    @Test func describesItselfInOneLine() {
        let error = PostgresError(
            sqlState: "23505", severity: "ERROR", message: "duplicate key", detail: "Key (id)=(1) already exists.",
            isConnectionLoss: false)
        #expect("\(error)" == "duplicate key (Key (id)=(1) already exists.) [23505]")
        #expect(PostgresError.oneLine("a\nb\n") == "a; b")
    }
}
