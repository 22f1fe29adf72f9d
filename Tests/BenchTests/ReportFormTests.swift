import JSON
import Testing

@testable import Bench

@Suite struct ReportFormTests {
    static func report(_ seed: UInt64) -> Report {
        var random = SplitMix(seed)
        func text() -> String {
            let parts = ["ada", "\"", "\\", "ü", "\n", "<b>", "&amp;", "🂡", " "]
            return (0..<Int.random(in: 0...6, using: &random)).map { _ in parts.randomElement(using: &random)! }
                .joined()
        }
        func points() -> [Report.Latency.Point] {
            (0..<Int.random(in: 0...9, using: &random)).map { _ in
                .init(
                    percentile: .random(in: 0...100, using: &random),
                    nanoseconds: .random(in: 0...9_000_000_000, using: &random))
            }
        }
        var timeline: [Report.Moment] = []
        for second in 0..<Int.random(in: 0...5, using: &random) {
            var moment = Report.Moment(second: second, phase: .allCases.randomElement(using: &random)!)
            moment.answers = .random(in: 0...1_000_000, using: &random)
            moment.deliveries = .random(in: 0...1_000_000_000, using: &random)
            moment.answerP99 = Bool.random(using: &random) ? .random(in: 1...1_000_000_000, using: &random) : nil
            moment.deliveryP50 = Bool.random(using: &random) ? 1_384_205 : nil
            moment.serverCPU = Bool.random(using: &random) ? .random(in: 0...2, using: &random) : nil
            moment.serverMemory = Bool.random(using: &random) ? 15_938_355 : nil
            moment.clientBusy = .random(in: 0...1, using: &random)
            timeline.append(moment)
        }
        return Report(
            scenario: text(), target: text(), startedAt: .random(in: 0...2_000_000_000, using: &random),
            seconds: .random(in: 0...100, using: &random), isCutShort: .random(using: &random),
            settings: [.init(text(), text()), .init("threads", "1")],
            machine: .init(processor: text(), cores: 2, kernel: text()),
            metrics: [
                .init(text(), text(), .random(in: 0...1e12, using: &random), .perSecond, better: .higher),
                .init("lost", "deliveries lost", 0, .count, better: .lower),
            ],
            latencies: [
                .init(
                    name: text(), count: .random(in: 0...1_000_000, using: &random),
                    mean: .random(in: 0...1e9, using: &random), min: 1, max: 120_000_000_000, percentiles: points(),
                    curve: points(), unanswered: .random(in: 0...1_000, using: &random))
            ], timeline: timeline, warnings: [text(), text()])
    }

    @Test(arguments: 0..<200) func isReadAsItWasWritten(_ seed: UInt64) throws {
        let report = Self.report(seed)
        #expect(try ReportDecoder.report(ReportEncoder.json(report).span) == report)
    }

    @Test func newMembersArePassedOver() throws {
        let json = String(decoding: ReportEncoder.json(Self.report(1)), as: UTF8.self)
        let more = json.replacing("\"scenario\"", with: "\"new\":[{\"a\":1.5e3}],\"scenario\"", maxReplacements: 1)
        #expect(try ReportDecoder.report(Array(more.utf8).span) == Self.report(1))
    }

    @Test func reportsOfBeforeTheUnansweredAreRead() throws {
        let json = String(decoding: ReportEncoder.json(Self.report(1)).filter { $0 != 10 }, as: UTF8.self)
        let start = try #require(json.firstRange(of: ",\"unanswered\":")).lowerBound
        let end = try #require(json[start...].firstIndex(of: "}"))
        let former = json[..<start] + json[end...]
        var report = Self.report(1)
        report.latencies[0].unanswered = 0
        #expect(try ReportDecoder.report(Array(former.utf8).span) == report)
    }

