import Glibc
import Logging
import Postgres

/// Brings the schema up to date while the gateway already lives: it waits for a database that is not there yet, and
/// tries again what somebody has to mend first (a missing privilege, a table that is another one).
enum SchemaKeeper {
    /// How long one run waits before it is begun anew; only the wording of the log depends on it.
    private static let round: Duration = .seconds(3600)

    /// Between tries when the migration itself fails.
    private static let pauseSeconds: UInt32 = 10

    /// Blocks until the schema is right.
    static func prepare(_ database: PostgresConfiguration, _ log: Logger) {
        while true {
            do throws(MigrationError) {
                _ = try Migrator.run(database, waitingAtMost: round) { $0.write(to: log) }
                return
            } catch {
                log.error(
                    "migrate: the schema cannot be brought up to date; trying again", metadata: ["error": "\(error)"])
                sleep(pauseSeconds)
            }
        }
    }

    /// Blocks until the poster's queue has a place.
    static func placeQueue(_ database: PostgresConfiguration, _ log: Logger) {
        while true {
            do throws(PostgresError) {
                try BlockingConnection(database).run(ScoreSQL.firstPlace, within: MigrationLimits.lookUp)
                return
            } catch {
                log.error("poster: its place cannot be kept; trying again", metadata: ["error": "\(error)"])
                sleep(pauseSeconds)
            }
        }
    }
}
