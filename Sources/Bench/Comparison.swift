/// Two reports side by side: what either has, the second in terms of the first.
public enum Comparison {
    public static func text(_ first: Report, _ second: Report) -> String {
        var lines: [String] = []
        let differing = differences(first, second)
        for difference in differing { lines.append("! \(difference)") }
        if !differing.isEmpty { lines.append("") }
        var rows: [[String]] = [["", "a", "b", "b/a", ""]]
        for (a, b) in pairs(first.metrics, second.metrics, by: \.name) {
            guard let either = a ?? b else { continue }
            rows.append(
                [either.title, a.map(Figure.value) ?? "–", b.map(Figure.value) ?? "–"]
                    + ratio(a?.value, b?.value, either.better, margin: margin(either.name, first, second)))
        }
        for (a, b) in pairs(first.latencies, second.latencies, by: \.name) {
            rows += percentiles(a, b, first, second)
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

    private static func percentiles(
        _ a: Report.Latency?, _ b: Report.Latency?, _ first: Report, _ second: Report
    ) -> [[String]] {
        guard let name = (a ?? b)?.name else { return [] }
        let margin = margin(name, first, second)
        return pairs(a?.percentiles ?? [], b?.percentiles ?? [], by: \.percentile).map { pointOfA, pointOfB in
            let percentile = (pointOfA ?? pointOfB)?.percentile ?? 0
            let title = "\(name) p\(ReportTable.name(percentile))"
            guard let a, let b, let pointOfA, let pointOfB else {
                return [
                    title, pointOfA.flatMap { point in a.map { ReportTable.shown(point, of: $0) } } ?? "–",
                    pointOfB.flatMap { point in b.map { ReportTable.shown(point, of: $0) } } ?? "–", "–", "",
                ]
            }
            // How one lower bound stands to another says nothing; to be among what never came is worse than not to be.
            let bounds = (a.isLowerBound(at: percentile), b.isLowerBound(at: percentile))
            let compared: [String] =
                switch bounds {
                case (true, true): ["–", ""]
                case (true, false): ["–", "better"]
                case (false, true): ["–", "worse"]
                case (false, false):
                    ratio(Double(pointOfA.nanoseconds), Double(pointOfB.nanoseconds), .lower, margin: margin)
                }
            return [title, ReportTable.shown(pointOfA, of: a), ReportTable.shown(pointOfB, of: b)] + compared
        }
    }

    /// All that either side has, in the order of the first, each with its counterpart if there is one.
    private static func pairs<Element, Name: Equatable>(
        _ first: [Element], _ second: [Element], by name: KeyPath<Element, Name>
    ) -> [(Element?, Element?)] {
        var pairs: [(Element?, Element?)] = first.map { element in
            (element, second.first { $0[keyPath: name] == element[keyPath: name] })
        }
        for element in second where !first.contains(where: { $0[keyPath: name] == element[keyPath: name] }) {
            pairs.append((nil, element))
        }
        return pairs
    }

    /// What makes the two hard to compare.
    private static func differences(_ first: Report, _ second: Report) -> [String] {
        var found: [String] = []
        if first.scenario != second.scenario { found.append("a is \(first.scenario), b is \(second.scenario)") }
        if first.target != second.target { found.append("target: a \(first.target), b \(second.target)") }
        if first.machine != second.machine { found.append("a and b are of different machines or kernels") }
        for (a, b) in pairs(first.settings, second.settings, by: \.name) where a?.value != b?.value {
            guard let name = (a ?? b)?.name else { continue }
            found.append("\(name): a \(a?.value ?? "not given"), b \(b?.value ?? "not given")")
        }
        for (name, report) in [("a", first), ("b", second)] {
            if report.isCutShort { found.append("\(name) was cut short") }
            for warning in report.warnings { found.append("\(name): \(warning)") }
        }
        return found
    }

    private static func ratio(
        _ a: Double?, _ b: Double?, _ better: Report.Metric.Better, margin: Double
    ) -> [String] {
        guard let a, let b, a.isFinite, b.isFinite else { return ["–", ""] }
        guard a != b else { return ["=", ""] }
        let ratio = a == 0 ? "–" : Figure.decimal(b / a, digits: 2)
        // From nothing to something is a difference however small.
        guard a == 0 || (b / a - 1).magnitude > margin else { return [ratio, ""] }
        switch better {
        case .neither: return [ratio, ""]
        case .higher: return [ratio, b > a ? "better" : "worse"]
        case .lower: return [ratio, b < a ? "better" : "worse"]
        }
    }

    // MARK: What is noise

    /// Runs of the same thing differ by as much.
    private static let leastMargin = 0.05

    /// What a difference must exceed to be called one: by how much the seconds of either run differ among themselves.
    private static func margin(_ name: String, _ first: Report, _ second: Report) -> Double {
        let member: (Report.Moment) -> Double? =
            switch name {
            case "requests_per_second", "requests": { Double($0.answers) }
            case "scores_per_second", "published_per_second": { Double($0.scores) }
            case "deliveries_per_second", "deliveries": { Double($0.deliveries) }
            case "server_cpu": { $0.serverCPU }
            case "answer": { $0.answerP99.map { Double($0) } }
            case "delivery": { $0.deliveryP99.map { Double($0) } }
            default: { _ in nil }
            }
        return max(leastMargin, spread(first, member), spread(second, member))
    }

    /// Half the way from the first quartile to the third, in terms of the median.
    private static func spread(_ report: Report, _ member: (Report.Moment) -> Double?) -> Double {
        let values = report.timeline.filter { $0.phase == .measuring }.compactMap(member).sorted()
        guard values.count >= 4, values[values.count / 2] > 0 else { return 0 }
        return (values[values.count * 3 / 4] - values[values.count / 4]) / 2 / values[values.count / 2]
    }
}
