/// The ids that went into the feed lately, so that a score which comes twice (store and bus, or a redelivery) is shown
/// once. When full, the oldest are forgotten: a double then gets through, which readers drop by id.
struct RecentIDs {
    private var ids: Set<Int64> = []
    private var order: [Int64] = []
    private var next = 0
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// - Returns: whether the id is new.
    mutating func insert(_ id: Int64) -> Bool {
        guard ids.insert(id).inserted else { return false }
        if order.count < capacity {
            order.append(id)
        } else {
            ids.remove(order[next])
            order[next] = id
            next = next + 1 == capacity ? 0 : next + 1
        }
        return true
    }
}
