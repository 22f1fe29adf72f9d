/// What is left of a snapshot: frames that stand in the log out of order, and then the log from a position on.
package struct FeedSnapshot: Equatable {
    /// The next of them in the log's `FeedPast`, and behind the last; none when they are equal.
    fileprivate var next = 0
    fileprivate var end = 0
    package let position: UInt64

    package var isPast: Bool { next < end }
}

extension FeedLog {
    /// The newest `number` frames, as far as they are here.
    package func snapshot(ofNewest number: Int) -> FeedSnapshot {
        guard let past, past.end > tail else { return FeedSnapshot(position: position(ofNewest: number)) }
        let since = count - (0..<count).partitioningIndex { index[$0].start >= past.end }
        guard number > since else { return FeedSnapshot(position: position(ofNewest: number)) }
        // What is below an id that fell out may have a hole there.
        let whole = past.first(above: highestDropped)
        let next = max(whole, past.count - min(past.count, number - since))
        return FeedSnapshot(next: next, end: past.count, position: past.end)
    }

    /// The next frame of those that stand out of order; nil when it fell out. Valid until the next append.
    package func next(_ snapshot: inout FeedSnapshot) -> UnsafeRawBufferPointer? {
        guard let past, snapshot.isPast, past[snapshot.next] >= tail else { return nil }
        let start = past[snapshot.next]
        snapshot.next += 1
        return UnsafeRawBufferPointer(rebasing: bytes(from: start).prefix(Int(frameEnd(at: start + 1) - start)))
    }
}
