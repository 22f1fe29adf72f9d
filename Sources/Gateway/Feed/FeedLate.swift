/// What a log knows of scores that came late: by the bus long after others with higher ids, or after the history had
/// brought them. Who resumes here may lack them, though what he had is newer: the reporter he left had them later yet.
struct FeedLate {
    /// How many ids are taken in `FeedLimits.late`, at the highest pace so far.
    private(set) var ids: Int64 = FeedLimits.leastLateIDs
    /// Of what came long after higher ids, the lowest, by the highest id then and by the log's head then.
    private var byID = LowestSince<Int64, Int64>(capacity: FeedLimits.lateSteps)
    private var byPosition = LowestSince<UInt64, Int64>(capacity: FeedLimits.lateSteps)
    /// Where the frames stand that the bus brought in vain, by the log's head then. Before everything: fell out.
    private var inVain = LowestSince<UInt64, Int64>(capacity: FeedLimits.lateSteps)
    /// The highest position anybody resumed from; nil before the first.
    private var resumed: UInt64?

    /// Nothing came late so far.
    var isQuiet: Bool { byPosition.isEmpty }

    mutating func pace(_ span: Int64) {
        ids = max(ids, LateSpan.clip(span))
    }

    /// An id that is not the highest came.
    mutating func came(_ id: Int64, at head: UInt64, highest: Int64) {
        // What is not so far below is among the ids that are sent again anyhow.
        guard id < highest - ids / 2 else { return }
        byID.note(id, at: highest)
        byPosition.note(id, at: head)
    }

    /// A new highest id came.
    /// - Parameter position: behind it everything stands that came since the id may have been seen; nil when nothing did.
    mutating func newest(_ id: Int64, since position: UInt64?) {
        // It may have been seen before what came late was there.
        if let position, let lowest = byPosition.lowest(since: position) { byID.note(lowest, at: id) }
    }

    /// The lowest id that somebody may lack who has `id`, and does not have everything that came before it here.
    func lowest(after id: Int64) -> Int64 {
        let low = max(0, id - ids) + 1
        return min(low, byID.lowest(since: id - ids / 2) ?? low)
    }

    /// No lower id has come behind the position.
    /// - Parameter highest: the log's highest id then.
    func lowest(since position: UInt64, highest: Int64) -> Int64 {
        min(highest - ids / 2, byPosition.lowest(since: position) ?? .max)
    }

    /// The lowest id that came late behind the position.
    func lowest(since position: UInt64) -> Int64 {
        byPosition.lowest(since: position) ?? .max
    }

    // MARK: Doubles

    /// The bus brings what the history brought before: whether everybody who is owed it has it. Everybody who followed
    /// the log from before `place` has; who resumed from behind it may lack it.
    /// - Parameter place: where it stands; nil when it fell out.
    mutating func isInVain(_ place: UInt64?, at head: UInt64) -> Bool {
        if let resumed {
            guard let place, place >= resumed else { return false }
        }
        inVain.note(place.map { Int64($0) } ?? -1, at: head)
        return true
    }

    /// Where the frames begin of what came behind `position`; negative when they are not in the log.
    func firstFrame(since position: UInt64) -> Int64 {
        min(Int64(position), inVain.lowest(since: position) ?? .max)
    }

    /// Somebody resumes, and goes on in the log from there.
    mutating func resume(from position: UInt64) {
        resumed = max(resumed ?? 0, position)
    }
}
