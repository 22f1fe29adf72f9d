/// What the feed has still to read from the history, page by page.
///
///     first filling    .newest, one page
///     after an outage  .after(the highest id less the overlap), then .after(the last id of each page)
///
/// An interrupted one is not begun anew from the highest id: live scores raise that while the gap below it is still open.
struct FeedCatchUp: Equatable {
    typealias Question = ScoreHistory.Question

    /// Of the stored scores, those newer than this are in the log when the catching up is done.
    let origin: Question
    /// What is asked next.
    private(set) var page: Question

    private init(_ origin: Question) {
        self.origin = origin
        page = origin
    }

    static let first = FeedCatchUp(.newest)

    /// What to read when the queue is bound (again).
    /// - Parameters:
    ///   - unfinished: the one that was under way.
    ///   - highest: the highest id that went into the feed, or 0.
    ///   - isWarm: the first filling is done. With `highest` 0 there was nothing in the store then.
    static func resuming(_ unfinished: FeedCatchUp?, highest: Int64, isWarm: Bool) -> FeedCatchUp {
        if let unfinished, case .after(let origin) = unfinished.origin, case .after(let last) = unfinished.page {
            return FeedCatchUp(.after(max(origin, last - FeedLimits.overlap)))
        }
        if highest > 0 || isWarm { return FeedCatchUp(.after(max(0, highest - FeedLimits.overlap))) }
        return .first
    }

    /// A page that was not the last ended with this id.
    mutating func advance(to last: Int64) {
        page = .after(last)
    }
}
