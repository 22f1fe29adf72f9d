/// The lowest value noted since a point of a key that only grows (a position in the log, the highest id).
///
/// A note makes all earlier ones with greater or equal values pointless, so what is kept are steps that rise to the
/// right, and the answer is the first step at or behind the key that is asked for:
///
///     value        ┌──
///            ┌─────┘
///     ───────┘                 steps: (key, value), both ascending
///            key ──▶
struct LowestSince<Key: Comparable, Value: Comparable> {
    private struct Step {
        let key: Key
        let value: Value
    }

    private var steps: [Step] = []
    private let capacity: Int

    /// - Parameter capacity: steps kept. Beyond it two neighbours are taken for one: an answer is then lower than need
    ///   be, never higher.
    init(capacity: Int) {
        self.capacity = capacity
    }

    var isEmpty: Bool { steps.isEmpty }

    /// - Parameter key: not less than any before.
    mutating func note(_ value: Value, at key: Key) {
        while let last = steps.last, last.value >= value { steps.removeLast() }
        if let last = steps.last, last.key >= key { return }
        if steps.count >= capacity { thin() }
        steps.append(Step(key: key, value: value))
    }

    /// The lowest of those noted at `key` or later.
    func lowest(since key: Key) -> Value? {
        let index = steps.indices.partitioningIndex { steps[$0].key >= key }
        return index < steps.count ? steps[index].value : nil
    }

    private mutating func thin() {
        var kept: [Step] = []
        kept.reserveCapacity(capacity)
        for index in stride(from: 0, to: steps.count, by: 2) {
            kept.append(Step(key: steps[min(index + 1, steps.count - 1)].key, value: steps[index].value))
        }
        steps = kept
    }
}
