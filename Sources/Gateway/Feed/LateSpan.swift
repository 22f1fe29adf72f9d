import Bytes
import Scores

/// How many ids are taken in the time by which a score may be late on the bus (`FeedLimits.late`).
enum LateSpan {
    /// - Parameter scores: the newest, in id order.
    static func measure(_ scores: [Score]) -> Int64 {
        guard let newest = scores.last, let end = newest.id, let last = newest.createdAt else {
            return FeedLimits.unknownLateIDs
        }
        let begin = last.microseconds - FeedLimits.late.wholeNanoseconds / 1000
        // The lowest id, not the first that is too old: rows of a long transaction look older than their neighbours.
        let lowest = scores.first { ($0.createdAt?.microseconds ?? .max) >= begin }?.id ?? end
        return clip((end &- lowest) &+ 1)
    }

    static func clip(_ span: Int64) -> Int64 {
        min(max(span, FeedLimits.leastLateIDs), FeedLimits.overlap)
    }
}
