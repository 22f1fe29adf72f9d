import ArgumentParser

@main
struct ScoreBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "score-bench",
        abstract: "The load tool of Score Gateway.",
        discussion: """
            Its subcommands, ingest (posts scores) and fanout (opens live feeds), come with the
            speed suite. This version measures nothing yet.
            """,
        // The same as Gateway's Version.text, which this target does not import; a test compares the two.
        version: "score-bench 0.1.0")

    func run() throws {
        throw CleanExit.helpRequest(self)
    }
}
