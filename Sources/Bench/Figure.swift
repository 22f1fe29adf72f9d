/// Numbers as people read them: three digits and a prefix.
enum Figure {
    /// `0`, `42`, `999`, `12.3 k`, `4.41 M`.
    static func count(_ value: Double) -> String {
        scaled(value, by: 1_000, ["", " k", " M", " G", " T"])
    }

    /// `512 B`, `15.2 MiB`.
    static func bytes(_ value: Double) -> String {
        scaled(value, by: 1_024, [" B", " KiB", " MiB", " GiB", " TiB"])
    }

    /// `830 ns`, `1.23 ms`, `2.5 s`.
    static func nanoseconds(_ value: Double) -> String {
        scaled(value, by: 1_000, [" ns", " µs", " ms", " s"])
    }

    static func value(_ metric: Report.Metric) -> String {
        guard metric.value.isFinite else { return "–" }
        return switch metric.unit {
        case .count: count(metric.value)
        case .perSecond: count(metric.value) + "/s"
        case .perCPUSecond: count(metric.value) + " per CPU-s"
        case .seconds: decimal(metric.value, digits: 2) + " s"
        case .microseconds: decimal(metric.value, digits: 2) + " µs"
        case .bytes: bytes(metric.value)
        case .ratio: decimal(metric.value, digits: 2)
        }
    }

    /// With as many digits after the point as are asked for, rounded.
    static func decimal(_ value: Double, digits: Int) -> String {
        guard value.isFinite else { return "–" }
        var power = 1.0
        for _ in 0..<digits { power *= 10 }
        let scaled = (value.magnitude * power).rounded()
        guard scaled < 9e18 else { return "\(value)" }
        let whole = Int64(scaled)
        let sign = value < 0 && whole > 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(whole)" }
        let unit = Int64(power)
        let fraction = String(whole % unit)
        return "\(sign)\(whole / unit).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
    }

    private static func scaled(_ value: Double, by step: Double, _ units: [String]) -> String {
        var rest = value.magnitude
        var index = 0
        // 999.6 is shown as 1000 of a unit unless it is one of the next.
        while rest >= step - 0.5, index < units.count - 1 {
            rest /= step
            index += 1
        }
        let isWhole = rest == rest.rounded() && rest < 1_000
        let digits = isWhole || rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2
        return (value < 0 ? "-" : "") + decimal(rest, digits: digits) + units[index]
    }
}

extension String {
    /// Blanks before or after it, up to a width in characters.
    func padded(to width: Int, atStart: Bool = false) -> String {
        let blanks = String(repeating: " ", count: Swift.max(0, width - count))
        return atStart ? blanks + self : self + blanks
    }
}
