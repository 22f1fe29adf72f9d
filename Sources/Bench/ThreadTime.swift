import Bytes
import CLinux
import Reactor

/// What the calling thread has had of the processors so far.
struct ThreadTime: Equatable, Sendable {
    /// Nanoseconds on a processor, and nanoseconds in which it could have run and had none.
    var ran: Int64
    var waited: Int64
    var at: Instant

    static func now() -> ThreadTime {
        // A kernel may be built without the statistics; then only the time on a processor is known.
        let waited = ServerProcess.read("/proc/thread-self/schedstat").flatMap(Self.waited)
        return ThreadTime(ran: clinux_thread_cpu_time(), waited: waited ?? 0, at: Reactor.monotonic())
    }

    /// Of proc(5)'s schedstat: time on a processor, time waiting for one, turns.
    static func waited(_ schedstat: String) -> Int64? {
        let fields = schedstat.split(whereSeparator: { $0 == " " || $0 == "\n" })
        return fields.count > 1 ? Int64(fields[1]) : nil
    }

    /// For how much of the time since then the thread had something to do, 0 … 1. Who waits for a processor is not idle.
    func busy(since former: ThreadTime) -> Double {
        let span = max(1, (at - former.at).wholeNanoseconds)
        return min(1, Double(ran - former.ran + waited - former.waited) / Double(span))
    }
}
