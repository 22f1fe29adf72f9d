import Bytes
import Synchronization

/// What a reactor passed over of the feed.
package struct FeedGap: Sendable, Equatable {
    private(set) package var scores = 0
    /// Of the ids that are known; 0 when none is.
    private(set) package var lowest: Int64 = 0
    private(set) package var highest: Int64 = 0
    private(set) package var hasUnknown = false
    /// No reporter can have shown any of it before this.
    private(set) package var seen = Instant.distantFuture

    package init() {}

    package mutating func add(id: Int64, seen: Instant) {
        scores += 1
        self.seen = min(self.seen, seen)
        guard id > 0 else {
            hasUnknown = true
            return
        }
        lowest = lowest == 0 ? id : min(lowest, id)
        highest = max(highest, id)
    }
}

/// Scores on their way to the logs of one reactor, in bounded memory however far it is behind.
///
///     feed ── post ──▶ [ gap │ batch │ batch │ batch ] ── take ──▶ logs
///                            └── at most `FeedLimits.inbox` ──┘
///
/// Beyond the limit the oldest batches become a gap: what their readers would have been told of has fallen out of the log
/// by then, or would at once. They are closed with 1013, and resume from the store.
package final class FeedInbox: Sendable {
    private struct State {
        var gap: FeedGap?
        var batches: [FeedBatch] = []
        var bytes = 0
    }

    private let state = Mutex(State())
    private let limit: Int

    package init(limit: Int = FeedLimits.inbox) {
        self.limit = limit
    }

    /// - Returns: whether the reactor has to be told: it has taken all that was there before.
    func post(_ batch: FeedBatch) -> Bool {
        state.withLock { state in
            let isFirst = state.batches.isEmpty
            state.batches.append(batch)
            state.bytes += batch.bytes
            guard state.bytes > limit else { return isFirst }
            // Down to half of it, so that this is not done for every batch. The newest stays.
            var dropped = 0
            while state.bytes > limit / 2, dropped < state.batches.count - 1 {
                let oldest = state.batches[dropped]
                var gap = state.gap ?? FeedGap()
                for entry in oldest.entries { gap.add(id: entry.id, seen: entry.seen) }
                state.gap = gap
                state.bytes -= oldest.bytes
                dropped += 1
            }
            state.batches.removeFirst(dropped)
            return isFirst
        }
    }

    /// What there is, the gap before the batches.
    /// - Parameter batches: an empty array, whose memory is used for the next ones.
    func take(into batches: inout [FeedBatch]) -> FeedGap? {
        precondition(batches.isEmpty, "what was taken before is still there")
        return state.withLock { state in
            swap(&state.batches, &batches)
            state.bytes = 0
            return state.gap.take()
        }
    }
}

extension FeedBatch {
    /// What it takes, shared by all reactors.
    var bytes: Int { frames.count + deflated.count + events.count + entries.count * MemoryLayout<Entry>.stride }
}
