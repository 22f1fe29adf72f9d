/// What the feed has still to read from the history, page by page.
///
///     first filling    .newest, one page
///     after an outage  .after(where the lowest hole is), then .after(the last id of each page)
///
/// An interrupted one is not begun anew from where the feed stands: live scores raise that while the gap below it is
/// still open.
struct FeedCatchUp: Equatable {
    typealias Question = HistoryQuestion

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
    ///   - from: behind it something may have been missed (`FeedProgress`); nil when nothing came yet.
    static func resuming(_ unfinished: FeedCatchUp?, from: Int64?) -> FeedCatchUp {
        guard let from else { return .first }
        if let unfinished, case .after(let origin) = unfinished.origin, case .after(let last) = unfinished.page {
            return FeedCatchUp(.after(min(from, max(origin, last - FeedLimits.overlap))))
        }
        return FeedCatchUp(.after(from))
    }

    /// Scores with ids from this one on were let go of: pages that reach beyond it are read once more.
    mutating func rewind(before lowest: Int64) {
        if case .after(let position) = page { page = .after(min(position, max(0, lowest - 1))) }
    }

    /// A page that was not the last ended with this id.
    mutating func advance(to last: Int64) {
        page = .after(last)
    }
}
