/// Rates and latencies second by second, the phases before and after measuring shaded.
enum TimelinePlot {
    static func svg(_ timeline: [Report.Moment]) -> String {
        plot(
            "Rates", timeline,
            [
                ("answers a second", timeline.map { Double($0.answers) }),
                ("deliveries a second", timeline.map { Double($0.deliveries) }),
            ]
        ) { Figure.count($0) }
            + plot(
                "p99 of each second", timeline,
                [
                    ("answer p99", timeline.map { $0.answerP99.map { Double($0) } }),
                    ("delivery p99", timeline.map { $0.deliveryP99.map { Double($0) } }),
                ]
            ) { Figure.nanoseconds($0) }
            + plot("CPU of the server", timeline, [("server CPU, cores", timeline.map(\.serverCPU))]) {
                Figure.decimal($0, digits: 2)
            }
            + plot(
                "Memory of the server", timeline,
                [("server memory", timeline.map { $0.serverMemory.map { Double($0) } })]
            ) { Figure.bytes($0) }
    }

    /// Series that are zero throughout are left out, and a plot without any. A second in which nothing was measured breaks
    /// the line: a server that stalled did not answer in no time.
    private static func plot(
        _ title: String, _ timeline: [Report.Moment], _ series: [(String, [Double?])], _ label: (Double) -> String
    ) -> String {
        let series = series.filter { $0.1.contains { $0 ?? 0 > 0 } }
        guard !series.isEmpty, timeline.count > 1 else { return "" }
        let top = Plot.ceiling(series.flatMap(\.1).compactMap { $0 }.max() ?? 1)
        let last = Double(timeline.count - 1)
        var body = ""
        for (index, moment) in timeline.enumerated() where moment.phase != .measuring {
            let start = max(0, (Double(index) - 0.5) / last)
            let end = min(1, (Double(index) + 0.5) / last)
            body += "<rect class=\"phase\" x=\"\(Plot.number(Plot.x(start)))\" y=\"\(Plot.number(Plot.top))\" "
            body += "width=\"\(Plot.number(Plot.x(end) - Plot.x(start)))\" "
            body += "height=\"\(Plot.number(Plot.y(0) - Plot.top))\"/>\n"
        }
        body += Plot.grid(top, label)
        for step in 0...4 {
            let index = Int(last * Double(step) / 4)
            let anchor = step == 4 ? "end" : "middle"
            body += "<text x=\"\(Plot.number(Plot.x(Double(index) / last)))\" "
            body +=
                "y=\"\(Plot.number(Plot.height - 8))\" text-anchor=\"\(anchor)\">\(timeline[index].second) s</text>\n"
        }
        for (place, (_, values)) in series.enumerated() {
            let points = values.enumerated().map { second, value in value.map { (Double(second) / last, $0 / top) } }
            body += Plot.line(points, series: place)
        }
        body += Plot.legend(series.map(\.0))
        return Plot.svg(title: title, body)
    }
}
