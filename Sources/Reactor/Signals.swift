import CLinux
import Glibc

/// SIGINT, SIGTERM and SIGHUP as events of a reactor (signalfd). `block()` first, before any thread exists.
open class Signals: Source {
    private let descriptor: Int32

    /// Blocks the handled signals in this thread and those it makes, and ignores SIGPIPE.
    public static func block() {
        clinux_block_signals()
    }

    /// SIGINT and SIGTERM end the process, for a command without a reactor. They would by themselves, but for PID 1, which
    /// the kernel spares all signals that it has not asked for.
    public static func endTheProcess() {
        for number in [SIGINT, SIGTERM] { signal(number) { _exit(128 + $0) } }
    }

    /// Whether SIGINT or SIGTERM has come and waits for somebody to hear it: for what blocks before a reactor runs.
    public static var endIsPending: Bool {
        var pending = sigset_t()
        guard sigpending(&pending) == 0 else { return false }
        return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1
    }

    public init(_ reactor: Reactor) throws(SystemError) {
        descriptor = clinux_signalfd()
        guard descriptor >= 0 else { throw .last("signalfd") }
        super.init()
        _ = try reactor.register(descriptor, .readable, self)
    }

    deinit {
        Glibc.close(descriptor)
    }

    /// A signal came. `number` is SIGINT, SIGTERM or SIGHUP.
    open func received(_ number: Int32) {}

    public final override func ready(_ readiness: Readiness) {
        var info = signalfd_siginfo()
        while read(descriptor, &info, MemoryLayout<signalfd_siginfo>.size) == MemoryLayout<signalfd_siginfo>.size {
            received(Int32(info.ssi_signo))
        }
    }
}
