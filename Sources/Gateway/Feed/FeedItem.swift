import Bytes
import Scores

/// A score on its way into the logs, and what must be known of its coming.
package struct FeedItem {
    /// How a score came.
    package enum Way {
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
    private(set) var seen: Instant
    /// It came late: after a higher id.
    var isLate = false
    /// How long before it came it was stored, in seconds by the two clocks: negative when that of the store is ahead. 0
    /// when nobody knows.
    let age: Int64
    private let came: Instant

    /// - Parameters:
    ///   - now: when it came.
    ///   - unixSeconds: the same on the wall clock, without the fraction: the second that is lost by that is in
    ///     `FeedLimits.skew`.
    init(_ score: Score, _ way: Way, now: Instant, unixSeconds: Int64) {
        self.score = score
        self.way = way
        came = now
        if let created = score.createdAt {
            age = min(max(-FeedItem.ages, unixSeconds - created.microseconds / 1_000_000), FeedItem.ages)
            seen = now.earlier(by: .seconds(max(0, age)))
        } else {
            age = 0
            seen = way == .history ? .distantPast : now
        }
    }

    /// An id that a reader can resume behind. A table may have others (its sequence begins where it likes); to the feed they
    /// are none.
    var id: Int64? {
        guard let id = score.id, id > 0 else { return nil }
        return id
    }

    /// The clock of the store is ahead by so many seconds: everything is as much older.
    mutating func correct(clockLead: Int64) {
        if score.createdAt != nil { seen = came.earlier(by: .seconds(max(0, age + clockLead))) }
    }

    /// A century in seconds: more does not fit into an instant.
    private static let ages: Int64 = 3_155_760_000
}
