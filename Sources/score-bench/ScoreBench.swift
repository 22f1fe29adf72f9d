import ArgumentParser

/// Arguments to plans; everything else is in `Bench`.
@main
struct ScoreBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "score-bench",
        abstract:
            "The load tool of Score Gateway, and of any service that takes scores by HTTP and tells them by WebSocket.",
        discussion: """
            Counts every delivery and names what is lost or doubled; measures from the instant at which a request was
            due, whether the server kept up or not. Name the server's process with --pid to see what its CPU gives.

            Exit codes: 0 done; 1 an expectation (--expect) was not met; 64 wrong usage; 69 the server does not answer, or its
            feed does not deliver; 74 a report could not be written.
            """,
        // The same as Gateway's Version.text, which this target does not import; a test compares the two.
        version: "score-bench 0.1.0",
        subcommands: [Ingest.self, Read.self, Fanout.self, Mixed.self, Soak.self, Compare.self])
}
