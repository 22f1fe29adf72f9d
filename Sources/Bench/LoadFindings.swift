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
            sum.accepted.formUnion(result.accepted)
            sum.storedTwice += result.storedTwice
            sum.judged += result.judged
            sum.holes += result.holes
            sum.holeIDs += result.holeIDs
            sum.doubleIDs += result.doubleIDs
            sum.isLedgerFull = sum.isLedgerFull || result.isLedgerFull
            sum.notes.merge(result.notes, uniquingKeysWith: +)
            sum.statuses.merge(result.statuses, uniquingKeysWith: +)
        }
        lost = sum.holes
        for result in results where result.judged > 0 && !result.isLedgerFull {
            lost += sum.accepted.countOfThoseNot(in: result.seen) * result.judged
        }
    }

    func latencies() -> [Report.Latency] {
        [answers.report("answer"), deliveries.report("delivery"), connects.report("connect")].compactMap { $0 }
    }

    // MARK: Metrics

    func metrics() -> [Report.Metric] {
        (plan.requests == nil ? [] : requestMetrics()) + (plan.broker == nil ? [] : brokerMetrics())
            + (plan.feed == nil ? [] : feedMetrics()) + processMetrics() + driftMetrics()
    }

    private func perSecond(_ count: Int) -> Double {
        seconds > 0 ? Double(count) / seconds : 0
    }

    private func requestMetrics() -> [Report.Metric] {
        let measured = sum.measured
        var metrics: [Report.Metric] = [
            .init("requests", "requests answered", Double(measured.answers), .count),
            .init("requests_per_second", "requests a second", perSecond(measured.answers), .perSecond, better: .higher),
        ]
        if case .post = plan.requests?.kind {
            metrics.append(
                .init("scores_per_second", "scores a second", perSecond(measured.scores), .perSecond, better: .higher))
        }
        metrics += [
            .init("content_per_second", "content received a second", perSecond(measured.contentBytes), .bytes),
            .init("refused", "answers other than 2xx", Double(sum.whole.refusals), .count, better: .lower),
            .init(
                "lost_requests", "requests without an answer", Double(sum.whole.lostRequests), .count, better: .lower),
            .init("server_closes", "connections closed between answers", Double(measured.serverCloses), .count),
        ]
        if plan.requests?.rate != nil {
            metrics.append(
                .init("dropped", "arrivals never sent", Double(sum.whole.droppedArrivals), .count, better: .lower))
        }
        return metrics
    }

    private func brokerMetrics() -> [Report.Metric] {
        [
            .init(
                "published_per_second", "scores published a second", perSecond(sum.measured.published), .perSecond,
                better: .higher)
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
            .init("lost", "deliveries lost", Double(lost), .count, better: .lower),
            .init("doubles", "deliveries doubled", Double(sum.whole.doubles), .count, better: .lower),
            .init("repeated", "repeated by resumes", Double(sum.whole.repeated), .count),
            .init("stored_twice", "scores stored twice", Double(sum.storedTwice), .count, better: .lower),
            .init("disconnects", "feed connections lost", Double(sum.whole.disconnects), .count, better: .lower),
            .init("reconnects", "feed connections resumed", Double(sum.whole.reconnects), .count),
            .init("failed_connects", "connects that failed", Double(sum.whole.failedConnects), .count, better: .lower),
        ]
    }

    private func processMetrics() -> [Report.Metric] {
        var metrics: [Report.Metric] = []
        if let cpu = watch.cpuSeconds {
            let measured = sum.measured
            metrics.append(.init("server_cpu", "server CPU time", cpu, .seconds, better: .lower))
            if cpu > 0, measured.answers > 0 {
                metrics += [
                    .init(
                        "requests_per_cpu_second", "requests a server CPU-second", Double(measured.answers) / cpu,
                        .perCPUSecond, better: .higher),
                    .init(
                        "server_cpu_per_request", "server CPU a request", cpu / Double(measured.answers) * 1e6,
                        .microseconds, better: .lower),
                ]
            }
            if cpu > 0, measured.deliveries > 0 {
                metrics.append(
                    .init(
                        "deliveries_per_cpu_second", "deliveries a server CPU-second",
                        Double(measured.deliveries) / cpu, .perCPUSecond, better: .higher))
            }
        }
        if let memory = watch.mostMemory {
            metrics.append(
                .init("server_memory", "server memory, at most", Double(memory), .bytes, better: .lower))
        }
        metrics.append(.init("client_busy", "busiest load reactor", busy, .ratio, better: .lower))
        return metrics
    }

    private var measuring: [Report.Moment] { timeline.filter { $0.phase == .measuring } }

    private var busy: Double {
        let busy = measuring.map(\.clientBusy).sorted()
        return busy.isEmpty ? 0 : busy[busy.count / 2]
    }

    /// How the last quarter of the measured time differs from the first.
    private func driftMetrics() -> [Report.Metric] {
        let moments = measuring
        guard moments.count >= 8 else { return [] }
        let first = moments.prefix(moments.count / 4)
        let last = moments.suffix(moments.count / 4)
        var metrics: [Report.Metric] = []
        let memory = (Self.median(first.compactMap(\.serverMemory)), Self.median(last.compactMap(\.serverMemory)))
        if let before = memory.0, let after = memory.1 {
            metrics.append(
                .init("memory_drift", "server memory, last quarter less first", after - before, .bytes, better: .lower))
        }
        let latencies = [
            ("answer_drift", "answer p99, last quarter to first", \Report.Moment.answerP99),
            ("delivery_drift", "delivery p99, last quarter to first", \.deliveryP99),
        ]
        for (name, title, member) in latencies {
            let before = Self.median(first.compactMap { $0[keyPath: member] })
            if let before, before > 0, let after = Self.median(last.compactMap { $0[keyPath: member] }) {
                metrics.append(.init(name, title, after / before, .ratio, better: .lower))
            }
        }
        return metrics
    }

    private static func median(_ values: [some BinaryInteger]) -> Double? {
        values.isEmpty ? nil : Double(values.sorted()[values.count / 2])
    }

    // MARK: Warnings

    func warnings() -> [String] {
        var warnings: [String] = []
        if busy > BenchLimits.saturated {
            warnings.append(
                "a load reactor was busy for \(Int(busy * 100)) % of the time: the load tool is the bottleneck, and its "
                    + "latencies are partly its own (more --threads, or more machines)")
        }
        if !isComplete { warnings.append("not all connections came up in time: measured with those that did") }
        if sum.whole.droppedArrivals > 0 {
            warnings.append(
                "\(sum.whole.droppedArrivals) arrivals were never sent: the rate is beyond what is answered")
        }
        if plan.feed != nil, sum.judged == 0, timeline.contains(where: { $0.subscribers > 0 }) {
            warnings.append("every subscriber is a slow reader (--slow): no delivery was judged")
        }
        if sum.isLedgerFull {
            warnings.append("more than \(BenchLimits.ledgerMessages) messages: later ones were not judged for holes")
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

    /// The tool's own serials stand below zero in a ledger, and say nothing to people.
    private static func examples(_ ids: [Int64]) -> String {
        let ids = Set(ids).filter { $0 >= 0 }.sorted().prefix(BenchLimits.namedFaults)
        return ids.isEmpty ? "" : ", for example of the ids " + ids.map(String.init).joined(separator: ", ")
    }
}
