import Bytes

/// Where one begins who resumes. Nothing is asked of him but the highest id he had, from whatever reporter. What he may
/// lack came on the buses after that id did, or after its commit if it was the history that showed it to him: on no bus
/// more than `FeedLimits.skew` before the id can have been seen at all (`FeedIndex.Entry.seen`).
///
///     the id stands in the log    from where the log was `skew` before it can have been seen (and from the first
///                                 higher id); from further back, if what came since stands there (history's doubles)
///     it does not, or it can      its place on the bus is not known: from the first frame above the lowest id he may
///     have been seen before the   lack. As much as may be late is taken as lacking, by ids.
///     log begins
///     the log does not reach      the store is asked for what is above that id, and then the log (`BackfillMark`).
///
/// The first is an exact answer, and the everyday one. What came late while this log was there is known (`FeedLate`),
/// however late. What came before it was, later than `FeedLimits.late` and below the ids sent again, cannot be: a reader
/// who leaves a reporter in the middle of a large upload's publication, and comes to one that began right after it.
extension FeedLog {
    /// Where a subscriber goes on.
    package enum Resume: Equatable {
        case log(from: UInt64)
        /// The log does not reach back: everything above this id, from the store.
        case store(after: Int64)
    }

    package func resume(after id: Int64, _ now: Instant) -> Resume {
        let start = place(after: id, now)
        if case .log(let position) = start { late.resume(from: position) }
        return start
    }

    private func place(after id: Int64, _ now: Instant) -> Resume {
        let own = index.first(withID: id)
        if let own, id >= max(storeFloor, highestDropped),
            let begin = moments.position(at: own.seen.earlier(by: FeedLimits.skew), head: head)
        {
            let position = late.firstFrame(since: min(begin, own.start, index.first(above: id)?.start ?? .max))
            if position >= Int64(tail) { return .log(from: UInt64(position)) }
        }
        // Ids nobody here has heard of may be of a table that is no more. (Before the log is filled it has heard little.)
        var lowest = late.lowest(after: storeFloor == .max ? id : min(id, highest))
        // Without its history a log does not know at what pace ids are taken.
        if storeFloor == .max { lowest = min(lowest, id - FeedLimits.overlap + 1) }
        if own == nil {
            // It is still on its way here, and so may have been what came lately.
            lowest = min(
                lowest, late.lowest(since: moments.position(at: now.earlier(by: FeedLimits.late), head: head) ?? 0))
        }
        let after = min(id, max(0, lowest - 1))
        return position(after: after).map { .log(from: $0) } ?? .store(after: after)
    }

    /// Where the first frame stands with an id above this one, or with none; nil when one may have been dropped.
    func position(after id: Int64) -> UInt64? {
        guard id >= max(highestDropped, storeFloor), !hasDroppedUnknown else { return nil }
        // From the oldest on: a higher id may stand before a lower one.
        return index.first(aboveOrUnknown: id)?.start ?? head
    }

    // MARK: Those who read from the store first

    /// As the log stands now. Who reads the store from here on goes on in the log not before this place.
    func noteBackfill() -> BackfillMark.Place {
        late.resume(from: head)
        // A log that has not been filled does not have all above its highest, and what came without an id may be above it.
        return BackfillMark.Place(position: head, highest: storeFloor == .max || hasUnknown ? nil : highest)
    }

    /// No id below this one has come behind a place.
    func lowest(since place: BackfillMark.Place) -> Int64 {
        guard let highest = place.highest, !hasUnknown else { return 0 }
        return late.lowest(since: place.position, highest: highest)
    }
}
