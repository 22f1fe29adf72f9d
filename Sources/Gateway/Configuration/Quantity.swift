/// Numbers with a unit, as configuration writes them.
enum Quantity {
    /// Bytes: digits, and optionally K, M or G (also `KiB`, `Ki`; 1,024 each; the case is ignored). `kB` in the sense of
    /// 1,000 does not exist here.
    static func bytes(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isWholeNumber }
        guard let number = Int(digits) else { return nil }
        let shift: Int
        switch text.dropFirst(digits.count).lowercased() {
        case "", "b": shift = 0
        case "k", "ki", "kib": shift = 10
        case "m", "mi", "mib": shift = 20
        case "g", "gi", "gib": shift = 30
        default: return nil
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: 1 << shift)
        return overflow ? nil : product
    }

    /// A time: seconds as digits with an optional fraction, and optionally `ms`, `s` or `m` (minutes).
    static func duration(_ text: String) -> Duration? {
        let number = text.prefix { $0.isASCII && ($0.isWholeNumber || $0 == ".") }
        let halves = number.split(separator: ".", omittingEmptySubsequences: false)
        guard halves.count == 1 || halves.count == 2, let whole = Int64(halves[0]) else { return nil }
        var thousandths: Int64 = 0
        if halves.count == 2 {
            let digits = halves[1]
            guard (1...ConfigurationLimits.fractionDigits).contains(digits.count), let value = Int64(digits) else {
                return nil
            }
            thousandths = (digits.count..<3).reduce(value) { value, _ in value * 10 }
        }
        let milliseconds: Int64
        switch text.dropFirst(number.count).lowercased() {
        case "", "s": milliseconds = 1000
        case "ms": milliseconds = 1
        case "m": milliseconds = 60_000
        default: return nil
        }
        // A century is beyond every limit, and far from overflowing.
        guard whole <= 100 * 366 * 86_400 * 1000 / milliseconds else { return nil }
        return .milliseconds(whole * milliseconds + thousandths * milliseconds / 1000)
    }

    /// As `bytes(_:)` reads it, in the largest unit that divides it.
    static func text(bytes: Int) -> String {
        for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] where bytes > 0 && bytes % (1 << shift) == 0 {
            return "\(bytes >> shift)\(unit)"
        }
        return "\(bytes)"
    }

    /// As `duration(_:)` reads it: whole seconds, else milliseconds.
    static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        return attoseconds == 0 ? "\(seconds)s" : "\(seconds * 1000 + attoseconds / 1_000_000_000_000_000)ms"
    }
}
