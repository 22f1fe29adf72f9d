import Bytes
import CLinux
import Glibc
import Reactor

/// The feed of one reactor: a ring of finished WebSocket frames in the order they came, and an index of their ids
/// (`FeedIndex`).
///
///     ……[ frame │ frame │ frame │ frame ]                    positions are absolute and never wrap
///       tail     ▲ a subscriber's cursor  head
///
/// The memory is mapped twice in a row, so every range of positions is one contiguous piece: one `send` takes all that
/// a subscriber has not had. A subscriber is a position; a snapshot is a position set back; a slow subscriber is one
/// that `tail` has passed. Where one begins who resumes: `FeedLog+Resume`.
package final class FeedLog {
    private let memory: UnsafeMutableRawPointer
    private let size: Int
    private(set) var index = FeedIndex()

    /// The position behind the newest frame.
    private(set) var head: UInt64 = 0
    /// The highest id that came, and that was dropped from the log.
    private(set) var highest: Int64 = 0
    private(set) var highestDropped: Int64 = 0
    /// One came whose id nobody knows, and one was dropped.
    private(set) var hasUnknown = false
    private(set) var hasDroppedUnknown = false
    /// Of the stored scores with ids up to this one, the log may never have had some, or has them behind higher ones.
    private(set) var storeFloor: Int64 = .max
    /// It went without its history, which may still come; and when that came, what it has out of order.
    private var isAheadOfHistory = false
    private(set) var past: FeedPast?

    /// What is known of late scores, for those who resume.
    var late = FeedLate()
    private(set) var moments = FeedMoments()
    /// Where in the log the scores stand that came from the history and not yet by the bus.
    private var places: [Int64: UInt64] = [:]

    /// - Parameter bytes: how much the ring holds, rounded up to whole pages.
    package init(bytes: Int) throws(SystemError) {
        let page = Int(getpagesize())
        size = max(page, (bytes + page - 1) / page * page)
        guard let memory = clinux_mirror_map(size) else { throw .last("mmap") }
        self.memory = memory
    }

    /// The same frames at the same positions, and all that is known of them; from here on a log of its own.
    init(copy other: FeedLog) throws(SystemError) {
        size = other.size
        guard let memory = clinux_mirror_map(size) else { throw .last("mmap") }
        self.memory = memory
        index = other.index
        head = other.head
        highest = other.highest
        highestDropped = other.highestDropped
        hasUnknown = other.hasUnknown
        hasDroppedUnknown = other.hasDroppedUnknown
        storeFloor = other.storeFloor
        isAheadOfHistory = other.isAheadOfHistory
        past = other.past
        late = other.late
        moments = other.moments
        places = other.places
        let frames = other.bytes(from: tail)
        guard let source = frames.baseAddress else { return }
        (memory + Int(tail % UInt64(size))).copyMemory(from: source, byteCount: frames.count)
    }

    deinit {
        clinux_mirror_unmap(memory, size)
    }

    /// The position of the oldest frame.
    var tail: UInt64 { count == 0 ? head : index[0].start }

    /// How many frames it holds.
    package var count: Int { index.count }

    /// The bytes from a position that is not before `tail` to the head. Valid until the next append.
    @inline(__always) package func bytes(from position: UInt64) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: memory + Int(position % UInt64(size)), count: Int(truncatingIfNeeded: head - position))
    }

    /// Scores come.
    package func begin(_ now: Instant) {
        if let past, past.end <= tail { self.past = nil }
        guard moments.note(now, head: head, tail: tail, highest: highest) else { return }
        if let before = moments.highest(at: now.earlier(by: FeedLimits.late)), before > 0 {
            late.pace(highest - before)
        }
    }

    /// The history was read, or is not waited for.
    package func filled(_ filling: FeedFilling) {
        // What came while it was not waited for stands in front of it, high ids before low ones. Who began there and left in
        // the midst would have the highest id without those below: the store gives them in order.
        storeFloor = max(filling.floor, isAheadOfHistory ? highest : 0)
        if isAheadOfHistory, filling != .none { past = FeedPast(index, end: head) }
        isAheadOfHistory = filling == .none
        late.pace(filling.lateIDs)
        moments.complete(since: filling.since)
    }

    /// Appends one frame, dropping the oldest ones as far as room is needed. A frame larger than the ring is left out,
    /// and so is a double that nobody lacks.
    /// - Returns: whether it was appended.
    @discardableResult
    package func append(_ frame: UnsafeRawBufferPointer, id: Int64, _ way: FeedItem.Way, seen: Instant) -> Bool {
        if id > 0 { noteComing(of: id, seen) } else { hasUnknown = true }
        if isAgain(way), isInVain(id, way) { return false }
        guard let source = frame.baseAddress, frame.count <= size else { return false }
        while count > 0, head + UInt64(frame.count) - tail > UInt64(size) { dropOldest() }
        (memory + Int(head % UInt64(size))).copyMemory(from: source, byteCount: frame.count)
        let isHistory = way == .history
        if isHistory, id > 0 { places[id] = head }
        index.append(FeedIndex.Entry(id: id, start: head, seen: seen, isHistory: isHistory))
        head += UInt64(frame.count)
        return true
    }

    /// Scores went by that the log did not get: as if they had been appended, and all of it had fallen out.
    package func skip(_ gap: FeedGap) {
        while count > 0 { dropOldest() }
        if gap.hasUnknown {
            hasUnknown = true
            hasDroppedUnknown = true
        }
        if gap.highest > 0 {
            noteComing(of: gap.highest, gap.seen)
            noteComing(of: gap.lowest, gap.seen)
            highestDropped = max(highestDropped, gap.highest)
        }
        // No cursor is at the head any more, and so everybody lacks something.
        head += 1
    }

    private func noteComing(of id: Int64, _ seen: Instant) {
        if id > highest {
            late.newest(
                id, since: late.isQuiet ? nil : moments.position(at: seen.earlier(by: FeedLimits.skew), head: head) ?? 0
            )
            highest = id
        } else {
            late.came(id, at: head, highest: highest)
        }
    }

    @inline(__always) private func isAgain(_ way: FeedItem.Way) -> Bool {
        way == .busAgain || way == .historyAgain
    }

    /// What the history brought comes again.
    private func isInVain(_ id: Int64, _ way: FeedItem.Way) -> Bool {
        late.isInVain(way == .busAgain ? places.removeValue(forKey: id) : places[id], at: head)
    }

    // MARK: Positions

    /// Where the newest `number` frames begin.
    package func position(ofNewest number: Int) -> UInt64 {
        number >= count ? tail : number <= 0 ? head : index[count - number].start
    }

    /// The end of the frame that contains the byte before `position`: where control frames may stand.
    func frameEnd(at position: UInt64) -> UInt64 {
        // The first frame that begins at or after the position.
        let next = (0..<count).partitioningIndex { index[$0].start >= position }
        return next == count ? head : index[next].start
    }

    private func dropOldest() {
        let oldest = index[0]
        if oldest.id == 0 { hasDroppedUnknown = true }
        highestDropped = max(highestDropped, oldest.id)
        if oldest.isHistory, places[oldest.id] == oldest.start { places[oldest.id] = nil }
        index.removeFirst()
    }
}
