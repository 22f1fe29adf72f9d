import Bytes
import Histogram

/// Latencies of one kind on one load reactor: those of the measured time, and those of the present second.
/// Not shared between threads: each reactor has its own, and what they found is added up afterwards.
struct LatencyRecord: Sendable {
    private(set) var whole = Self.empty
    private(set) var second = Self.empty
    /// What never got an answer, by how long it has waited.
    private(set) var unanswered = Self.empty

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
        let value = Self.tracked(nanoseconds)
        if isMeasured { whole.record(value) }
        second.record(value)
    }

    /// What the present second had; the next one begins.
    mutating func takeSecond() -> Histogram<UInt64>? {
        guard second.totalCount > 0 else { return nil }
        defer { second.reset() }
        return second
    }

    /// One that never got an answer, of the measured time: it is longer than any that did, how long nobody knows.
    /// - Parameter nanoseconds: how long it has waited.
    mutating func recordUnanswered(_ nanoseconds: Int64, count: Int = 1) {
        guard count > 0 else { return }
        unanswered.record(Self.tracked(nanoseconds), count: UInt64(count))
    }

    private static func tracked(_ nanoseconds: Int64) -> UInt64 {
        UInt64(min(max(nanoseconds, 1), BenchLimits.latencyMost.wholeNanoseconds))
    }

    mutating func add(_ other: LatencyRecord) {
        whole.add(other.whole)
        unanswered.add(other.unanswered)
    }

    /// Adds what never got an answer elsewhere, each of them so many times.
    mutating func addUnanswered(of other: LatencyRecord, times: Int) {
        guard times > 0 else { return }
        for value in other.unanswered.recordedValues() {
            unanswered.record(value.value, count: UInt64(value.count) * UInt64(times))
        }
    }

    /// The percentiles that a report has.
    static let percentiles: [Double] = [50, 75, 90, 95, 99, 99.9, 99.99]

    /// As the report has it; nil when nothing was recorded.
    func report(_ name: String) -> Report.Latency? {
        var all = whole
        all.add(unanswered)
        guard all.totalCount > 0 else { return nil }
        var latency = Report.Latency(
            name: name, count: all.totalCount, mean: all.mean, min: all.min, max: all.max, percentiles: [], curve: [],
            unanswered: unanswered.totalCount)
        let answered = Double(whole.totalCount) / Double(all.totalCount)
        latency.percentiles = Self.percentiles.map { percentile in
            let value =
                latency.isLowerBound(at: percentile)
                ? max(whole.max, all.valueAtPercentile(percentile)) : whole.valueAtPercentile(percentile / answered)
            return Report.Latency.Point(percentile: percentile, nanoseconds: value)
        }
        if answered > 0 {
            latency.curve = whole.percentiles(ticksPerHalfDistance: 5).map {
                Report.Latency.Point(percentile: $0.percentile * answered, nanoseconds: $0.value)
            }
        }
        // Up to where the answers go, and the rest beyond them.
        if answered < 1 { latency.curve.append(Report.Latency.Point(percentile: 100, nanoseconds: all.max)) }
        return latency
    }
}
