import Bytes
import CLinux
import Glibc

/// A POSIX thread, joined by its maker.
public struct Thread: ~Copyable {
    private let handle: pthread_t

    /// Runs `body` on a new thread. Everything the thread works with is made inside `body`.
    /// - Parameter name: shown by `top -H`; at most 15 bytes.
    public init(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var handle = pthread_t()
        let code = pthread_create(
            &handle, nil,
            { argument in
                let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
                clinux_set_thread_name(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        guard code == 0 else {
            start.release()
            throw SystemError(code, "pthread_create")
        }
        self.handle = handle
    }

    /// Waits for the thread's end.
    public consuming func join() {
        pthread_join(handle, nil)
    }

    /// Waits for the thread's end, but no longer than that.
    /// - Returns: whether it has ended. If not it goes on, and is joined by nobody.
    public consuming func join(within limit: Duration) -> Bool {
        // (pthread_timedjoin_np goes by a clock that somebody may set, and of pthread_clockjoin_np sanitizers know nothing.)
        let deadline = Reactor.monotonic() + limit
        while true {
            if clinux_try_join(handle) == 0 { return true }
            guard Reactor.monotonic() < deadline else { break }
            usleep(2_000)
        }
        pthread_detach(handle)
        return false
    }

    /// Lets the thread end by itself.
    public consuming func detach() {
        pthread_detach(handle)
    }

    private final class Start {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
}