    @Test(arguments: [
        ("", "no JSON"), ("[]", "score_bench: expected a number"), ("{}", "score_bench: expected a number"),
        ("{\"score_bench\":2}", "form 2"), ("{\"score_bench\":1}", "settings: expected an array"),
        ("{\"score_bench\":1,\"settings\":[{}]}", "name: expected a string"),
        ("{\"score_bench\":1}x", "no JSON"),
    ]) func whatIsNoReportIsRefusedByName(_ json: String, _ why: String) {
        let error = #expect(throws: ReportDecoder.Invalid.self) { try ReportDecoder.report(Array(json.utf8).span) }
        #expect(error?.description.contains(why) == true)
    }

    @Test func everyMemberIsNeeded() throws {
        let json = String(decoding: ReportEncoder.json(Self.report(3)), as: UTF8.self)
        for name in ["scenario", "target", "started_at", "seconds", "machine", "metrics", "latencies", "timeline"] {
            let less = json.replacing("\"\(name)\"", with: "\"x\"", maxReplacements: 1)
            #expect(throws: ReportDecoder.Invalid.self) { try ReportDecoder.report(Array(less.utf8).span) }
        }
    }

    @Test func aPageShowsHostileTextAsText() {
        var report = Self.report(4)
        report.target = "http://<script>alert(1)</script>\"&"
        report.warnings = ["<img src=x onerror=alert(1)>"]
        let page = ReportPage.html(report)
        #expect(!page.contains("<script") && !page.contains("<img"))
        #expect(page.contains("http://&lt;script&gt;alert(1)&lt;/script&gt;&quot;&amp;"))
    }

    /// Nothing measured, one second, one point: no plot divides by nothing.
    @Test(arguments: 0..<200) func aPageIsWellFormedWhateverItShows(_ seed: UInt64) {
        let page = ReportPage.html(Self.report(seed))
        #expect(!page.contains("nan") && !page.contains("inf"))
        for element in ["table", "svg", "tr", "text", "html", "body", "div"] {
            let opened = page.ranges(of: "<\(element) ").count + page.ranges(of: "<\(element)>").count
            #expect(opened == page.ranges(of: "</\(element)>").count)
        }
    }
}

@Suite struct ReportTableTests {
    @Test func showsWhatWasFound() {
        let times: [UInt64] = [1_234, 5_000, 12_300, 99_949, 999_600, 4_410_000, 2_500_000_000]
        let points = zip([50, 75, 90, 95, 99, 99.9, 99.99], times)
        let report = Report(
            scenario: "ingest", target: "http://localhost:8000", startedAt: 0, seconds: 10, isCutShort: true,
            settings: [.init("connections", "64"), .init("rate", "closed loop")],
            machine: .init(processor: "A processor", cores: 2, kernel: "6.18"),
            metrics: [
                .init("requests_per_second", "requests a second", 33_412, .perSecond, better: .higher),
                .init("server_memory", "server memory, at most", 15_938_355, .bytes, better: .lower),
            ],
            latencies: [
                .init(
                    name: "answer", count: 3, mean: 1, min: 1, max: 2_500_000_000,
                    percentiles: points.map { .init(percentile: $0, nanoseconds: $1) }, curve: [])
            ], timeline: [], warnings: ["the load tool is the bottleneck"])
        #expect(
            ReportTable.text(report) == """
                ingest  http://localhost:8000  10.0 s measured (cut short)
                2 × A processor, Linux 6.18
                connections 64 · rate closed loop

                  requests a second           33.4 k/s
                  server memory, at most      15.2 MiB

                  latency          p50       p75       p90       p95       p99     p99.9    p99.99       max
                  answer       1.23 µs      5 µs   12.3 µs   99.9 µs   1.00 ms   4.41 ms    2.50 s    2.50 s

                ! the load tool is the bottleneck

                """)
    }
}

