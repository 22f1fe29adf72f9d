import Bytes

/// Names a timer until it fires or is cancelled; stale afterwards.
public struct TimerToken: Equatable, Sendable {
    let token: Token
    public static let none = TimerToken(token: .none)
}

/// Deadlines in a binary heap. Cancelling empties the timer's slot at once; its heap entry is skipped when it comes up.
struct Timers {
    private struct Entry {
        let deadline: Instant
        let token: Token
    }

    struct Fired {
        let source: Source
        let tag: UInt32
    }

    private var heap: [Entry] = []
    private var slots = Slab<Fired>()

    /// Timers that wait; cancelled ones do not count.
    var count: Int { slots.count }

    mutating func schedule(_ source: Source, at deadline: Instant, tag: UInt32) -> TimerToken {
        if heap.count > 64, heap.count > 4 * slots.count { dropCancelled() }
        let token = slots.insert(Fired(source: source, tag: tag))
        heap.append(Entry(deadline: deadline, token: token))
        siftUp(heap.count - 1)
        return TimerToken(token: token)
    }

    mutating func cancel(_ timer: TimerToken) {
        slots.remove(timer.token)
    }

    /// The earliest deadline, or nil when no timer waits.
    mutating func nextDeadline() -> Instant? {
        while let first = heap.first {
            if slots[first.token] != nil { return first.deadline }
            removeFirst()
        }
        return nil
    }

    /// The next timer whose deadline is not after `now`; it is gone from here.
    mutating func takeExpired(_ now: Instant) -> Fired? {
        while let first = heap.first, first.deadline <= now {
            removeFirst()
            if let fired = slots.remove(first.token) { return fired }
        }
        return nil
    }

    private mutating func dropCancelled() {
        let living = heap.filter { slots[$0.token] != nil }
        heap.removeAll(keepingCapacity: true)
        for entry in living {
            heap.append(entry)
            siftUp(heap.count - 1)
        }
    }

    private mutating func removeFirst() {
        let last = heap.removeLast()
        guard !heap.isEmpty else { return }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child].deadline < heap[least].deadline {
                least = child
            }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }

    private mutating func siftUp(_ index: Int) {
        var child = index
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].deadline < heap[parent].deadline else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }
}
