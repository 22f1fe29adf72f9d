import Bytes
import Histogram

/// Latencies of one kind on one load reactor: those of the measured time, and those of the present second.
/// Not shared between threads: each reactor has its own, and what they found is added up afterwards.
struct LatencyRecord: Sendable {
    private(set) var whole = Self.empty
    private(set) var second = Self.empty

    private static var empty: Histogram<UInt64> {
        Histogram(
            lowestDiscernibleValue: 1,
            highestTrackableValue: UInt64(BenchLimits.latencyMost.wholeNanoseconds),
            numberOfSignificantValueDigits: .three)
    }

    /// - Parameters:
    ///   - nanoseconds: longer ones than `BenchLimits.latencyMost` count as that.
    ///   - isMeasured: whether it counts for the whole, or for the present second alone.
    mutating func record(_ nanoseconds: Int64, isMeasured: Bool) {
        let value = UInt64(min(max(nanoseconds, 1), BenchLimits.latencyMost.wholeNanoseconds))
        if isMeasured { whole.record(value) }
        second.record(value)
    }

    /// What the present second had; the next one begins.
    mutating func takeSecond() -> Histogram<UInt64>? {
        guard second.totalCount > 0 else { return nil }
        defer { second.reset() }
        return second
    }

    mutating func add(_ other: LatencyRecord) {
        whole.add(other.whole)
    }

    /// As the report has it; nil when nothing was recorded.
    func report(_ name: String) -> Report.Latency? {
        guard whole.totalCount > 0 else { return nil }
        return Report.Latency(
            name: name, count: whole.totalCount, mean: whole.mean, min: whole.min, max: whole.max,
            percentiles: [50, 75, 90, 95, 99, 99.9, 99.99].map {
                Report.Latency.Point(percentile: $0, nanoseconds: whole.valueAtPercentile($0))
            },
            curve: whole.percentiles(ticksPerHalfDistance: 5).map {
                Report.Latency.Point(percentile: $0.percentile, nanoseconds: $0.value)
            })
    }
}
