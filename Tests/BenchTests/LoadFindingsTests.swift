import AMQP
import Testing

@testable import Bench

@Suite struct LoadFindingsTests {
    private func plan(rate: Double? = nil, hasFeed: Bool = true) throws -> LoadPlan {
        let target = try Target("http://localhost:8000")
        var plan = LoadPlan(scenario: "mixed", target: target)
        plan.requests = LoadPlan.Requests(.post(.single, count: 1), path: "/scores")
        plan.requests?.rate = rate
        if hasFeed { plan.feed = LoadPlan.Feed(target: target) }
        return plan
    }

    private func findings(_ plan: LoadPlan, _ results: [LoadResult], seconds: Double = 10) -> LoadFindings {
        var findings = LoadFindings(plan, results, [], ProcessWatch([]))
        findings.seconds = seconds
        return findings
    }

    private func value(_ name: String, _ findings: LoadFindings) -> Double? {
        findings.metrics().first { $0.name == name }?.value
    }

    private func unanswered(_ findings: LoadFindings) -> [String: UInt64] {
        findings.latencies().reduce(into: [:]) { $0[$1.name] = $1.unanswered }
    }

    @Test func whereNothingWasTakenNothingIsKnownOfLosses() throws {
        var result = LoadResult(worker: 0)
        result.judged = 5
        #expect(value("lost", findings(try plan(), [result]))?.isNaN == true)
        result.accepted.insert(worker: 0, 1)
        #expect(value("lost", findings(try plan(), [result])) == 5)
        result.seen.insert(worker: 0, 1)
        #expect(value("lost", findings(try plan(), [result])) == 0)
        result.judged = 0
        #expect(value("lost", findings(try plan(), [result]))?.isNaN == true)
    }

    @Test func aFullLedgerKnowsNothingOfLosses() throws {
        var result = LoadResult(worker: 0)
        result.judged = 5
        result.accepted.insert(worker: 0, 1)
        result.isLedgerFull = true
        result.whole.beyond = 15_015
        let found = findings(try plan(), [result])
        #expect(value("lost", found)?.isNaN == true)
        #expect(found.warnings().contains { $0.hasPrefix("15015 deliveries are of messages after the first") })
        #expect(!found.warnings().contains { $0.contains("not ours") })
    }

    /// Also in a run of less than a second, which has no whole second in its timeline.
    @Test func theBusiestLoadReactorIsNamed() throws {
        var results = [LoadResult(worker: 0), LoadResult(worker: 1)]
        results[1].busy = 0.97
        let found = findings(try plan(), results)
        #expect(value("client_busy", found) == 0.97)
        #expect(found.warnings().contains { $0.contains("97 % of the time: the load tool is the bottleneck") })
    }

    @Test func refusalsAreNoThroughput() throws {
        var result = LoadResult(worker: 0)
        result.measured.answers = 1_000
        result.measured.refusals = 900
        result.due.refusals = 905
        result.whole.refusals = 2_000
        let found = findings(try plan(hasFeed: false), [result])
        #expect(value("requests", found) == 100)
        #expect(value("requests_per_second", found) == 10)
        // Those of the measured time, and not those of the warm-up.
        #expect(value("refused", found) == 905)
    }

    @Test func whatWasNeverSentReachesNobody() throws {
        var sender = LoadResult(worker: 0)
        sender.undelivered.recordUnanswered(5_000_000, count: 3)
        sender.uncertain = [UncertainScores(worker: 0, first: 7, count: 2, waited: 1_000)]
        var reader = LoadResult(worker: 1)
        reader.judged = 10
        // One of the two whose request had no answer was stored all the same.
        reader.seen.insert(worker: 0, 8)
        #expect(unanswered(findings(try plan(), [sender, reader])) == ["delivery": 40])
    }

    @Test func whatWasTakenAndReachedNobodyIsNoFastDelivery() throws {
        var result = LoadResult(worker: 0)
        result.judged = 4
        result.settled = 2_000_000_000
        result.accepted.insert(worker: 0, 1)
        #expect(unanswered(findings(try plan(), [result])) == ["delivery": 4])
    }

    @Test(arguments: [(9_900, false), (9_800, true)]) func aRateThatIsNotReachedIsSaid(_ answers: Int, _ isSaid: Bool)
        throws
    {
        var result = LoadResult(worker: 0)
        result.measured.answers = answers
        let warnings = findings(try plan(rate: 1_000, hasFeed: false), [result]).warnings()
        #expect(
            warnings.contains("the rate was not reached: 980 requests answered a second, where 1 k were due") == isSaid)
    }

    @Test func whyArrivalsWereNotSent() throws {
        var result = LoadResult(worker: 0)
        result.measured.answers = 10_000
        result.whole.droppedArrivals = 3
        // What is still on its way at the end is no lost connection.
        result.whole.lostRequests = 64
        #expect(
            findings(try plan(rate: 1_000), [result]).warnings().contains { $0.hasSuffix("beyond what is answered") })
        result.whole.brokenConnections = 1
        #expect(findings(try plan(rate: 1_000), [result]).warnings().contains { $0.hasSuffix("connections were lost") })
    }

    @Test func aBrokersOpenLoopHasDroppedToo() throws {
        var plan = try plan()
        plan.requests = nil
        let endpoint = try #require(BrokerEndpoint(url: "amqp://localhost"))
        plan.broker = LoadPlan.Broker(AMQPConfiguration(endpoints: [endpoint], connectionName: ""))
        var result = LoadResult(worker: 0)
        result.due.droppedArrivals = 7
        #expect(value("dropped", findings(plan, [result])) == 7)
    }

    @Test func everyNameOfAReportIsKnownBefore() throws {
        var plan = try plan(rate: 1)
        plan.processes = [1]
        let names = Set(LoadFindings.metricNames(plan))
        #expect(Set(findings(plan, []).metrics().map(\.name)).isSubset(of: names))
        #expect(names.isSuperset(of: ["lost", "dropped", "delivery_drift", "server_memory", "client_busy"]))
    }
}
