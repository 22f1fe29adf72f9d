import Reactor

/// Threads to join at the end.
final class Threads {
    private var boxes: [Box] = []

    func add(_ thread: consuming Thread) {
        boxes.append(Box(thread))
    }

    func join() {
        for box in boxes { box.thread.take()?.join() }
    }

    /// Waits for each of them no longer than that.
    /// - Returns: whether all have ended.
    func join(within limit: Duration) -> Bool {
        var haveEnded = true
        for box in boxes {
            guard let thread = box.thread.take() else { continue }
            if !thread.join(within: limit) { haveEnded = false }
        }
        return haveEnded
    }

    private final class Box {
        var thread: Thread?
        init(_ thread: consuming Thread) { self.thread = consume thread }
    }
}
