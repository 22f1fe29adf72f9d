/// The measured stretch of time, as a load reactor knows it: what was due within it counts, also when it is answered or
/// delivered after its end.
struct LoadWindow: Sendable {
    private(set) var start = Int64.max
    private(set) var end = Int64.max

    mutating func open(_ nanoseconds: Int64) { start = nanoseconds }
    mutating func close(_ nanoseconds: Int64) { end = nanoseconds }

    func contains(_ nanoseconds: Int64) -> Bool { nanoseconds >= start && nanoseconds < end }
}
