/// Scores of one request or message whose answer never came: nobody knows whether they were taken.
struct UncertainScores: Equatable, Sendable {
    /// The load reactor that sent them, the count of the first one, and how many they are.
    var worker: Int
    var first: Int
    var count: Int
    /// Nanoseconds from when they were due to when they were given up.
    var waited: Int64

    /// How many of them are not in a set.
    func countOfThoseNot(in seen: SerialSets) -> Int {
        (0..<count).count { !seen.contains(worker: worker, (first + $0) & 0x0fff_ffff) }
    }
}
