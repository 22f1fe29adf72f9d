import Testing

@testable import Bench

@Suite struct ComparisonTests {
    @Test func tellsTheRatioAndWhetherItIsBetter() {
        var first = ReportFormTests.report(5)
        first.metrics = [
            .init("rate", "requests a second", 1_000, .perSecond, better: .higher),
            .init("cpu", "server CPU time", 2, .seconds, better: .lower), .init("n", "deliveries lost", 0, .count),
        ]
        first.warnings = []
        first.settings = [.init("connections", "64")]
        first.latencies = [
            .init(
                name: "answer", count: 1, mean: 1, min: 1, max: 1,
                percentiles: [.init(percentile: 99.9, nanoseconds: 2_000_000)], curve: [])
        ]
        first.timeline = []
        var second = first
        second.metrics[0].value = 1_500
        second.metrics[1].value = 3
        second.latencies[0].percentiles[0].nanoseconds = 1_000_000
        second.settings[0].value = "8"
        let text = Comparison.text(first, second)
        #expect(text.contains("! connections: a 64, b 8"))
        let lines = text.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
        #expect(lines.contains("requests a second 1 k/s 1.50 k/s 1.50 better"))
        #expect(lines.contains("server CPU time 2.00 s 3.00 s 1.50 worse"))
        #expect(lines.contains("deliveries lost 0 0 ="))
        #expect(lines.contains("answer p99.9 2 ms 1 ms 0.50 better"))
    }

    private func rows(_ a: Report, _ b: Report) -> [String] {
        Comparison.text(a, b).split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
    }

    private func report(_ rate: Double, seconds: [Int] = []) -> Report {
        var report = ReportFormTests.report(5)
        report.target = "http://localhost"
        report.isCutShort = false
        report.metrics = [.init("requests_per_second", "requests a second", rate, .perSecond, better: .higher)]
        report.warnings = []
        report.settings = []
        report.latencies = []
        report.timeline = seconds.map { answers in
            var moment = Report.Moment(second: 1, phase: .measuring)
            moment.answers = answers
            return moment
        }
        return report
    }

    @Test func noiseIsNoDifference() {
        #expect(rows(report(1_000), report(1_001)).contains("requests a second 1 k/s 1.00 k/s 1.00"))
        #expect(rows(report(1_000), report(1_060)).contains("requests a second 1 k/s 1.06 k/s 1.06 better"))
        // Where the seconds of one run differ by a third, a tenth between two runs is nothing.
        let wild = report(1_000, seconds: [700, 1_000, 1_300, 700, 1_000, 1_300, 700, 1_300])
        #expect(rows(wild, report(1_100)).contains("requests a second 1 k/s 1.10 k/s 1.10"))
        #expect(rows(wild, report(1_500)).contains("requests a second 1 k/s 1.50 k/s 1.50 better"))
    }

    @Test func whatOnlyOneSideHasIsShown() {
        var (a, b) = (report(1), report(1))
        a.metrics = [.init("lost", "deliveries lost", 3, .count, better: .lower)]
        b.metrics = [.init("dropped", "arrivals never sent", 4, .count, better: .lower)]
        b.settings = [.init("token", "given")]
        b.target = "https://localhost"
        b.isCutShort = true
        b.latencies = [
            .init(
                name: "connect", count: 1, mean: 1, min: 1, max: 1,
                percentiles: [.init(percentile: 50, nanoseconds: 2_000_000)], curve: [])
        ]
        let found = rows(a, b)
        #expect(found.contains("deliveries lost 3 – –"))
        #expect(found.contains("arrivals never sent – 4 –"))
        #expect(found.contains("connect p50 – 2 ms –"))
        #expect(found.contains("! target: a http://localhost, b https://localhost"))
        #expect(found.contains("! token: a not given, b given"))
        #expect(found.contains("! b was cut short"))
    }

    @Test func whatWasNotMeasuredIsNeitherBetterNorWorse() {
        #expect(rows(report(.nan), report(1)).contains("requests a second – 1/s –"))
    }

    /// p99 of b falls among what never came.
    @Test func aLowerBoundIsWorseThanAValue() {
        var (a, b) = (report(1), report(1))
        let point = Report.Latency.Point(percentile: 99, nanoseconds: 2_000_000)
        a.latencies = [.init(name: "answer", count: 10, mean: 1, min: 1, max: 1, percentiles: [point], curve: [])]
        b.latencies = a.latencies
        b.latencies[0].unanswered = 1
        #expect(rows(a, b).contains("answer p99 2 ms >2 ms – worse"))
        #expect(rows(b, a).contains("answer p99 >2 ms 2 ms – better"))
        #expect(rows(b, b).contains("answer p99 >2 ms >2 ms –"))
    }
}
