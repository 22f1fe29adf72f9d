import ArgumentParser
import Bench

/// What every run takes.
struct RunOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("The service, such as http://localhost:8000.", valueName: "url"))
    var target: String

    @Option(
        help: ArgumentHelp(
            "PEM file of who may vouch for an https or wss service, in place of the system's authorities.",
            valueName: "file"))
    var caFile: String?

    @Option(help: ArgumentHelp("How long is measured.", valueName: "seconds"))
    var duration = 10.0

    @Option(help: ArgumentHelp("How long before that, without measuring.", valueName: "seconds"))
    var warmup = 2.0

    @Option(help: "Load reactors, each on a thread of its own.")
    var threads = 1

    @Option(
        help: ArgumentHelp(
            "A process of the server on this machine: its CPU time and memory are shown. May be repeated.",
            valueName: "id"))
    var pid: [Int32] = []

    @Option(help: ArgumentHelp("Write the report there as JSON (for compare).", valueName: "file"))
    var json: String?

    @Option(help: ArgumentHelp("Write the report there as one HTML page with plots.", valueName: "file"))
    var html: String?

    @Option(
        help: ArgumentHelp(
            "What must hold, else exit code 1: 'p99<10ms,lost=0'. Names are those of the JSON's metrics, and p50 … p99.99, "
                + "max, mean: of deliveries where there are subscribers, else of answers. delivery.p99, answer.p99, connect.p99 "
                + "name one.", valueName: "list"))
    var expect: String?

    @Flag(name: .shortAndLong, help: "No progress on the terminal.")
    var quiet = false

    func validate() throws {
        guard duration > 0, duration <= 31_536_000, warmup >= 0, warmup <= 3_600 else {
            throw ValidationError("--duration and --warmup: expected seconds, more than none")
        }
        guard BenchLimits.threads.contains(threads) else {
            throw ValidationError("--threads: expected \(BenchLimits.threads)")
        }
        for id in pid where !ServerProcess(id).isThere {
            throw ValidationError("--pid: there is no process \(id) here, or it may not be looked at")
        }
        _ = try expectations()
    }

    func expectations() throws -> [Expectation] {
        guard let expect else { return [] }
        do throws(Expectation.Invalid) {
            return try Expectation.list(expect)
        } catch {
            throw ValidationError("--expect: \(error)")
        }
    }

    func plan(_ scenario: String) throws -> LoadPlan {
        var plan = LoadPlan(scenario: scenario, target: try target(target))
        plan.threads = threads
        plan.duration = .seconds(duration)
        plan.warmUp = .seconds(warmup)
        plan.processes = pid
        plan.settings = [
            .init("duration", "\(duration) s"), .init("warmup", "\(warmup) s"), .init("threads", "\(threads)"),
        ]
        return plan
    }

    func target(_ text: String) throws -> Target {
        do throws(Target.Invalid) {
            return try Target(text, caFile: caFile)
        } catch {
            throw ValidationError(error.description)
        }
    }
}
