/// Makes the report's figures of what the load reactors found.
struct LoadFindings {
    private let plan: LoadPlan
    private let timeline: [Report.Moment]
    private let watch: ProcessWatch
    private var answers = LatencyRecord()
    private var deliveries = LatencyRecord()
    private var connects = LatencyRecord()
    private var sum = LoadResult(worker: 0)
    /// Deliveries that did not come: ids the ledgers know, and own scores that no ledger has though they were accepted.
    private var lost = 0
    var seconds = 0.0
    var isComplete = true

    init(_ plan: LoadPlan, _ results: [LoadResult], _ timeline: [Report.Moment], _ watch: ProcessWatch) {
        self.plan = plan
        self.timeline = timeline
        self.watch = watch
        for result in results {
            answers.add(result.answers)
            deliveries.add(result.deliveries)
            connects.add(result.connects)
            sum.measured = sum.measured + result.measured
            sum.whole = sum.whole + result.whole
            sum.due = sum.due + result.due
            sum.accepted.formUnion(result.accepted)
            sum.storedTwice += result.storedTwice
            sum.judged += result.judged
            sum.busy = max(sum.busy, result.busy)
            sum.holes += result.holes
            sum.holeIDs += result.holeIDs
            sum.doubleIDs += result.doubleIDs
            sum.isLedgerFull = sum.isLedgerFull || result.isLedgerFull
            sum.notes.merge(result.notes, uniquingKeysWith: +)
            sum.statuses.merge(result.statuses, uniquingKeysWith: +)
        }
        lost = sum.holes
        for result in results where result.judged > 0 && !result.isLedgerFull {
            let unseen = sum.accepted.countOfThoseNot(in: result.seen) * result.judged
            lost += unseen
            deliveries.recordUnanswered(result.settled, count: unseen)
            for sender in results {
                deliveries.addUnanswered(of: sender.undelivered, times: result.judged)
                for scores in sender.uncertain {
                    let missing = scores.countOfThoseNot(in: result.seen) * result.judged
                    deliveries.recordUnanswered(scores.waited, count: missing)
                }
            }
        }
    }

    func latencies() -> [Report.Latency] {
        [answers.report("answer"), deliveries.report("delivery"), connects.report("connect")].compactMap { $0 }
    }

    // MARK: Metrics

    /// What was not measured is not a number: shown as a dash, and null in JSON.
    func metrics() -> [Report.Metric] {
        metricsWithoutDrift() + driftMetrics().filter { $0.value.isFinite }
    }

    /// What a report of this plan can have.
    static func metricNames(_ plan: LoadPlan) -> [String] {
        let findings = LoadFindings(plan, [], [], ProcessWatch([]))
        return (findings.metricsWithoutDrift() + findings.driftMetrics()).map(\.name)
    }

    private func metricsWithoutDrift() -> [Report.Metric] {
        (plan.requests == nil ? [] : requestMetrics()) + (plan.broker == nil ? [] : brokerMetrics())
            + (plan.feed == nil ? [] : feedMetrics()) + (plan.processes.isEmpty ? [] : processMetrics())
            + [.init("client_busy", "busiest load reactor", sum.busy, .ratio, better: .lower)]
    }

    private func perSecond(_ count: Int) -> Double {
        seconds > 0 ? Double(count) / seconds : 0
    }

    private func requestMetrics() -> [Report.Metric] {
        let measured = sum.measured
        var metrics: [Report.Metric] = [
            .init("requests", "requests answered with 2xx", Double(measured.successes), .count),
            .init(
                "requests_per_second", "requests a second", perSecond(measured.successes), .perSecond, better: .higher),
        ]
        if case .post = plan.requests?.kind {
            metrics.append(
                .init("scores_per_second", "scores a second", perSecond(measured.scores), .perSecond, better: .higher))
        }
        metrics += [
            .init("content_per_second", "content received a second", perSecond(measured.contentBytes), .bytes),
            .init("refused", "answers other than 2xx", Double(sum.due.refusals), .count, better: .lower),
            .init(
                "lost_requests", "requests without an answer", Double(sum.due.lostRequests), .count, better: .lower),
            .init("server_closes", "connections closed between answers", Double(sum.due.serverCloses), .count),
        ]
        if plan.requests?.rate != nil {
            metrics.append(
                .init("dropped", "arrivals never sent", Double(sum.due.droppedArrivals), .count, better: .lower))
        }
        return metrics
    }

