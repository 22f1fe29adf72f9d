import Bytes

/// Where the frames of a log stand, in the order they came: first in, first out. Ids mostly rise and need not, and some
/// come twice.
///
/// A ring in blocks. Of each block it knows the lowest and the highest id, so that a search passes over those that cannot
/// have what it looks for: nearly all, as ids that came together are near each other.
///
///     │ 1 … 260 │ 258 … 511 │ 509 … 770 │ …          .first(withID: 600): one block is read, not thousands of entries
struct FeedIndex {
    /// A frame's place.
    struct Entry {
        /// The score's id, or 0 when it has none (scores of other publishers).
        let id: Int64
        let start: UInt64
        /// No reporter can have shown it before this.
        let seen: Instant
        let isHistory: Bool

        fileprivate static let none = Entry(id: 0, start: 0, seen: .distantPast, isHistory: false)
    }

    /// Of the ids written to a block since its first entry was. Those that left may be among them.
    private struct Bounds {
        var lowest: Int64
        var highest: Int64
    }

    /// Entries of a block: about as many as there are blocks in a log of usual size.
    private static let block = 256

    private var entries = [Entry](repeating: .none, count: 2 * block)
    private var bounds = [Bounds](repeating: Bounds(lowest: 0, highest: 0), count: 2)
    /// The slot of the oldest entry. The number of slots is a power of two.
    private var oldest = 0
    private(set) var count = 0

    /// - Parameter index: from the oldest on.
    subscript(index: Int) -> Entry {
        precondition(index >= 0 && index < count, "an entry that is not there")
        return entries[slot(index)]
    }

    mutating func append(_ entry: Entry) {
        // One block stays free, so that oldest and newest are never in the same one: its bounds begin anew.
        if count == entries.count - FeedIndex.block { grow() }
        write(entry, at: slot(count))
        count += 1
    }

    mutating func removeFirst() {
        precondition(count > 0, "removes an entry that is not there")
        oldest = slot(1)
        count -= 1
    }

    // MARK: Searching

    /// The oldest entry of that id.
    func first(withID id: Int64) -> Entry? {
        first({ $0.lowest <= id && id <= $0.highest }, where: { $0.id == id })
    }

    /// The oldest entry with a higher id.
    func first(above id: Int64) -> Entry? {
        first({ $0.highest > id }, where: { $0.id > id })
    }

    /// The oldest entry with a higher id, or with none.
    func first(aboveOrUnknown id: Int64) -> Entry? {
        first({ $0.highest > id || $0.lowest <= 0 }, where: { $0.id > id || $0.id == 0 })
    }

    @inline(__always) private func first(_ mayHold: (Bounds) -> Bool, where matches: (Entry) -> Bool) -> Entry? {
        var index = 0
        while index < count {
            let begin = slot(index)
            let end = min(begin + count - index, (begin / FeedIndex.block + 1) * FeedIndex.block)
            if mayHold(bounds[begin / FeedIndex.block]) {
                for slot in begin..<end where matches(entries[slot]) { return entries[slot] }
            }
            index += end - begin
        }
        return nil
    }

    // MARK: The ring

    @inline(__always) private func slot(_ index: Int) -> Int {
        (oldest + index) & (entries.count - 1)
    }

    private mutating func write(_ entry: Entry, at slot: Int) {
        entries[slot] = entry
        let block = slot / FeedIndex.block
        if slot % FeedIndex.block == 0 || count == 0 {
            bounds[block] = Bounds(lowest: entry.id, highest: entry.id)
        } else {
            bounds[block].lowest = min(bounds[block].lowest, entry.id)
            bounds[block].highest = max(bounds[block].highest, entry.id)
        }
    }

    private mutating func grow() {
        let old = self
        entries = [Entry](repeating: .none, count: 2 * old.entries.count)
        bounds = [Bounds](repeating: Bounds(lowest: 0, highest: 0), count: entries.count / FeedIndex.block)
        oldest = 0
        count = 0
        for index in 0..<old.count {
            write(old[index], at: index)
            count += 1
        }
    }
}
