import Scores

/// One page of scores as the store is asked for it: equal pages asked for at the same time are one query.
struct ScorePage: Hashable {
    /// Ids between these two, both excluded.
    var after: Int64
    var before: Int64
    var user: [UInt8]?
    var order: ScoreQuery.Order
    /// At most so many rows.
    var limit: Int

    /// The first page of a query.
    init(_ query: ScoreQuery) {
        after = query.after ?? .min
        before = query.before ?? .max
        user = query.user
        order = query.order
        limit = Int(min(query.limit ?? .max, Int64(StoreLimits.pageRows)))
    }

    init(after: Int64, limit: Int) {
        self.after = after
        before = .max
        order = .ascending
        self.limit = limit
    }

    /// The newest scores; their order is the descending one.
    init(newest limit: Int) {
        after = .min
        before = .max
        order = .descending
        self.limit = limit
    }

    /// One score.
    init(id: Int64) {
        after = id - 1
        before = id == .max ? .max : id + 1
        order = .ascending
        limit = 1
    }

    /// The page behind the row with this id.
    func following(_ id: Int64) -> ScorePage {
        var page = self
        if order == .ascending { page.after = id } else { page.before = id }
        return page
    }
}
