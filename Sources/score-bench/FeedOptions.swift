import ArgumentParser
import Bench

/// What a run with subscribers takes.
struct FeedOptions: ParsableArguments {
    @Option(help: "Subscribers of the live feed.")
    var subscribers = 1_000

    @Option(
        help: ArgumentHelp(
            "The feed's WebSocket, when it is not /ws/{id} of the same service: ws://localhost:8001/ws/{id}, where {id} "
                + "stands for the subscriber's number.", valueName: "url"))
    var feed: String?

    @Option(help: ArgumentHelp("Connects a second.", valueName: "connects"))
    var ramp = 2_000.0

    @Option(
        help: ArgumentHelp(
            "Addresses 127.0.0.1, 127.0.0.2, … to connect from, as one has about 28,000 ports; on loopback as many as "
                + "needed are used without being told.", valueName: "addresses"))
    var sources: Int?

    @Option(help: ArgumentHelp("The share of subscribers that read once a second only.", valueName: "0…1"))
    var slow = 0.0

    @Option(
        help: ArgumentHelp(
            "The share that loses its connection in the middle and comes back at once.", valueName: "0…1"))
    var storm = 0.0

    func validate() throws {
        guard BenchLimits.connections.contains(subscribers) else {
            throw ValidationError("--subscribers: \(BenchLimits.connections)")
        }
        guard BenchLimits.ramp.contains(ramp), (0...1).contains(slow), (0...1).contains(storm) else {
            throw ValidationError("--ramp: \(BenchLimits.ramp) a second; --slow, --storm: 0 to 1")
        }
        if let sources, !(0...10_000).contains(sources) { throw ValidationError("--sources: expected 0 to 10000") }
    }

    func apply(_ run: RunOptions, to plan: inout LoadPlan) throws {
        var feed: LoadPlan.Feed
        if let text = self.feed {
            let authority = text.firstRange(of: "://")?.upperBound ?? text.startIndex
            let path = text[authority...].firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? text.endIndex
            feed = LoadPlan.Feed(target: try run.target(String(text[..<path])))
            if path < text.endIndex { feed.path = String(text[path...]) }
            guard feed.path.hasPrefix("/"), Target.isPath(feed.path) else {
                throw ValidationError("--feed: expected a path of visible ASCII such as /ws/{id}")
            }
        } else {
            feed = LoadPlan.Feed(target: plan.target)
        }
        feed.subscribers = subscribers
        feed.ramp = ramp
        let isLoopback = ["127.0.0.1", "localhost"].contains(feed.target.host)
        let needed = (subscribers + BenchLimits.connectionsPerSource - 1) / BenchLimits.connectionsPerSource
        feed.sources = sources ?? (isLoopback && needed > 1 ? needed : 0)
        feed.slowShare = slow
        feed.stormShare = storm
        plan.feed = feed
        plan.settings += [
            .init("subscribers", "\(subscribers)"), .init("ramp", "\(ramp)"), .init("sources", "\(feed.sources)"),
            .init("slow", "\(slow)"), .init("storm", "\(storm)"),
        ]
    }
}