    private func brokerMetrics() -> [Report.Metric] {
        [
            .init(
                "published_per_second", "scores published a second", perSecond(sum.measured.published), .perSecond,
                better: .higher),
            .init("dropped", "scores never published", Double(sum.due.droppedArrivals), .count, better: .lower),
        ]
    }

    private func feedMetrics() -> [Report.Metric] {
        let measured = sum.measured
        return [
            .init("subscribers", "subscribers", Double(timeline.map(\.subscribers).max() ?? 0), .count),
            .init("deliveries", "deliveries", Double(measured.deliveries), .count),
            .init(
                "deliveries_per_second", "deliveries a second", perSecond(measured.deliveries), .perSecond,
                better: .higher),
            .init("lost", "deliveries lost", isJudged ? Double(lost) : .nan, .count, better: .lower),
            .init("doubles", "deliveries doubled", Double(sum.whole.doubles), .count, better: .lower),
            .init("repeated", "repeated by resumes", Double(sum.whole.repeated), .count),
            .init("stored_twice", "scores stored twice", Double(sum.storedTwice), .count, better: .lower),
            .init("disconnects", "feed connections lost", Double(sum.whole.disconnects), .count, better: .lower),
            .init("reconnects", "feed connections resumed", Double(sum.whole.reconnects), .count),
            .init("failed_connects", "connects that failed", Double(sum.whole.failedConnects), .count, better: .lower),
        ]
    }

    /// Whether there is something to judge for losses: nothing that was taken cannot be lost.
    private var isJudged: Bool { !sum.isLedgerFull && sum.judged > 0 && (!sum.accepted.isEmpty || lost > 0) }

    private func processMetrics() -> [Report.Metric] {
        let cpu = watch.cpuSeconds ?? .nan
        let measured = sum.measured
        var metrics: [Report.Metric] = [.init("server_cpu", "server CPU time", cpu, .seconds, better: .lower)]
        if plan.requests != nil {
            let requests = Double(measured.successes)
            metrics += [
                .init(
                    "requests_per_cpu_second", "requests a server CPU-second", Self.ratio(requests, cpu),
                    .perCPUSecond, better: .higher),
                .init(
                    "server_cpu_per_request", "server CPU a request", Self.ratio(cpu, requests) * 1e6, .microseconds,
                    better: .lower),
            ]
        }
        if plan.feed != nil {
            metrics.append(
                .init(
                    "deliveries_per_cpu_second", "deliveries a server CPU-second",
                    Self.ratio(Double(measured.deliveries), cpu), .perCPUSecond, better: .higher))
        }
        let memory = watch.mostMemory.map { Double($0) } ?? .nan
        metrics.append(.init("server_memory", "server memory, at most", memory, .bytes, better: .lower))
        return metrics
    }

    /// Not a number where either was not measured, or there was none.
    private static func ratio(_ dividend: Double, _ divisor: Double) -> Double {
        dividend > 0 && divisor > 0 ? dividend / divisor : .nan
    }

    private var measuring: [Report.Moment] { timeline.filter { $0.phase == .measuring } }

    /// How the last quarter of the measured time differs from the first.
    private func driftMetrics() -> [Report.Metric] {
        let moments = measuring.count >= 8 ? measuring : []
        let first = moments.prefix(moments.count / 4)
        let last = moments.suffix(moments.count / 4)
        let memory = Self.median(last.compactMap(\.serverMemory)) - Self.median(first.compactMap(\.serverMemory))
        let answer = Self.ratio(Self.median(last.compactMap(\.answerP99)), Self.median(first.compactMap(\.answerP99)))
        let delivery = Self.ratio(
            Self.median(last.compactMap(\.deliveryP99)), Self.median(first.compactMap(\.deliveryP99)))
        return [
            .init("memory_drift", "server memory, last quarter less first", memory, .bytes, better: .lower),
            .init("answer_drift", "answer p99, last quarter to first", answer, .ratio, better: .lower),
            .init("delivery_drift", "delivery p99, last quarter to first", delivery, .ratio, better: .lower),
        ]
    }

