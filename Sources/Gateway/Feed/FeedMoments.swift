import Bytes

/// When the log's head was where, coarsely.
///
///     ──┬──────────┬───────┬────────────▶ positions
///       │ …0.2 s   │ …9 s  │ …9.3 s       what stands from here on came no later than
struct FeedMoments {
    private struct Moment {
        let position: UInt64
        /// The log's highest id before it.
        let highest: Int64
        /// The last append that belongs to it.
        var last: Instant
    }

    private var moments: [Moment] = []
    /// When the newest of them began.
    private var begun = Instant.distantPast
    /// What came on the bus since then is in the log, or was until it fell out.
    private var knownSince = Instant.distantFuture

    /// Everything that comes from `instant` on is in the log.
    mutating func complete(since instant: Instant) {
        knownSince = min(knownSince, instant)
    }

    /// Something is about to be appended.
    /// - Returns: whether a new moment begins.
    mutating func note(_ now: Instant, head: UInt64, tail: UInt64, highest: Int64) -> Bool {
        if let last = moments.indices.last, now - begun < FeedLimits.moment {
            moments[last].last = now
            return false
        }
        if moments.count >= FeedLimits.moments { thin(now, tail: tail) }
        moments.append(Moment(position: head, highest: highest, last: now))
        begun = now
        return true
    }

    /// A position behind which everything stands that came at `instant` or later; nil when that is not known.
    func position(at instant: Instant, head: UInt64) -> UInt64? {
        guard instant >= knownSince else { return nil }
        let index = index(at: instant)
        return index < moments.count ? moments[index].position : head
    }

    /// The highest id of the log then; nil when that is not known.
    func highest(at instant: Instant) -> Int64? {
        guard instant >= knownSince else { return nil }
        let index = index(at: instant)
        return index < moments.count ? moments[index].highest : nil
    }

    /// The first moment that had not ended.
    private func index(at instant: Instant) -> Int {
        moments.indices.partitioningIndex { moments[$0].last >= instant }
    }

    /// Forgets what fell out of the log, or takes two for one when nothing did.
    private mutating func thin(_ now: Instant, tail: UInt64) {
        let old = now.earlier(by: FeedLimits.holeAge)
        let living = moments.firstIndex { $0.position >= tail || $0.last > old } ?? moments.count
        // The one before may reach to behind the tail.
        if living > 1 {
            let dropped = living - 1
            if knownSince <= moments[dropped - 1].last { knownSince = moments[dropped - 1].last + .nanoseconds(1) }
            moments.removeFirst(dropped)
        }
        guard moments.count > FeedLimits.moments / 2 else { return }
        var kept: [Moment] = []
        kept.reserveCapacity(FeedLimits.moments)
        for index in stride(from: 0, to: moments.count, by: 2) {
            let first = moments[index]
            let last = moments[min(index + 1, moments.count - 1)].last
            kept.append(Moment(position: first.position, highest: first.highest, last: last))
        }
        moments = kept
    }
}

extension Instant {
    /// The instant `span` earlier; stays at `.distantPast` instead of overflowing.
    func earlier(by span: Duration) -> Instant {
        let (difference, overflow) = nanoseconds.subtractingReportingOverflow(span.wholeNanoseconds)
        return Instant(nanoseconds: overflow ? .min : difference)
    }
}
