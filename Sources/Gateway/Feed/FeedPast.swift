/// What stands in a log in another order than that of its ids: its history came late, behind what was live before it.
///
///     log     live 101…110 │ history 1…100 │ live 111…
///     past    1…100, 101…110               └ end
///
/// Who comes is given it in this order, and then the log from the end on. Who was there before has what was live
/// already, and the history as it came.
struct FeedPast {
    private struct Frame {
        let id: Int64
        let start: UInt64
    }

    /// In the order of the ids. Those without one are not here: the history has brought them as well.
    private var frames: [Frame] = []
    /// What came since stands in the log from here on.
    let end: UInt64

    init(_ index: FeedIndex, end: UInt64) {
        self.end = end
        frames.reserveCapacity(index.count)
        for place in 0..<index.count where index[place].id > 0 {
            frames.append(Frame(id: index[place].id, start: index[place].start))
        }
        frames.sort { ($0.id, $0.start) < ($1.id, $1.start) }
        var last: Int64 = 0
        frames.removeAll { frame in
            defer { last = frame.id }
            return frame.id == last
        }
    }

    var count: Int { frames.count }

    subscript(index: Int) -> UInt64 { frames[index].start }

    /// The first one with a higher id.
    func first(above id: Int64) -> Int {
        frames.indices.partitioningIndex { frames[$0].id > id }
    }
}
