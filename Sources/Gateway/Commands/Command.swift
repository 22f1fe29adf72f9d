import Logging
import Reactor

/// What the program can be told to do. Each command reads the configuration it needs, and returns its exit code.
public enum Command {
    /// `score-gateway serve`
    public static func serve() -> Int32 {
        withConfiguration(for: .serve) { configuration, source in
            // Before the log thread exists: a thread that does not block a signal is one that may be ended by it.
            Signals.block()
            return logged(configuration) { serve(configuration, source) }
        }
    }

    /// `score-gateway migrate`
    public static func migrate() -> Int32 {
        withConfiguration(for: .migrate) { configuration, _ in
            Signals.endTheProcess()
            return logged(configuration) { migrate(configuration) }
        }
    }

    /// `score-gateway wait`
    /// - Parameter seconds: how long at most.
    public static func wait(seconds: Double) -> Int32 {
        withConfiguration(for: .wait) { configuration, _ in
            Signals.endTheProcess()
            return Wait.run(configuration, timeout: .milliseconds(Int64(seconds * 1000)))
        }
    }

    /// `score-gateway config`
    public static func showConfiguration() -> Int32 {
        do throws(ConfigurationError) {
            let source = try ConfigurationSource.process()
            let listing = try ConfigurationListing(source)
            StandardOutput.write(listing.text)
            guard listing.problems.isEmpty else { throw ConfigurationError(listing.problems) }
            return ExitCode.ok
        } catch {
            return refuse(error)
        }
    }

    /// `score-gateway config --markdown`: the table of all variables, for the README.
    public static func listVariables() -> Int32 {
        StandardOutput.write(Help.markdown)
        return ExitCode.ok
    }

    /// `score-gateway healthcheck`: 0 when the server on HOST and PORT says it lives, else 1.
    public static func healthcheck() -> Int32 {
        do throws(ConfigurationError) {
            let address = try Configuration.listeningAddress(try ConfigurationSource.process())
            return Healthcheck.run(host: address.host, port: address.port, tls: address.tls)
        } catch {
            _ = refuse(error)
            return 1
        }
    }

    private static func withConfiguration(
        for purpose: Configuration.Purpose, _ body: (Configuration, ConfigurationSource) -> Int32
    ) -> Int32 {
        do throws(ConfigurationError) {
            let source = try ConfigurationSource.process()
            return body(try Configuration(source, for: purpose), source)
        } catch {
            return refuse(error)
        }
    }

    private static func logged(_ configuration: Configuration, _ body: () -> Int32) -> Int32 {
        do throws(SystemError) {
            let log = try Log.start(level: configuration.logLevel, format: configuration.logFormat)
            defer { log.finish() }
            return body()
        } catch {
            StandardError.write("score-gateway: the log cannot start: \(error)\n")
            return ExitCode.software
        }
    }

    private static func refuse(_ error: ConfigurationError) -> Int32 {
        for problem in error.problems { StandardError.write("score-gateway: \(problem)\n") }
        return error.exitCode
    }
}
