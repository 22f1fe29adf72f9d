import Bytes
import CLinux
import Glibc
import Reactor

/// A timer finer than the reactor's, which wakes on whole milliseconds: an open loop of some thousand arrivals a second
/// would come in lumps.
class AlarmClock: Source {
    private let descriptor: Int32

    init(_ reactor: Reactor) throws(SystemError) {
        descriptor = clinux_timerfd()
        guard descriptor >= 0 else { throw .last("timerfd_create") }
        super.init()
        _ = try reactor.register(descriptor, .readable, self)
    }

    deinit {
        Glibc.close(descriptor)
    }

    /// Calls `rang` once, at `instant` or right after; an alarm set before is forgotten.
    final func set(_ instant: Instant) {
        clinux_timerfd_set(descriptor, instant.nanoseconds)
    }

    func rang() {}

    final override func ready(_ readiness: Readiness) {
        var count: UInt64 = 0
        if read(descriptor, &count, 8) == 8 { rang() }
    }
}
