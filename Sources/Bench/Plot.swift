/// What the plots of a report share: a frame with room for labels, and a scale that ends on round numbers.
struct Plot {
    static let width = 880.0
    static let height = 280.0
    static let left = 70.0
    static let right = 20.0
    static let top = 28.0
    static let bottom = 30.0

    /// From 0 to 1, left to right, to where it is drawn.
    static func x(_ share: Double) -> Double { left + share * (width - left - right) }
    /// From 0 to 1, bottom to top.
    static func y(_ share: Double) -> Double { height - bottom - share * (height - top - bottom) }

    static func number(_ value: Double) -> String { Figure.decimal(value, digits: 1) }

    static func svg(title: String, _ body: String) -> String {
        """
        <svg viewBox="0 0 \(number(width)) \(number(height))" role="img"><title>\(ReportPage.escaped(title))</title>
        \(body)</svg>

        """
    }

    /// A round number that is not below `value`: 1, 2 or 5 times a power of ten.
    static func ceiling(_ value: Double) -> Double {
        guard value > 0, value.isFinite else { return 1 }
        var power = 1.0
        while power < value { power *= 10 }
        while power / 10 >= value { power /= 10 }
        return [power / 5, power / 2, power].first { $0 >= value } ?? power
    }

    /// Horizontal lines at five heights, each with its label.
    static func grid(_ top: Double, _ label: (Double) -> String) -> String {
        var text = ""
        for step in 0...4 {
            let share = Double(step) / 4
            text += "<line class=\"grid\" x1=\"\(number(left))\" x2=\"\(number(width - right))\" "
            text += "y1=\"\(number(y(share)))\" y2=\"\(number(y(share)))\"/>"
            text += "<text x=\"\(number(left - 8))\" y=\"\(number(y(share) + 4))\" text-anchor=\"end\">"
            text += "\(label(top * share))</text>\n"
        }
        return text
    }

    /// A line through the points; where there is none it is broken, and one alone is a dot.
    static func line(_ points: [(x: Double, y: Double)?], series: Int) -> String {
        points.split(whereSeparator: { $0 == nil }).map { piece in
            var list = piece.compactMap { $0 }.map { "\(number(x($0.x))),\(number(y(min(max($0.y, 0), 1))))" }
            if list.count == 1 { list.append(list[0]) }
            return "<polyline class=\"s\(series)\" points=\"\(list.joined(separator: " "))\"/>\n"
        }.joined()
    }

    /// The names of the lines, side by side above the plot.
    static func legend(_ names: [String]) -> String {
        var text = ""
        var place = left
        for (series, name) in names.enumerated() {
            text += "<text class=\"l\(series)\" x=\"\(number(place))\" y=\"16\">● \(ReportPage.escaped(name))</text>\n"
            place += 30 + 8 * Double(name.count)
        }
        return text
    }
}
