import Glibc
import Synchronization

/// Whether all threads have started.
final class StartGate: Sendable {
    private struct State {
        var waiting: Int
        var error: StartError?
    }

    private let state: Mutex<State>

    init(count: Int) {
        state = Mutex(State(waiting: count))
    }

    func succeeded() {
        state.withLock { $0.waiting -= 1 }
    }

    func failed(_ error: StartError) {
        state.withLock { $0.error = error }
    }

    /// Waits until all have, or one has not. Starting is a matter of milliseconds, so looking again each one is enough.
    func wait() -> StartError? {
        while true {
            let (waiting, error) = state.withLock { ($0.waiting, $0.error) }
            if waiting == 0 || error != nil { return error }
            usleep(1000)
        }
    }
}
