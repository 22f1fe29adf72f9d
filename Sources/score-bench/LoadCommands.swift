import AMQP
import ArgumentParser
import Bench

/// Posts, without looking at the feed.
struct Ingest: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Post scores: as fast as they are answered, or at a rate.")

    @OptionGroup var options: RunOptions
    @OptionGroup var requests: RequestOptions
    @OptionGroup var post: PostOptions

    func run() throws {
        var plan = try options.plan("ingest")
        try requests.apply(post.kind, path: post.path, to: &plan)
        post.note(in: &plan)
        try Outcome.of(plan, options)
    }
}

/// Gets.
struct Read: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Get a path: as fast as it is answered, or at a rate.")

    @OptionGroup var options: RunOptions
    @OptionGroup var requests: RequestOptions

    @Option(help: "What to get, with its query.")
    var path = "/scores?limit=100"

    func run() throws {
        var plan = try options.plan("read")
        try requests.apply(.get, path: path, to: &plan)
        try Outcome.of(plan, options)
    }
}

/// Subscribers and one publisher.
struct Fanout: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Subscribers of the live feed, and a publisher at a rate: by POST, or straight to the broker.")

    @OptionGroup var options: RunOptions
    @OptionGroup var feed: FeedOptions

    @Option(help: ArgumentHelp("Scores a second.", valueName: "scores"))
    var rate = 20.0

    @Option(help: ArgumentHelp("Scores that are due at the same instant.", valueName: "scores"))
    var burst = 1

    @Option(
        help: ArgumentHelp(
            "Publish to this broker's exchange instead of posting: amqp://user:password@host:port/vhost.",
            valueName: "url"))
    var broker: String?

    @Option(help: "The broker's exchange.")
    var exchange = "scores"

    @Option(help: ArgumentHelp("Sent as Authorization: Bearer.", valueName: "token"))
    var token: String?

    func validate() throws {
        guard BenchLimits.rate.contains(rate), burst > 0, burst <= 100_000 else {
            throw ValidationError("--rate: \(BenchLimits.rate), --burst: 1 to 100000")
        }
    }

    func run() throws {
        var plan = try options.plan("fanout")
        try feed.apply(options, to: &plan)
        plan.settings += [
            .init("rate", "\(rate)"), .init("burst", "\(burst)"), .init("by", broker == nil ? "POST" : "broker"),
        ]
        if let broker {
            guard let endpoint = BrokerEndpoint(url: broker) else {
                throw ValidationError("--broker: expected amqp://user:password@host:port/vhost")
            }
            guard !endpoint.tls else { throw ValidationError("--broker: amqps cannot be used here") }
            var publisher = LoadPlan.Broker(
                AMQPConfiguration(endpoints: [endpoint], connectionName: "score-bench", product: "score-bench"))
            publisher.exchange = exchange
            publisher.rate = rate
            publisher.burst = burst
            plan.broker = publisher
        } else {
            // One connection, deep enough that a burst leaves in one write.
            var requests = LoadPlan.Requests(.post(.single, count: 1), path: "/scores")
            requests.connections = options.threads
            requests.pipelining = BenchLimits.pipelining.upperBound
            requests.rate = rate
            requests.burst = burst
            requests.token = token
            plan.requests = requests
        }
        try Outcome.of(plan, options)
    }
}

/// Posts and subscribers together.
struct Mixed: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Post scores and watch the live feed deliver them.")

    @OptionGroup var options: RunOptions
    @OptionGroup var requests: RequestOptions
    @OptionGroup var post: PostOptions
    @OptionGroup var feed: FeedOptions

    func run() throws {
        try Outcome.of(Self.plan("mixed", options, requests, post, feed), options)
    }

    static func plan(
        _ scenario: String, _ options: RunOptions, _ requests: RequestOptions, _ post: PostOptions, _ feed: FeedOptions
    ) throws -> LoadPlan {
        var plan = try options.plan(scenario)
        try requests.apply(post.kind, path: post.path, to: &plan)
        post.note(in: &plan)
        try feed.apply(options, to: &plan)
        return plan
    }
}

/// The same for long.
struct Soak: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The same as mixed for --minutes, and how memory and latency drift.")

    @OptionGroup var options: RunOptions
    @OptionGroup var requests: RequestOptions
    @OptionGroup var post: PostOptions
    @OptionGroup var feed: FeedOptions

    @Option(help: "How long is measured, instead of --duration.")
    var minutes = 30.0

    func validate() throws {
        guard minutes > 0, minutes <= 525_600 else { throw ValidationError("--minutes: more than none") }
    }

    func run() throws {
        var plan = try Mixed.plan("soak", options, requests, post, feed)
        plan.duration = .seconds(minutes * 60)
        plan.settings[0] = .init("duration", "\(minutes * 60) s")
        try Outcome.of(plan, options)
    }
}
