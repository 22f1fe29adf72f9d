import ArgumentParser
import Bench

/// What a run with requests takes.
struct RequestOptions: ParsableArguments {
    @Option(help: "Keep-alive connections.")
    var connections = 64

    @Option(help: ArgumentHelp("Requests on their way on one connection.", valueName: "depth"))
    var pipeline = 1

    @Option(
        help: ArgumentHelp(
            "Requests a second, sent when due (open loop). Without it each answer is followed by a request (closed loop).",
            valueName: "requests"))
    var rate: Double?

    @Option(help: ArgumentHelp("Requests of an open loop that are due at the same instant.", valueName: "requests"))
    var burst = 1

    @Option(help: ArgumentHelp("Sent as Authorization: Bearer.", valueName: "token"))
    var token: String?

    func validate() throws {
        guard BenchLimits.connections.contains(connections), BenchLimits.pipelining.contains(pipeline) else {
            throw ValidationError(
                "--connections: \(BenchLimits.connections), --pipeline: \(BenchLimits.pipelining)")
        }
        if let rate, !BenchLimits.rate.contains(rate) { throw ValidationError("--rate: \(BenchLimits.rate)") }
        guard burst > 0, burst <= 100_000 else { throw ValidationError("--burst: expected 1 to 100000") }
        guard burst == 1 || rate != nil else { throw ValidationError("--burst: only with --rate") }
    }

    /// Puts them into a plan.
    func apply(_ kind: LoadPlan.Requests.Kind, path: String, to plan: inout LoadPlan) throws {
        guard path.hasPrefix("/"), Target.isPath(path) else {
            throw ValidationError("--path: expected a path of visible ASCII such as /scores")
        }
        var requests = LoadPlan.Requests(kind, path: path)
        requests.connections = connections
        requests.pipelining = pipeline
        requests.rate = rate
        requests.burst = burst
        requests.token = token
        plan.requests = requests
        plan.settings += [
            .init("path", path), .init("connections", "\(connections)"), .init("pipeline", "\(pipeline)"),
            .init("rate", rate.map { "\($0)" } ?? "closed loop"), .init("burst", "\(burst)"),
        ]
    }
}

/// What a run that posts takes besides.
struct PostOptions: ParsableArguments {
    @Option(help: "How scores are written: single, array or ndjson.")
    var body = ScoreBody.single

    @Option(help: ArgumentHelp("Scores of one request, for array and ndjson.", valueName: "scores"))
    var batch = 100

    @Option(help: "Where to post.")
    var path = "/scores"

    func validate() throws {
        guard BenchLimits.batch.contains(batch) else { throw ValidationError("--batch: \(BenchLimits.batch)") }
    }

    var kind: LoadPlan.Requests.Kind { .post(body, count: body == .single ? 1 : batch) }

    /// Notes them in a plan's settings.
    func note(in plan: inout LoadPlan) {
        plan.settings.append(.init("body", body == .single ? "single" : "\(body.rawValue) of \(batch)"))
    }
}

extension ScoreBody: ExpressibleByArgument {}