@Suite struct ExpectationTests {
    private let report = Report(
        scenario: "fanout", target: "", startedAt: 0, seconds: 1, isCutShort: false, settings: [],
        machine: .init(processor: "", cores: 1, kernel: ""),
        metrics: [
            .init("deliveries", "", 5, .count), .init("lost", "", 0, .count), .init("doubles", "", .nan, .count),
            .init("deliveries_per_second", "", 1_000_000, .perSecond),
            .init("server_cpu_per_request", "", 16.6, .microseconds), .init("client_busy", "", 0.25, .ratio),
            .init("server_memory", "", 1_048_576, .bytes), .init("server_cpu", "", 1.5, .seconds),
        ],
        latencies: [
            .init(
                name: "answer", count: 1, mean: 2e6, min: 1, max: 9_000_000,
                percentiles: [.init(percentile: 50, nanoseconds: 1_000_000)], curve: []),
            .init(
                name: "delivery", count: 1, mean: 2e6, min: 1, max: 9_000_000,
                percentiles: [
                    .init(percentile: 50, nanoseconds: 3_000_000), .init(percentile: 99.9, nanoseconds: 8_000_000),
                ], curve: []),
        ], timeline: [], warnings: [])

    @Test(arguments: [
        ("lost=0", true), ("lost!=0", false), ("lost<=0", true), ("lost<0", false), ("deliveries_per_second>=1M", true),
        ("deliveries_per_second>1000k", false), ("p50<3ms", false), ("p50<=3ms", true), ("p50>2999us", true),
        ("p99.9<0.01s", true), ("answer.p50=1000µs", true), ("delivery.max<=9ms", true), ("mean<1ms", false),
        ("server_cpu_per_request<=20us", true), ("server_cpu_per_request<16us", false), ("client_busy<30%", true),
        ("server_memory<=1MiB", true), ("server_memory<1023KiB", false), ("server_cpu<2s", true), ("p50 < 4 ms", true),
    ]) func holdsOrNot(_ text: String, _ isMet: Bool) throws {
        let verdict = try #require(try Expectation.list(text).first).verdict(of: report)
        #expect(verdict.isMet == isMet)
    }

    @Test func aRunWithSubscribersIsAboutDeliveries() {
        var report = report
        #expect(report.isOfFeed && report.hasMeasuredAnything)
        report.metrics[0].value = 0
        report.metrics.append(.init("requests", "", 61, .count))
        #expect(!report.hasMeasuredAnything)
        report.metrics.removeFirst()
        #expect(!report.isOfFeed && report.hasMeasuredAnything)
    }

    @Test func aListHasSeveral() throws {
        let list = try Expectation.list("p50<10ms,lost=0")
        #expect(list.map { $0.verdict(of: report).text } == ["p50<10ms: 3 ms", "lost=0: 0"])
    }

    @Test(arguments: ["", ",", "p99", "p99<", "<10ms", "p99~10ms", "p99<10 parsecs", "p99<ms", "lost=nan", "lost=inf"])
    func whatIsNoneIsRefused(_ text: String) {
        #expect(throws: Expectation.Invalid.self) { try Expectation.list(text) }
    }

    private func plan() throws -> LoadPlan {
        var plan = LoadPlan(scenario: "fanout", target: try Target("http://localhost"))
        plan.feed = LoadPlan.Feed(target: plan.target)
        return plan
    }

    @Test(arguments: ["p98<1ms", "losses=0", "answer.p50<1ms", "delivery.p50.0<1ms", "requests>0", "server_cpu<1s"])
    func anUnknownNameIsAnErrorThatNamesTheKnown(_ text: String) throws {
        let expectation = try #require(try Expectation.list(text).first)
        let plan = try plan()
        let error = #expect(throws: Expectation.Invalid.self) { try expectation.check(plan) }
        #expect(error?.description.contains("deliveries_per_second") == true)
    }

    @Test func whatAReportCanHaveIsKnownBefore() throws {
        let list = "p99.9<1ms,max<1s,delivery.p50<1ms,connect.mean<1s,lost=0,delivery_drift<2,client_busy<90%"
        for expectation in try Expectation.list(list) { try expectation.check(try plan()) }
    }

    /// A run in which everything failed has met nothing.
    @Test(arguments: ["doubles=0", "p99<10s", "delivery.mean<10s", "connect.p50<1s", "stored_twice!=1"])
    func ofWhatWasNotMeasuredNothingHolds(_ text: String) throws {
        var report = report
        report.latencies.removeAll { $0.name == "delivery" }
        let verdict = try #require(try Expectation.list(text).first).verdict(of: report)
        #expect(verdict == .init(isMet: false, text: "\(text): not measured"))
    }

