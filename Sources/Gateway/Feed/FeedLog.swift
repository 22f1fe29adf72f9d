import CLinux
import Glibc
import Reactor

/// The feed of one reactor: a ring of finished WebSocket frames in the order they came, and an index of their ids.
///
///     ……[ frame │ frame │ frame │ frame ]                    positions are absolute and never wrap
///       tail     ▲ a subscriber's cursor  head
///
/// The memory is mapped twice in a row, so every range of positions is one contiguous piece: one `send` takes all that
/// a subscriber has not had. A subscriber is a position; a snapshot is a position set back; a slow subscriber is one
/// that `tail` has passed.
final class FeedLog {
    /// A frame's place, as the index keeps it.
    struct Entry {
        /// The score's id, or 0 when it has none (scores of other publishers).
        let id: Int64
        let start: UInt64
    }

    private let memory: UnsafeMutableRawPointer
    private let size: Int
    private var entries: [Entry]
    private var firstEntry = 0
    private(set) var count = 0

    /// The position behind the newest frame.
    private(set) var head: UInt64 = 0
    /// The highest id that was dropped from the log; `.max` once one was dropped whose id nobody knows: it may be newer
    /// than any, so that only the store can tell what follows an id.
    private var highestDropped: Int64 = 0
    /// Of the stored scores with ids up to this one, the log may never have had some.
    var storeFloor: Int64 = .max

    /// - Parameter bytes: how much the ring holds, rounded up to whole pages.
    init(bytes: Int) throws(SystemError) {
        let page = Int(getpagesize())
        size = max(page, (bytes + page - 1) / page * page)
        guard let memory = clinux_mirror_map(size) else { throw .last("mmap") }
        self.memory = memory
        entries = [Entry](repeating: Entry(id: 0, start: 0), count: 64)
    }

    deinit {
        clinux_mirror_unmap(memory, size)
    }

    /// The position of the oldest frame.
    var tail: UInt64 { count == 0 ? head : entry(0).start }

    /// The bytes from a position that is not before `tail` to the head. Valid until the next append.
    @inline(__always) func bytes(from position: UInt64) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: memory + Int(position % UInt64(size)), count: Int(truncatingIfNeeded: head - position))
    }

    /// Appends one frame, dropping the oldest ones as far as room is needed. A frame larger than the ring is left out.
    func append(_ frame: UnsafeRawBufferPointer, id: Int64) {
        guard let source = frame.baseAddress, frame.count <= size else { return }
        while count > 0, head + UInt64(frame.count) - tail > UInt64(size) { dropOldest() }
        (memory + Int(head % UInt64(size))).copyMemory(from: source, byteCount: frame.count)
        if count == entries.count { growIndex() }
        entries[(firstEntry + count) & (entries.count - 1)] = Entry(id: id, start: head)
        count += 1
        head += UInt64(frame.count)
    }

    // MARK: Positions

    /// Where the newest `number` frames begin.
    func position(ofNewest number: Int) -> UInt64 {
        number >= count ? tail : number <= 0 ? head : entry(count - number).start
    }

    /// Where to begin so that everything newer than `id` follows, or nil when the log does not reach back that far.
    /// Ids commit out of order, so what follows may contain ids the asker had: who read this log up to `id` has what
    /// stands before it, but not an older id that came behind it.
    func position(after id: Int64) -> UInt64? {
        guard id >= max(highestDropped, storeFloor) else { return nil }
        if id == highestDropped { return tail }
        // A newer id may stand before an older one by as much as commits overlap; the whole index decides, from the
        // oldest on, so that none is missed. Asked once a connect, over an index in one piece of memory.
        for index in 0..<count {
            let entry = entry(index)
            if entry.id > id || entry.id == 0 { return entry.start }
            if entry.id == id { return end(index) }
        }
        return head
    }

    /// The end of the frame that contains the byte before `position`: where control frames may stand.
    func frameEnd(at position: UInt64) -> UInt64 {
        var low = 0
        var high = count
        // The first frame that begins at or after the position.
        while low < high {
            let middle = (low + high) / 2
            if entry(middle).start < position { low = middle + 1 } else { high = middle }
        }
        return low == count ? head : entry(low).start
    }

    private func end(_ index: Int) -> UInt64 {
        index + 1 < count ? entry(index + 1).start : head
    }

    private func entry(_ index: Int) -> Entry {
        entries[(firstEntry + index) & (entries.count - 1)]
    }

    private func dropOldest() {
        let id = entry(0).id
        highestDropped = id == 0 ? .max : max(highestDropped, id)
        firstEntry = (firstEntry + 1) & (entries.count - 1)
        count -= 1
    }

    private func growIndex() {
        var grown = [Entry](repeating: Entry(id: 0, start: 0), count: entries.count * 2)
        for index in 0..<count { grown[index] = entry(index) }
        entries = grown
        firstEntry = 0
    }
}
