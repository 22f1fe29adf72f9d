/// Latency over percentile, the axis stretched towards 100 %: each step right is a tenth of those left.
enum PercentilePlot {
    static func svg(_ latencies: [Report.Latency]) -> String {
        let latencies = latencies.prefix(3)
        // As far right as the longest series has something to tell, but no farther than one in a million.
        let most = latencies.map { Double($0.count) }.max() ?? 1
        var decades = 1.0
        while decades < 6, power(decades) < most { decades += 1 }
        let top = Plot.ceiling(latencies.map { Double($0.max) }.max() ?? 1)
        var body = Plot.grid(top) { Figure.nanoseconds($0) }
        for decade in 0...Int(decades) {
            let share = Double(decade) / decades
            let name = decade == 0 ? "0 %" : "\(ReportTable.name(100 - 100 / power(Double(decade)))) %"
            let anchor = decade == Int(decades) ? "end" : "middle"
            body += "<text x=\"\(Plot.number(Plot.x(share)))\" y=\"\(Plot.number(Plot.height - 8))\" "
            body += "text-anchor=\"\(anchor)\">\(name)</text>\n"
        }
        for (series, latency) in latencies.enumerated() {
            var points: [(x: Double, y: Double)] = []
            for point in latency.curve {
                let left = 1 - point.percentile / 100
                let place = left <= 0 ? 1 : min(1, logarithm(1 / left) / decades)
                points.append((place, Double(point.nanoseconds) / top))
            }
            body += Plot.line(points, series: series)
        }
        body += Plot.legend(latencies.map(\.name))
        return Plot.svg(title: "Latency by percentile", body)
    }

    private static func power(_ exponent: Double) -> Double {
        var result = 1.0
        for _ in 0..<Int(exponent) { result *= 10 }
        return result
    }

    /// To the base of ten, of a number from 1 on.
    private static func logarithm(_ value: Double) -> Double {
        var rest = value
        var whole = 0.0
        while rest >= 10, whole < 300 {
            rest /= 10
            whole += 1
        }
        // ln x = 2 artanh((x - 1) / (x + 1)); the series is good to five digits up to ten.
        let ratio = (rest - 1) / (rest + 1)
        var term = ratio
        var sum = 0.0
        for odd in stride(from: 1.0, through: 61, by: 2) {
            sum += term / odd
            term *= ratio * ratio
        }
        return whole + 2 * sum / 2.302_585_092_994_046
    }
}