    /// p99.9 of the deliveries falls among those that never came: it is at least 8 ms.
    @Test(arguments: [
        ("p50<=3ms", true), ("p99.9<1s", false), ("p99.9<=1s", false), ("p99.9=8ms", false), ("p99.9!=1s", false),
        ("p99.9>7ms", true), ("p99.9>=8ms", true), ("max<1s", false), ("mean<1s", false),
    ]) func aLowerBoundMeetsNoUpperOne(_ text: String, _ isMet: Bool) throws {
        var report = report
        report.latencies[1].count = 100
        report.latencies[1].unanswered = 1
        let verdict = try #require(try Expectation.list(text).first).verdict(of: report)
        #expect(verdict.isMet == isMet)
        if text.hasPrefix("p99.9") { #expect(verdict.text == "\(text): >8 ms") }
    }
}

@Suite struct FigureTests {
    @Test(arguments: [Report.Metric.Unit.perSecond, .seconds, .bytes, .ratio])
    func whatWasNotMeasuredIsADash(_ unit: Report.Metric.Unit) {
        #expect(Figure.value(.init("lost", "deliveries lost", .nan, unit)) == "–")
    }

    @Test(arguments: [
        (0.0, "0"), (42, "42"), (999, "999"), (999.4, "999"), (999.6, "1.00 k"), (1_000, "1 k"), (12_345, "12.3 k"),
        (99_949, "99.9 k"), (4_410_000, "4.41 M"), (-1_500, "-1.50 k"), (0.5, "0.50"), (1e15, "1000 T"),
    ]) func aCountHasThreeDigits(_ value: Double, _ text: String) {
        #expect(Figure.count(value) == text)
    }

    @Test func decimalsAreRounded() {
        #expect(Figure.decimal(1.005, digits: 1) == "1.0")
        #expect(Figure.decimal(0.996, digits: 2) == "1.00")
        #expect(Figure.decimal(-0.001, digits: 2) == "0.00")
        #expect(Figure.decimal(.nan, digits: 2) == "–")
    }
}

/// Plots need a logarithm, and the package has no Foundation.
@Suite struct PlotTests {
    @Test(arguments: [(0.0, 1.0), (1, 1), (1.1, 2), (2, 2), (3, 5), (7, 10), (10, 10), (0.03, 0.05), (4.1e9, 5e9)])
    func anAxisEndsOnARoundNumber(_ value: Double, _ end: Double) {
        #expect((Plot.ceiling(value) - end).magnitude < end * 1e-9)
    }

    /// A second without an answer is a gap in the line, and one between two such is a dot.
    @Test func whereNothingWasMeasuredTheLineIsBroken() {
        let svg = Plot.line([(0, 0), (0.25, 0), nil, (0.75, 0), nil], series: 1)
        #expect(svg.split(separator: "\n").count == 2)
        #expect(svg.contains("points=\"70.0,250.0 267.5,250.0\""))
        #expect(svg.contains("points=\"662.5,250.0 662.5,250.0\""))
        var timeline = (1...3).map { Report.Moment(second: $0, phase: .measuring) }
        timeline[0].answerP99 = 1_000
        timeline[2].answerP99 = 1_000
        #expect(TimelinePlot.svg(timeline).ranges(of: "<polyline").count == 2)
    }

    @Test func thePercentileAxisIsLogarithmic() {
        let points = [0.0, 90, 99, 99.9, 100].map { Report.Latency.Point(percentile: $0, nanoseconds: 1_000) }
        let svg = PercentilePlot.svg([
            .init(name: "answer", count: 1_000, mean: 1, min: 1, max: 1_000, percentiles: [], curve: points)
        ])
        #expect(svg.contains("points=\"70.0,28.0 333.3,28.0 596.7,28.0 860.0,28.0 860.0,28.0\""))
        #expect(svg.contains(">99.9 %</text>"))
    }
}
