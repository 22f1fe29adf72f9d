import Bytes

/// Which ids up to the highest the poster's queue has not taken: disjoint spans, ascending.
///
///     before us ░░░░░▓▓▓▓▓▓  open  ▓▓▓▓  given up  ▓▓▓▓▓▓▓  open  ▓▓▓ highest
///
/// Ids are taken from a sequence before they are committed, so a lower one may come after a higher one. A hole is open
/// while that is to be waited for: the place in the store stays below it. It is given up when the store was read long
/// after it was seen, and had nothing there: a number that a rollback burnt, or a large batch that is still being sent.
/// What the bus brings for a hole that was given up is taken all the same.
struct QueueHoles {
    /// How an id comes.
    enum Way {
        case bus
        /// What was given up does not come this way: what was told before this process began is there too.
        case store
    }

    private struct Hole {
        var lower: Int64
        var upper: Int64
        /// Since when it is open; nil: it was given up.
        var openSince: Instant?

        var isOpen: Bool { openSince != nil }
    }

    private let openLimit: Int
    private let givenUpLimit: Int
    private var holes = [Hole(lower: .min, upper: .max, openSince: nil)]
    /// No open hole is older.
    private var oldest = Instant.distantFuture

    /// The highest id taken, or told before; the highest there can be until `begin`.
    private(set) var highest = Int64.max
    /// Open holes.
    private(set) var openCount = 0

    /// - Parameters:
    ///   - open: open holes that may be there when another one is made by `want`.
    ///   - givenUp: holes that are remembered as given up.
    init(open: Int, givenUp: Int) {
        openLimit = open
        givenUpLimit = givenUp
    }

    /// All up to `id` was told before this process began, but for what is wanted.
    mutating func begin(above id: Int64) {
        holes.removeAll { $0.lower > id }
        if let last = holes.indices.last { holes[last].upper = min(holes[last].upper, id) }
        openCount = holes.reduce(0) { $0 + ($1.isOpen ? 1 : 0) }
        highest = id
    }

    /// The lowest id of an open hole.
    var lowestOpen: Int64? { openCount == 0 ? nil : holes.first { $0.isOpen }?.lower }

    /// Whether the id was taken.
    func hasTaken(_ id: Int64) -> Bool { id <= highest && hole(with: id) == nil }

    // MARK: Taking

    /// - Returns: false when it was taken already, or does not count as it came this way.
    mutating func take(_ id: Int64, by way: Way, at now: Instant) -> Bool {
        if id > highest {
            if id > highest + 1 { holes.append(opened(highest + 1, id - 1, now)) }
            highest = id
            return true
        }
        guard let index = hole(with: id), way == .bus || holes[index].isOpen else { return false }
        cut(id...id, from: index)
        thin()
        return true
    }

    /// Opens a hole where scores are in the store for certain, and were not taken or are to be taken once more.
    /// - Parameter instant: since when it counts as open: so long ago that it is read at once, and not so long that a
    ///   reading which is under way gives it up.
    mutating func want(_ ids: ClosedRange<Int64>, openSince instant: Instant) {
        var index = firstIndex(reaching: ids.lowerBound)
        while index < holes.count, holes[index].lower <= ids.upperBound { index = cut(ids, from: index) }
        holes.insert(opened(ids.lowerBound, ids.upperBound, instant), at: index)
        join(index, openSince: instant)
        if index > 0 { join(index - 1, openSince: instant) }
        joinLowest()
    }

    private mutating func opened(_ lower: Int64, _ upper: Int64, _ since: Instant) -> Hole {
        openCount += 1
        oldest = min(oldest, since)
        return Hole(lower: lower, upper: upper, openSince: since)
    }

    /// Takes ids out of a hole.
    /// - Returns: the index of the first hole behind them.
    @discardableResult
    private mutating func cut(_ ids: ClosedRange<Int64>, from index: Int) -> Int {
        let hole = holes[index]
        var parts: [Hole] = []
        if hole.lower < ids.lowerBound {
            parts.append(Hole(lower: hole.lower, upper: ids.lowerBound - 1, openSince: hole.openSince))
        }
        let behind = index + parts.count
        if hole.upper > ids.upperBound {
            parts.append(Hole(lower: ids.upperBound + 1, upper: hole.upper, openSince: hole.openSince))
        }
        holes.replaceSubrange(index...index, with: parts)
        if hole.isOpen { openCount += parts.count - 1 }
        return behind
    }

    /// Makes one of a hole that was open at `instant` and the next one, if that was too and follows at once.
    private mutating func join(_ index: Int, openSince instant: Instant) {
        guard index + 1 < holes.count, holes[index].upper + 1 == holes[index + 1].lower,
            let since = holes[index].openSince, let next = holes[index + 1].openSince, max(since, next) <= instant
        else { return }
        holes[index].upper = holes[index + 1].upper
        holes[index].openSince = max(since, next)
        holes.remove(at: index + 1)
        openCount -= 1
    }

    // MARK: What is missing

    /// The lowest id of an open hole that was there at `instant`.
    mutating func firstOpen(since instant: Instant) -> Int64? {
        guard openCount > 0, oldest <= instant else { return nil }
        oldest = .distantFuture
        for hole in holes {
            guard let since = hole.openSince else { continue }
            oldest = min(oldest, since)
            if since <= instant { return hole.lower }
        }
        return nil
    }

    /// The store was read: holes between these ids that were there at `instant` are given up.
    mutating func giveUp(above lower: Int64, through upper: Int64, openSince instant: Instant) {
        for index in holes.indices {
            guard let since = holes[index].openSince, since <= instant, holes[index].lower > lower,
                holes[index].upper <= upper
            else { continue }
            holes[index].openSince = nil
            openCount -= 1
        }
        thin()
    }

    // MARK: Bounds

    /// Too many are given up: two neighbours become one. What was taken between them is taken once more if the bus brings
    /// it once more.
    private mutating func thin() {
        guard holes.count - openCount > givenUpLimit else { return }
        var kept: [Hole] = []
        var isJoined = false
        for hole in holes {
            if let last = kept.indices.last, !kept[last].isOpen, !hole.isOpen, !isJoined {
                kept[last].upper = hole.upper
                isJoined = true
            } else {
                kept.append(hole)
                isJoined = false
            }
        }
        holes = kept
    }

    /// Too many are open: the lowest two become one, with all that is between them, which is told twice.
    private mutating func joinLowest() {
        guard openCount > openLimit, let first = holes.firstIndex(where: { $0.isOpen }),
            let second = holes[(first + 1)...].firstIndex(where: { $0.isOpen })
        else { return }
        holes[first].upper = holes[second].upper
        if let since = holes[second].openSince { holes[first].openSince = max(holes[first].openSince ?? since, since) }
        holes.removeSubrange((first + 1)...second)
        openCount -= 1
    }

    private func hole(with id: Int64) -> Int? {
        let index = firstIndex(reaching: id)
        return index < holes.count && holes[index].lower <= id ? index : nil
    }

    /// The first hole that ends at `id` or above.
    private func firstIndex(reaching id: Int64) -> Int {
        holes.indices.partitioningIndex { holes[$0].upper >= id }
    }
}
