/// The report as text for a terminal, at most 100 columns wide unless a name in it is longer.
public enum ReportTable {
    public static func text(_ report: Report) -> String {
        var lines: [String] = []
        let cut = report.isCutShort ? " (cut short)" : ""
        lines.append(
            "\(report.scenario)  \(report.target)  \(Figure.decimal(report.seconds, digits: 1)) s measured\(cut)")
        lines.append("\(report.machine.cores) × \(report.machine.processor), Linux \(report.machine.kernel)")
        lines += settings(report.settings)
        lines.append("")
        let width = report.metrics.map(\.title.count).max() ?? 0
        for metric in report.metrics {
            lines.append("  " + metric.title.padded(to: width + 2) + Figure.value(metric).padded(to: 12, atStart: true))
        }
        if !report.latencies.isEmpty {
            lines.append("")
            lines += latencies(report.latencies)
        }
        if !report.warnings.isEmpty { lines.append("") }
        for warning in report.warnings { lines.append("! \(warning)") }
        return lines.joined(separator: "\n") + "\n"
    }

    /// One line or more: `connections 64 · pipeline 1 · …`.
    private static func settings(_ settings: [Report.Setting]) -> [String] {
        var lines: [String] = []
        for setting in settings {
            let text = "\(setting.name) \(setting.value)"
            if let last = lines.last, last.count + text.count + 3 <= 100 {
                lines[lines.count - 1] = "\(last) · \(text)"
            } else {
                lines.append(text)
            }
        }
        return lines
    }

    private static func latencies(_ latencies: [Report.Latency]) -> [String] {
        let names = latencies[0].percentiles.map { "p\(name($0.percentile))" }
        var rows = [["latency"] + names + ["max"]]
        for latency in latencies {
            rows.append(
                [latency.name] + latency.percentiles.map { shown($0, of: latency) } + [shownMaximum(of: latency)])
        }
        return rows.map { row in
            "  " + row[0].padded(to: 10) + row.dropFirst().map { $0.padded(to: 10, atStart: true) }.joined()
        }
    }

    /// `12.3 ms`, and `>12.3 ms` where it is only known to be longer.
    static func shown(_ point: Report.Latency.Point, of latency: Report.Latency) -> String {
        (latency.isLowerBound(at: point.percentile) ? ">" : "") + Figure.nanoseconds(Double(point.nanoseconds))
    }

    static func shownMaximum(of latency: Report.Latency) -> String {
        (latency.unanswered > 0 ? ">" : "") + Figure.nanoseconds(Double(latency.max))
    }

    /// `50`, `99.9`.
    static func name(_ percentile: Double) -> String {
        percentile == percentile.rounded() ? Figure.decimal(percentile, digits: 0) : "\(percentile)"
    }
}
