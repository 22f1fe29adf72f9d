extension Command {
    /// Serves until a signal ends it. The log runs and the signals are blocked when this is called.
    /// - Returns: the exit code.
    static func serve(_ configuration: Configuration) -> Int32 {
        ExitCode.software
    }

    /// Brings the schema of the database up to date, waiting for the database first.
    /// - Returns: the exit code.
    static func migrate(_ configuration: Configuration) -> Int32 {
        ExitCode.software
    }
}
