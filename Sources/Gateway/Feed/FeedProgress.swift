import Bytes

/// Which ids went into the feed: disjoint ranges, ascending.
///
///     base ░░░░▓▓▓▓▓▓ ▓▓▓▓▓▓▓▓▓▓   ▓▓▓▓▓▓▓▓▓▓▓▓▓ highest
///                    ▲          ▲
///                  burnt      a hole: a commit that is still under way, or a number that a rollback burnt
///
/// What is missed during an outage of the bus is to be read from the history, from the lowest hole on that may still be
/// filled. A hole that is older than any transaction of ours (`FeedLimits.holeAge`) counts as burnt.
struct FeedProgress {
    private struct Range {
        var lower: Int64
        var upper: Int64
        /// Since when the hole below it is known.
        var holeSince: Instant
    }

    /// What was given up for want of room: its ids may be there or not.
    private struct Folded {
        var lower: Int64
        var upper: Int64
        var since: Instant
    }

    private var ranges: [Range] = []
    private var folded: Folded?
    /// Ids up to this one are of the time before; nil while the history was not read.
    private var base: Int64?

    /// The highest id, or 0.
    var highest: Int64 { ranges.last?.upper ?? 0 }

    /// The history was read down to the ids above `base`.
    mutating func begin(above base: Int64) {
        self.base = base
    }

    /// Whether the id certainly came.
    func contains(_ id: Int64) -> Bool {
        if let folded, id <= folded.upper { return false }
        let index = firstIndex(reaching: id)
        return index < ranges.count && ranges[index].lower <= id
    }

    mutating func insert(_ id: Int64, at now: Instant) {
        guard let last = ranges.indices.last, id <= ranges[last].upper else {
            append(id, at: now)
            return
        }
        if let base, id <= base { return }
        let index = firstIndex(reaching: id)
        guard id < ranges[index].lower else { return }
        let joinsAbove = ranges[index].lower == id + 1
        if index > 0, ranges[index - 1].upper == id - 1 {
            if joinsAbove {
                ranges[index - 1].upper = ranges[index].upper
                ranges.remove(at: index)
            } else {
                ranges[index - 1].upper = id
            }
        } else if joinsAbove {
            ranges[index].lower = id
        } else {
            // The hole becomes two, which are as old as it was; below the first range there was none so far.
            let since = ranges[index].holeSince
            if index == 0, base == nil { ranges[0].holeSince = now }
            ranges.insert(Range(lower: id, upper: id, holeSince: since), at: index)
            foldIfFull()
        }
    }

    private mutating func append(_ id: Int64, at now: Instant) {
        if let last = ranges.indices.last, ranges[last].upper == id - 1 {
            ranges[last].upper = id
        } else {
            ranges.append(Range(lower: id, upper: id, holeSince: now))
            foldIfFull()
        }
    }

    /// The id behind which the history is to be read after an outage.
    /// - Parameter instant: when the bus was lost. What was open then may have been filled since, however long it took.
    func catchUpFrom(_ instant: Instant) -> Int64 {
        var from = max(0, highest - FeedLimits.overlap)
        if let folded, instant - folded.since < FeedLimits.holeAge { from = min(from, folded.lower) }
        var below = base
        for range in ranges {
            if let below, below < range.lower - 1, instant - range.holeSince < FeedLimits.holeAge {
                from = min(from, below)
                break
            }
            below = range.upper
        }
        return max(from, base ?? 0)
    }

    /// The id up to which all came behind this one.
    func end(after id: Int64) -> Int64 {
        if let folded, id < folded.upper { return id }
        let index = firstIndex(reaching: id)
        guard index < ranges.count, ranges[index].lower <= id else { return id }
        return ranges[index].upper
    }

    /// The first range that ends at `id` or above.
    private func firstIndex(reaching id: Int64) -> Int {
        ranges.indices.partitioningIndex { ranges[$0].upper >= id }
    }

    /// Makes one range of the lower half; the holes in it are remembered as one.
    private mutating func foldIfFull() {
        guard ranges.count > FeedLimits.progressRanges else { return }
        let last = FeedLimits.progressRanges / 2
        var fold = folded ?? Folded(lower: .max, upper: 0, since: .distantPast)
        fold.lower = min(fold.lower, ranges[0].upper)
        fold.upper = ranges[last].upper
        for range in ranges[1...last] { fold.since = max(fold.since, range.holeSince) }
        folded = fold
        ranges[last].lower = ranges[0].lower
        ranges[last].holeSince = ranges[0].holeSince
        ranges.removeFirst(last)
    }
}
