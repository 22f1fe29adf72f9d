import Bytes
import Scores

/// A score on its way into the logs, and what must be known of its coming.
struct FeedItem {
    /// How a score came.
    enum Way {
        case history
        case bus
        /// By the bus, and before that by the history: in the logs it is a double, unless somebody resumed meanwhile.
        case busAgain
        /// By the history twice: on the bus it may have come while that was lost.
        case historyAgain
    }

    let score: Score
    var way: Way
    /// No reporter can have shown it before this: it was not stored yet. By the history of another reporter it may
    /// have been seen long before it came on the bus, for a message may be late.
    let seen: Instant

    /// - Parameters:
    ///   - now: when it came.
    ///   - unixSeconds: the same on the wall clock, without the fraction: the second that is lost by that is in
    ///     `FeedLimits.skew`.
    init(_ score: Score, _ way: Way, now: Instant, unixSeconds: Int64) {
        self.score = score
        self.way = way
        if let created = score.createdAt {
            let age = min(max(0, unixSeconds - created.microseconds / 1_000_000), FeedItem.ages)
            seen = now.earlier(by: .seconds(age))
        } else {
            seen = way == .history ? .distantPast : now
        }
    }

    /// A century in seconds: more does not fit into an instant.
    private static let ages: Int64 = 3_155_760_000
}
