import Bytes
import CLinux
import Glibc
import Logging
import Reactor
import Synchronization

/// The one thread that writes the log, and the lines that wait for it.
///
///     any thread ── append ──▶ [ lines, at most 1 MiB ] ── swap ──▶ log thread ──▶ write(2)
///
/// A reactor must not wait for whoever reads stderr: a line is formatted where it is logged, copied here under a short
/// lock, and the writing is somebody else's. When the queue is full, lines are dropped and counted, and the count is
/// written as soon as there is room.
public final class LogWriter: Sendable {
    private struct State {
        var lines: [UInt8] = []
        var dropped = 0
        var flushing = false
        var finished = false
    }

    /// Lines that were dropped since the start of the process.
    static var droppedLines: UInt64 { dropped.load(ordering: .relaxed) }
    private static let dropped = Atomic<UInt64>(0)

    private let state = Mutex(State())
    private let limit: Int
    private let format: LogFormat
    private let output: Int32
    /// eventfd: there is something to do for the thread.
    private let wake: Int32
    /// eventfd: everything was written after `flushing` was set.
    private let flushed: Int32

    /// Starts the thread.
    /// - Parameters:
    ///   - output: a descriptor that stays open; may block.
    ///   - format: of every line.
    public convenience init(
        output: Int32 = STDERR_FILENO, format: LogFormat
    ) throws(SystemError) {
        try self.init(output: output, format: format, limit: LogLimits.queueBytes)
    }

    init(output: Int32, format: LogFormat, limit: Int) throws(SystemError) {
        self.output = output
        self.format = format
        self.limit = limit
        wake = eventfd(0, Int32(EFD_CLOEXEC))
        guard wake >= 0 else { throw .last("eventfd") }
        flushed = eventfd(0, Int32(EFD_CLOEXEC))
        guard flushed >= 0 else { throw .last("eventfd") }
        let writer = self
        try Thread(name: "log") { writer.write() }.detach()
    }

    deinit {
        close(wake)
        close(flushed)
    }

    /// Queues one line, which includes its end. Never blocks on the output.
    func append(_ line: borrowing ByteBuffer) {
        let wasEmpty = line.withUnsafeBytes { bytes in
            state.withLock { state in
                guard !state.finished else { return false }
                guard state.lines.count + bytes.count <= limit else {
                    state.dropped += 1
                    Self.dropped.add(1, ordering: .relaxed)
                    return false
                }
                let wasEmpty = state.lines.isEmpty
                state.lines.append(contentsOf: bytes)
                return wasEmpty
            }
        }
        if wasEmpty { Self.signal(wake) }
    }

    /// Waits until everything logged so far is written, then ends the thread; later lines vanish.
    /// - Returns: false: the reader of the output did not take it within `LogLimits.flushTime`.
    @discardableResult
    public func finish() -> Bool {
        finish(within: LogLimits.flushTime)
    }

    func finish(within time: Duration) -> Bool {
        state.withLock { $0.flushing = true }
        Self.signal(wake)
        var wait = pollfd(fd: flushed, events: Int16(POLLIN), revents: 0)
        return poll(&wait, 1, Int32(clamping: time.wholeNanoseconds / 1_000_000)) == 1
    }

    /// The thread.
    private func write() {
        // Two arrays change places, so that neither grows anew for every batch.
        var batch: [UInt8] = []
        while true {
            var count: UInt64 = 0
            guard read(wake, &count, 8) == 8 || errno == EINTR else { return }
            while true {
                let dropped = state.withLock { state in
                    swap(&state.lines, &batch)
                    let dropped = state.dropped
                    state.dropped = 0
                    return dropped
                }
                if dropped > 0 {
                    var line = ByteBuffer()
                    format.append(
                        time: WallClock.milliseconds, level: .warning, message: "log lines dropped: the queue was full",
                        metadata: ["count": .stringConvertible(dropped)], to: &line)
                    batch += line.bytes.copied
                }
                if batch.isEmpty { break }
                batch.withUnsafeBytes { writeAll($0) }
                batch.removeAll(keepingCapacity: batch.capacity <= LogLimits.keptBytes)
            }
            let isFinished = state.withLock { state in
                guard state.flushing, state.lines.isEmpty else { return false }
                state.finished = true
                return true
            }
            if isFinished {
                Self.signal(flushed)
                return
            }
        }
    }

    private func writeAll(_ bytes: UnsafeRawBufferPointer) {
        var written = 0
        while written < bytes.count {
            let count = Glibc.write(output, bytes.baseAddress! + written, bytes.count - written)
            if count > 0 {
                written += count
            } else if errno == EAGAIN {
                // Somebody who shares the open file made it nonblocking.
                var wait = pollfd(fd: output, events: Int16(POLLOUT), revents: 0)
                poll(&wait, 1, -1)
            } else if errno != EINTR {
                // Nobody reads any more: there is nowhere left to say so.
                return
            }
        }
    }

    private static func signal(_ descriptor: Int32) {
        var one: UInt64 = 1
        _ = Glibc.write(descriptor, &one, 8)
    }
}
