extension Command {
    /// Brings the schema of the database up to date, waiting for the database first.
    /// - Returns: the exit code.
    static func migrate(_ configuration: Configuration) -> Int32 { ExitCode.software }
}
