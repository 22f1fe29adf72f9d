/// Sets of the tool's own scores: one bit a score, for each load reactor that sends.
struct SerialSets: Sendable {
    private var words: [[UInt64]] = []

    /// - Returns: false when it was there.
    @discardableResult
    mutating func insert(_ tag: ScoreTag) -> Bool {
        insert(worker: tag.worker, tag.count)
    }

    @discardableResult
    mutating func insert(worker: Int, _ count: Int) -> Bool {
        while words.count <= worker { words.append([]) }
        let place = count >> 6
        if words[worker].count <= place {
            words[worker] += Array(repeating: 0, count: max(1_024, place + 1 - words[worker].count))
        }
        let bit: UInt64 = 1 << UInt64(count & 63)
        defer { words[worker][place] |= bit }
        return words[worker][place] & bit == 0
    }

    var isEmpty: Bool { words.allSatisfy { $0.allSatisfy { $0 == 0 } } }

    func contains(worker: Int, _ count: Int) -> Bool {
        guard worker < words.count, count >> 6 < words[worker].count else { return false }
        return words[worker][count >> 6] & 1 << UInt64(count & 63) != 0
    }

    mutating func formUnion(_ other: SerialSets) {
        for worker in other.words.indices {
            while words.count <= worker { words.append([]) }
            let missing = other.words[worker].count - words[worker].count
            if missing > 0 { words[worker] += Array(repeating: 0, count: missing) }
            for place in other.words[worker].indices { words[worker][place] |= other.words[worker][place] }
        }
    }

    /// How many are in this and not in the other.
    func countOfThoseNot(in other: SerialSets) -> Int {
        var count = 0
        for (worker, row) in words.enumerated() {
            for (place, word) in row.enumerated() {
                let theirs =
                    worker < other.words.count && place < other.words[worker].count ? other.words[worker][place] : 0
                count += (word & ~theirs).nonzeroBitCount
            }
        }
        return count
    }
}
