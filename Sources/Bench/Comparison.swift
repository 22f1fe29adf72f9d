/// Two reports side by side: what both have, the second in terms of the first.
public enum Comparison {
    public static func text(_ first: Report, _ second: Report) -> String {
        var lines: [String] = []
        let differing = differences(first, second)
        for difference in differing { lines.append("! \(difference)") }
        if !differing.isEmpty { lines.append("") }
        var rows: [[String]] = [["", "a", "b", "b/a", ""]]
        for metric in first.metrics {
            guard let other = second.metrics.first(where: { $0.name == metric.name }) else { continue }
            rows.append(
                [metric.title, Figure.value(metric), Figure.value(other)]
                    + ratio(metric.value, other.value, metric.better))
        }
        for latency in first.latencies {
            guard let other = second.latencies.first(where: { $0.name == latency.name }) else { continue }
            for (point, otherPoint) in zip(latency.percentiles, other.percentiles)
            where point.percentile == otherPoint.percentile {
                let (a, b) = (Double(point.nanoseconds), Double(otherPoint.nanoseconds))
                rows.append(
                    [
                        "\(latency.name) p\(ReportTable.name(point.percentile))", Figure.nanoseconds(a),
                        Figure.nanoseconds(b),
                    ]
                        + ratio(a, b, .lower))
            }
        }
        let width = rows.map(\.[0].count).max() ?? 0
        for row in rows {
            let line =
                row[0].padded(to: width + 2) + row[1].padded(to: 18, atStart: true)
                + row[2].padded(to: 18, atStart: true)
                + row[3].padded(to: 9, atStart: true) + "  " + row[4]
            lines.append(String(line.reversed().drop { $0 == " " }.reversed()))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// What makes the two hard to compare.
    private static func differences(_ first: Report, _ second: Report) -> [String] {
        var found: [String] = []
        if first.scenario != second.scenario { found.append("a is \(first.scenario), b is \(second.scenario)") }
        if first.machine != second.machine { found.append("a and b are of different machines or kernels") }
        for setting in first.settings {
            let other = second.settings.first { $0.name == setting.name }?.value ?? "not given"
            if other != setting.value { found.append("\(setting.name): a \(setting.value), b \(other)") }
        }
        for (name, report) in [("a", first), ("b", second)] {
            for warning in report.warnings { found.append("\(name): \(warning)") }
        }
        return found
    }

    private static func ratio(_ a: Double, _ b: Double, _ better: Report.Metric.Better) -> [String] {
        guard a != b else { return ["=", ""] }
        let ratio = a == 0 ? "–" : Figure.decimal(b / a, digits: 2)
        switch better {
        case .neither: return [ratio, ""]
        case .higher: return [ratio, b > a ? "better" : "worse"]
        case .lower: return [ratio, b < a ? "better" : "worse"]
        }
    }
}
