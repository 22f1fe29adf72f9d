import Reactor

/// Threads to join at the end.
final class Threads {
    private var joins: [() -> Void] = []

    func add(_ thread: consuming Thread) {
        let box = Box(thread)
        joins.append { box.join() }
    }

    func join() {
        for join in joins { join() }
    }

    private final class Box {
        private var thread: Thread?
        init(_ thread: consuming Thread) { self.thread = consume thread }
        func join() { thread.take()?.join() }
    }
}
