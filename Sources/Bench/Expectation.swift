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

    /// Whether it holds of a report.
    /// - Throws: `Invalid` when the report has nothing of that name; it lists the names there are.
    public func verdict(of report: Report) throws(Invalid) -> Verdict {
        guard let (value, shown) = find(in: report) else {
            let names = report.metrics.map(\.name).joined(separator: ", ")
            throw Invalid(
                description: "'\(text)': the report has no \(name); it has p50 … p99.99, max, mean of "
                    + "\(report.latencies.map(\.name).joined(separator: ", ")) and \(names)")
        }
        let isMet =
            switch relation {
            case .atMost: value <= limit
            case .atLeast: value >= limit
            case .notEqual: value != limit
            case .less: value < limit
            case .greater: value > limit
            case .equal: value == limit
            }
        return Verdict(isMet: isMet, text: "\(text): \(shown)")
    }

    /// The value in the unit of `limit`, and as it is shown.
    private func find(in report: Report) -> (Double, String)? {
        if let metric = report.metrics.first(where: { $0.name == name }) {
            // A span is written with its unit: `server_cpu<2s`.
            let scale: Double =
                switch metric.unit {
                case .seconds: 1e9
                case .microseconds: 1e3
                default: 1
                }
            return (metric.value * scale, Figure.value(metric))
        }
        var statistic = name[...]
        let latency: Report.Latency?
        if let dot = name.firstIndex(of: "."), let named = report.latencies.first(where: { $0.name == name[..<dot] }) {
            latency = named
            statistic = name[name.index(after: dot)...]
        } else {
            // Plain p99 is of what the run is about.
            latency = report.latencies.first { $0.name == "delivery" } ?? report.latencies.first
        }
        guard let latency, let value = Self.value(String(statistic), of: latency) else { return nil }
        return (value, Figure.nanoseconds(value))
    }

    private static func value(_ statistic: String, of latency: Report.Latency) -> Double? {
        switch statistic {
        case "max": return Double(latency.max)
        case "mean": return latency.mean
        default:
            guard statistic.hasPrefix("p") else { return nil }
            let point = latency.percentiles.first { "p" + ReportTable.name($0.percentile) == statistic }
            return point.map { Double($0.nanoseconds) }
        }
    }
}
