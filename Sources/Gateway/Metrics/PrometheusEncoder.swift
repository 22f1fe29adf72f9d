import Bytes

/// Writes metrics in the Prometheus text format, version 0.0.4
/// (https://prometheus.io/docs/instrumenting/exposition_formats/): HELP and TYPE of a family once, then its samples.
struct PrometheusEncoder: ~Copyable {
    enum Kind: String {
        case counter, gauge, histogram
    }

    private(set) var page = ByteBuffer(capacity: 16 << 10)

    /// A family begins; its samples follow.
    mutating func family(_ name: StaticString, _ kind: Kind, _ help: StaticString) {
        page.append("# HELP ")
        page.append(name)
        page.append(" ")
        page.append(help)
        page.append("\n# TYPE ")
        page.append(name)
        page.append(" ")
        page.append(kind.rawValue)
        page.append("\n")
    }

    /// - Parameters:
    ///   - labels: as they stand between the braces; values of ours, in which nothing has to be escaped.
    mutating func sample(
        _ name: StaticString, suffix: StaticString = "", labels: String = "", count: UInt64
    ) {
        begin(name, suffix, labels)
        page.append(decimal: Int64(clamping: count))
        page.append("\n")
    }

    mutating func sample(
        _ name: StaticString, suffix: StaticString = "", labels: String = "", value: Double
    ) {
        begin(name, suffix, labels)
        page.append("\(value)")
        page.append("\n")
    }

    private mutating func begin(_ name: StaticString, _ suffix: StaticString, _ labels: String) {
        page.append(name)
        page.append(suffix)
        if !labels.isEmpty {
            page.append("{")
            page.append(labels)
            page.append("}")
        }
        page.append(" ")
    }

    /// A family of one sample.
    mutating func metric(_ name: StaticString, _ kind: Kind, _ help: StaticString, _ value: UInt64) {
        family(name, kind, help)
        sample(name, count: value)
    }

    /// The buckets, sum and count of a histogram.
    /// - Parameters:
    ///   - counts: of each bucket by itself, the last one of what is above all bounds.
    ///   - bounds: the upper bounds as they are shown, one fewer.
    mutating func histogram(
        _ name: StaticString, _ labels: String, counts: [UInt64], bounds: [StaticString], sum: Double
    ) {
        precondition(counts.count == bounds.count + 1, "a count for each bound, and one for the rest")
        let prefix = labels.isEmpty ? "" : labels + ","
        var total: UInt64 = 0
        for (index, count) in counts.enumerated() {
            total += count
            let bound = index < bounds.count ? "\(bounds[index])" : "+Inf"
            sample(name, suffix: "_bucket", labels: "\(prefix)le=\"\(bound)\"", count: total)
        }
        sample(name, suffix: "_sum", labels: labels, value: sum)
        sample(name, suffix: "_count", labels: labels, count: total)
    }
}
