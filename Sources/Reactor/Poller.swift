import CLinux
import Glibc

/// epoll(7), level-triggered: libpq and libcurl may stop reading before the socket is empty, and edge-triggered would
/// then wait for ever.
struct Poller: ~Copyable {
    private let descriptor: Int32
    private let events: UnsafeMutablePointer<epoll_event>

    init() throws(SystemError) {
        let descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { throw .last("epoll_create1") }
        self.descriptor = descriptor
        events = .allocate(capacity: ReactorLimits.eventsPerWait)
    }

    deinit {
        events.deallocate()
        Glibc.close(descriptor)
    }

    func add(_ source: Int32, _ interest: Interest, _ token: Token) throws(SystemError) {
        guard control(EPOLL_CTL_ADD, source, interest, token) == 0 else { throw .last("epoll_ctl") }
    }

    func modify(_ source: Int32, _ interest: Interest, _ token: Token) {
        // The descriptor is registered, so the call cannot fail but by a fault of ours.
        let result = control(EPOLL_CTL_MOD, source, interest, token)
        precondition(result == 0, "epoll_ctl MOD of a descriptor that is not registered")
    }

    func remove(_ source: Int32) {
        // ENOENT and EBADF: its owner (libpq, libcurl) closed it already, and epoll forgot it with that.
        _ = control(EPOLL_CTL_DEL, source, [], .none)
    }

    /// Waits at most `milliseconds` (-1: without end) and gives the number of ready descriptors.
    func wait(milliseconds: Int32) -> Int {
        let count = epoll_wait(descriptor, events, Int32(ReactorLimits.eventsPerWait), milliseconds)
        precondition(count >= 0 || errno == EINTR, "epoll_wait failed")
        return max(0, Int(count))
    }

    func event(at index: Int) -> (token: Token, readiness: Readiness) {
        (Token(cookie: events[index].data.u64), Readiness(rawValue: events[index].events))
    }

    private func control(_ operation: Int32, _ source: Int32, _ interest: Interest, _ token: Token) -> Int32 {
        var event = epoll_event()
        event.events = interest.rawValue
        event.data.u64 = token.cookie
        return epoll_ctl(descriptor, operation, source, &event)
    }
}
