import ArgumentParser
import Gateway
import Glibc

/// Arguments to commands; everything else is in `Gateway`.
@main
struct ScoreGateway: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "score-gateway",
        abstract: Help.abstract,
        discussion: Help.discussion,
        version: "score-gateway \(Version.text)",
        subcommands: [Serve.self, Migrate.self, Wait.self, Config.self, Healthcheck.self],
        defaultSubcommand: Serve.self)

    struct Serve: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Serve the role (this is what happens without a command).")

        func run() {
            end(Command.serve())
        }
    }

    struct Migrate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Wait for the database, bring its schema up to date, and say what was done.")

        func run() {
            end(Command.migrate())
        }
    }

    struct Wait: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Wait until the database and the broker that the role needs answer.")

        @Option(help: ArgumentHelp("Give up after this long, with exit code 69.", valueName: "seconds"))
        var timeout = 20.0

        func validate() throws {
            guard timeout >= 0, timeout <= 86_400 else {
                throw ValidationError("--timeout: expected a number of seconds from 0 to 86400")
            }
        }

        func run() {
            end(Command.wait(seconds: timeout))
        }
    }

    struct Config: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the effective configuration, where each value came from, and what is wrong with it.")

        @Flag(help: ArgumentHelp("Print the table of all variables for the README instead.", visibility: .hidden))
        var markdown = false

        func run() {
            end(markdown ? Command.listVariables() : Command.showConfiguration())
        }
    }

    struct Healthcheck: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ask the server on HOST and PORT whether it lives: exit code 0 or 1.")

        func run() {
            end(Command.healthcheck())
        }
    }
}

/// Ends the process without what exit(3) runs. Threads that nobody waits for (a name that is being looked up, a migration)
/// may be in OpenSSL or the C++ runtime, whose destructors would take from them what they use. The log is written by now,
/// and nothing else is buffered.
private func end(_ code: Int32) -> Never {
    _exit(code)
}
