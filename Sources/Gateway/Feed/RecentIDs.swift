/// The ids that went into the feed lately, so that a score which comes twice (store and bus, or a redelivery) is known
/// for a double. When full, the oldest are forgotten: a double then gets through, which readers drop by id.
struct RecentIDs {
    private var ways: [Int64: FeedItem.Way] = [:]
    private var order: [Int64] = []
    private var next = 0
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// - Returns: which way the id came before; nil when it is new. The bus counts for more than the history.
    mutating func insert(_ id: Int64, by way: FeedItem.Way) -> FeedItem.Way? {
        if let known = ways[id] {
            if known == .history, way == .bus { ways[id] = .bus }
            return known
        }
        ways[id] = way
        if order.count < capacity {
            order.append(id)
        } else {
            ways[order[next]] = nil
            order[next] = id
            next = next + 1 == capacity ? 0 : next + 1
        }
        return nil
    }
}