    private static func median(_ values: [some BinaryInteger]) -> Double {
        values.isEmpty ? .nan : Double(values.sorted()[values.count / 2])
    }

    // MARK: Warnings

    func warnings() -> [String] {
        var warnings: [String] = []
        if sum.busy > BenchLimits.saturated {
            warnings.append(
                "a load reactor was busy, or waited for a processor, for \(Int(sum.busy * 100)) % of the time: the load "
                    + "tool is the bottleneck, and its "
                    + "latencies are partly its own (more --threads, or more machines)")
        }
        if !isComplete { warnings.append("not all connections came up in time: measured with those that did") }
        if sum.whole.droppedArrivals > 0 {
            let isLost = sum.whole.failedConnects + sum.whole.brokenConnections > 0
            let why = isLost ? "connections were lost" : "the rate is beyond what is answered"
            warnings.append("\(sum.whole.droppedArrivals) arrivals were never sent: \(why)")
        }
        if let reached = notReached() { warnings.append(reached) }
        for latency in latencies() where latency.unanswered > 0 {
            warnings.append(
                "\(latency.name): \(latency.unanswered) of \(latency.count) never came or were refused; they count as "
                    + "longer than all that came, and > is a lower bound")
        }
        if plan.feed != nil, sum.judged == 0, timeline.contains(where: { $0.subscribers > 0 }) {
            warnings.append("every subscriber is a slow reader (--slow): no delivery was judged")
        }
        if sum.isLedgerFull {
            warnings.append(
                "\(sum.whole.beyond) deliveries are of messages after the first \(BenchLimits.ledgerMessages): their "
                    + "latency counts, but what was lost is not known")
        }
        if sum.whole.unjudged > 0 {
            warnings.append("\(sum.whole.unjudged) deliveries have no id and are not ours: not judged for holes")
        }
        if lost > 0 { warnings.append("lost deliveries" + Self.examples(sum.holeIDs)) }
        if sum.whole.doubles > 0 { warnings.append("doubled deliveries" + Self.examples(sum.doubleIDs)) }
        if watch.isGone { warnings.append("a process named by --pid ended during the run") }
        for (status, count) in sum.statuses.sorted(by: { $0.key < $1.key }) {
            warnings.append("\(count) requests were answered with \(status)")
        }
        for (note, count) in sum.notes.sorted(by: { $0.value > $1.value }).prefix(8) {
            warnings.append(count == 1 ? note : "\(note) (\(count) times)")
        }
        return warnings
    }

    /// An open loop that stayed behind its rate: its backlog is answered while the run settles, and nobody sees it.
    private func notReached() -> String? {
        let loop: (rate: Double, burst: Int, done: Int, what: String)
        if let requests = plan.requests, let rate = requests.rate {
            loop = (rate, requests.burst, sum.measured.answers, "requests answered")
        } else if let broker = plan.broker {
            loop = (broker.rate, broker.burst, sum.measured.published, "scores published")
        } else {
            return nil
        }
        let missing = loop.rate * seconds - Double(loop.done)
        // At both ends of the measured time a burst may fall to either side.
        guard missing > loop.rate * seconds * (1 - BenchLimits.reached), missing > Double(2 * loop.burst) else {
            return nil
        }
        return "the rate was not reached: \(Figure.count(perSecond(loop.done))) \(loop.what) a second, where "
            + "\(Figure.count(loop.rate)) were due"
    }

    /// The tool's own serials stand below zero in a ledger, and say nothing to people.
    private static func examples(_ ids: [Int64]) -> String {
        let ids = Set(ids).filter { $0 >= 0 }.sorted().prefix(BenchLimits.namedFaults)
        return ids.isEmpty ? "" : ", for example of the ids " + ids.map(String.init).joined(separator: ", ")
    }
}
