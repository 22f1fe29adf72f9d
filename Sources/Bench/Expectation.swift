/// What must hold of a report: `p99<10ms`, `lost=0`, `deliveries_per_second>=1M`, `answer.p99.9<=20ms`.
public struct Expectation: Equatable, Sendable {
    public enum Relation: String, Sendable, CaseIterable {
        case atMost = "<="
        case atLeast = ">="
        case notEqual = "!="
        case less = "<"
        case greater = ">"
        case equal = "="
    }

    public struct Invalid: Error, Equatable, CustomStringConvertible {
        public let description: String
    }

    /// Whether it held.
    public struct Verdict: Equatable, Sendable {
        public let isMet: Bool
        /// For people: `p99<10ms: 12.3 ms`.
        public let text: String
    }

    let text: String
    let name: String
    let relation: Relation
    /// In the unit of what is named: nanoseconds for a latency, else the metric's own.
    let limit: Double

    /// Takes a list apart: expectations with commas between them.
    public static func list(_ text: String) throws(Invalid) -> [Expectation] {
        var found: [Expectation] = []
        for part in text.split(separator: ",") { found.append(try Expectation(String(part))) }
        guard !found.isEmpty else { throw Invalid(description: "nothing is expected in '\(text)'") }
        return found
    }

    init(_ text: String) throws(Invalid) {
        let text = String(text.filter { $0 != " " })
        guard let start = text.firstIndex(where: { "<>=!".contains($0) }),
            let relation = Relation.allCases.first(where: { text[start...].hasPrefix($0.rawValue) })
        else {
            throw Invalid(description: "'\(text)': expected a name, one of < <= > >= = !=, and a number")
        }
        self.text = text
        name = String(text[..<start])
        self.relation = relation
        let value = text[start...].dropFirst(relation.rawValue.count)
        guard !name.isEmpty, let limit = Self.number(String(value)) else {
            throw Invalid(
                description: "'\(text)': expected a number with one of ns us ms s k M KiB MiB GiB %, as in p99<10ms")
        }
        self.limit = limit
    }

    /// A number with its unit, as what it stands for: spans in nanoseconds.
    private static func number(_ text: String) -> Double? {
        let units: [(String, Double)] = [
            ("ns", 1), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("KiB", 1_024), ("MiB", 1_048_576),
            ("GiB", 1_073_741_824), ("s", 1e9), ("k", 1e3), ("M", 1e6), ("%", 0.01), ("", 1),
        ]
        for (unit, factor) in units where text.hasSuffix(unit) {
            guard let number = Double(text.dropLast(unit.count)), number.isFinite else { continue }
            return number * factor
        }
        return nil
    }

    /// Whether a report of a plan can have what is named.
    /// - Throws: `Invalid` when not; it lists the names there are.
    public func check(_ plan: LoadPlan) throws(Invalid) {
        let metrics = LoadFindings.metricNames(plan)
        let latencies = (plan.requests == nil ? [] : ["answer"]) + (plan.feed == nil ? [] : ["delivery", "connect"])
        let statistics = ["max", "mean"] + LatencyRecord.percentiles.map { "p" + ReportTable.name($0) }
        if metrics.contains(name) || statistics.contains(name) { return }
        if latencies.contains(where: {
            name.hasPrefix("\($0).") && statistics.contains(String(name.dropFirst($0.count + 1)))
        }) {
            return
        }
        throw Invalid(
            description: "'\(text)': the report has no \(name); it has p50 … p99.99, max, mean of "
                + "\(latencies.joined(separator: ", ")) and \(metrics.joined(separator: ", "))")
    }

    /// Whether it holds of a report. Of what was not measured nothing holds.
    public func verdict(of report: Report) -> Verdict {
        guard let found = find(in: report), found.value.isFinite else {
            return Verdict(isMet: false, text: "\(text): not measured")
        }
        let value = found.value
        let isMet =
            switch relation {
            case .atLeast: value >= limit
            case .greater: value > limit
            // How much longer it is than a lower bound, nobody knows.
            case _ where found.isLowerBound: false
            case .atMost: value <= limit
            case .less: value < limit
            case .notEqual: value != limit
            case .equal: value == limit
            }
        return Verdict(isMet: isMet, text: "\(text): \(found.isLowerBound ? ">" : "")\(found.shown)")
    }

    /// The value in the unit of `limit`, and as it is shown.
    private struct Found {
        var value: Double
        var shown: String
        var isLowerBound = false
    }

    private func find(in report: Report) -> Found? {
        if let metric = report.metrics.first(where: { $0.name == name }) {
            // A span is written with its unit: `server_cpu<2s`.
            let scale: Double =
                switch metric.unit {
                case .seconds: 1e9
                case .microseconds: 1e3
                default: 1
                }
            return Found(value: metric.value * scale, shown: Figure.value(metric))
        }
        var statistic = name[...]
        let latency: Report.Latency?
        if let dot = name.firstIndex(of: "."), let named = report.latencies.first(where: { $0.name == name[..<dot] }) {
            latency = named
            statistic = name[name.index(after: dot)...]
        } else {
            // Plain p99 is of what the run is about.
            latency = report.latencies.first { $0.name == (report.isOfFeed ? "delivery" : "answer") }
        }
        return latency.flatMap { Self.find(String(statistic), in: $0) }
    }

    private static func find(_ statistic: String, in latency: Report.Latency) -> Found? {
        func found(_ nanoseconds: Double, _ isLowerBound: Bool) -> Found {
            Found(value: nanoseconds, shown: Figure.nanoseconds(nanoseconds), isLowerBound: isLowerBound)
        }
        switch statistic {
        case "max": return found(Double(latency.max), latency.unanswered > 0)
        case "mean": return found(latency.mean, latency.unanswered > 0)
        default:
            let point = latency.percentiles.first { "p" + ReportTable.name($0.percentile) == statistic }
            return point.map { found(Double($0.nanoseconds), latency.isLowerBound(at: $0.percentile)) }
        }
    }
}
