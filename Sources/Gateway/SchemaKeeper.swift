import Logging
import Postgres

/// Brings the schema up to date while the gateway already lives. (The migrations follow.)
enum SchemaKeeper {
    static func prepare(_ database: PostgresConfiguration, _ log: Logger) {}
}
