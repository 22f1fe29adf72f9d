import Logging

extension Command {
    /// Brings the schema of the database up to date, waiting for the database first.
    /// - Returns: the exit code: 69 when the database did not answer in time, 70 when the migration failed.
    static func migrate(_ configuration: Configuration) -> Int32 {
        let log = Logger(label: "score-gateway")
        if let file = configuration.sqliteFile {
            do throws(StartError) {
                try SQLiteServices.prepare(file, migrates: true, log)
                return ExitCode.ok
            } catch {
                log.critical("migrate: \(error)")
                return ExitCode.software
            }
        }
        guard let database = configuration.postgres else { return ExitCode.configuration }
        do throws(MigrationError) {
            _ = try Migrator.run(database) { $0.write(to: log) }
            return ExitCode.ok
        } catch {
            log.critical("migrate: \(error)")
            return error.waited == nil ? ExitCode.software : ExitCode.unavailable
        }
    }
}
