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
    /// Rows between these that are passed over first. Of a page with an offset only the ids are read: it is asked for to
    /// find where a long answer ends.
    var offset = 0

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

    /// The page whose only row is the one with this number behind the row with this id, counted from 1.
    func row(_ number: Int64, behind id: Int64) -> ScorePage {
        var page = following(id)
        page.offset = Int(number - 1)
        page.limit = 1
        return page
    }

    /// The page ends with the row of this id, whatever is stored behind it.
    func ending(with id: Int64) -> ScorePage {
        var page = self
        switch order {
        case .ascending: if id < .max { page.before = id + 1 }
        case .descending: if id > .min { page.after = id - 1 }
        }
        return page
    }
}
