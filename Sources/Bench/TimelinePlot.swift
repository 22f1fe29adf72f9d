/// Rates and latencies second by second, the phases before and after measuring shaded.
enum TimelinePlot {
    static func svg(_ timeline: [Report.Moment]) -> String {
        let rates: [(String, [Double])] = [
            ("answers a second", timeline.map { Double($0.answers) }),
            ("deliveries a second", timeline.map { Double($0.deliveries) }),
        ]
        let latencies: [(String, [Double])] = [
            ("answer p99", timeline.map { Double($0.answerP99 ?? 0) }),
            ("delivery p99", timeline.map { Double($0.deliveryP99 ?? 0) }),
        ]
        let server: [(String, [Double])] = [
            ("server CPU, cores", timeline.map { $0.serverCPU ?? 0 })
        ]
        return plot("Rates", timeline, rates) { Figure.count($0) }
            + plot("p99 of each second", timeline, latencies) { Figure.nanoseconds($0) }
            + plot("CPU of the server", timeline, server) { Figure.decimal($0, digits: 2) }
            + plot("Memory of the server", timeline, [("server memory", timeline.map { Double($0.serverMemory ?? 0) })])
        {
            Figure.bytes($0)
        }
    }

    /// Series that are zero throughout are left out, and a plot without any.
    private static func plot(
        _ title: String, _ timeline: [Report.Moment], _ series: [(String, [Double])], _ label: (Double) -> String
    ) -> String {
        let series = series.filter { $0.1.contains { $0 > 0 } }
        guard !series.isEmpty, timeline.count > 1 else { return "" }
        let top = Plot.ceiling(series.flatMap(\.1).max() ?? 1)
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
            body += Plot.line(values.enumerated().map { (Double($0.offset) / last, $0.element / top) }, series: place)
        }
        body += Plot.legend(series.map(\.0))
        return Plot.svg(title: title, body)
    }
}
