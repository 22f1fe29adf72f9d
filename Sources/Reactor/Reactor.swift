import Bytes
import CLinux
import Glibc

/// The loop of one thread. Not Sendable on purpose: it is made on its thread and everything registered with it lives
/// and dies there; other threads reach it through a `Mailbox` only.
///
/// A turn, in fixed order:
///
///     wait until the next deadline → refresh `now` → dispatch ready sources (mailboxes among them)
///     → fire timers → before sleep: batches, then dirty streams → free what was deregistered
public final class Reactor {
    /// The monotonic clock as of this turn. Everything in a turn happens at one instant.
    public private(set) var now: Instant

    /// Seconds since the Unix epoch as of this turn, for `Date` fields.
    public private(set) var unixSeconds: Int64

    /// The one receive buffer of this loop, free for use within a call.
    public let receiveBuffer: UnsafeMutableRawBufferPointer

    private struct Registration {
        let descriptor: Int32
        var interest: Interest
        let source: Source
    }

    /// What the loop did so far.
    public private(set) var load = ReactorLoad()

    private let poller: Poller
    private var registrations = Slab<Registration>()
    private var timers = Timers()
    private var beforeSleepSources: [Source] = []
    private var dirty: [TCPStream] = []
    private var finishing: [TCPStream] = []
    private var graveyard: [Source] = []
    private var resolver: Resolver?
    private var running = true
    private var mustTurnSoon = false
    private var handshakesLeft = 0

    public init() throws(SystemError) {
        poller = try Poller()
        receiveBuffer = .allocate(byteCount: ReactorLimits.receiveBuffer, alignment: 64)
        now = Reactor.monotonic()
        unixSeconds = Reactor.realtime()
    }

    deinit {
        receiveBuffer.deallocate()
    }

    /// Turns until `stop()`.
    public func run() {
        while running { turn() }
    }

    /// Ends `run()` after the present turn.
    public func stop() {
        running = false
    }

    /// One turn, which waits for an event or a deadline.
    /// - Parameter limit: the longest wait; nil waits for as long as nothing is due.
    public func turn(waitingAtMost limit: Duration? = nil) {
        let wait = timeout(limit)
        let ready = poller.wait(milliseconds: wait)
        refreshClock()
        handshakesLeft = ReactorLimits.handshakesPerTurn
        for index in 0..<ready {
            let (token, readiness) = poller.event(at: index)
            // A source that was deregistered earlier in this turn is stale by generation.
            if let registration = registrations[token] { registration.source.ready(readiness) }
        }
        while let fired = timers.takeExpired(now) { fired.source.timerFired(fired.tag) }
        for source in beforeSleepSources { source.beforeSleep() }
        finishStreams()
        graveyard.removeAll(keepingCapacity: true)
    }

    // MARK: Descriptors

    /// Watches a nonblocking descriptor, level-triggered. The reactor keeps `source` until `deregister`.
    public func register(_ descriptor: Int32, _ interest: Interest, _ source: Source) throws(SystemError) -> Token {
        let token = registrations.insert(Registration(descriptor: descriptor, interest: interest, source: source))
        do throws(SystemError) {
            try poller.add(descriptor, interest, token)
        } catch {
            registrations.remove(token)
            throw error
        }
        return token
    }

    /// Changes what a registered descriptor waits for.
    public func modify(_ token: Token, _ interest: Interest) {
        guard let registration = registrations[token] else { return }
        poller.modify(registration.descriptor, interest, token)
    }

    /// Forgets a descriptor without closing it. Events of this turn that are still to come are dropped, and the source
    /// is let go at the end of the turn, so a source may deregister itself from within a call.
    public func deregister(_ token: Token) {
        guard let registration = registrations.remove(token) else { return }
        poller.remove(registration.descriptor)
        graveyard.append(registration.source)
    }

    // MARK: Time

    /// Calls `source.timerFired(tag)` once, at `deadline` or right after.
    public func schedule(_ source: Source, at deadline: Instant, tag: UInt32 = 0) -> TimerToken {
        timers.schedule(source, at: deadline, tag: tag)
    }

    /// Takes back a timer; nothing happens when it has fired or was cancelled.
    public func cancel(_ timer: TimerToken) {
        timers.cancel(timer)
    }

    // MARK: Batched work

    /// Calls `source.beforeSleep()` in every turn, in order of registration, for as long as the reactor lives.
    public func addBeforeSleep(_ source: Source) {
        beforeSleepSources.append(source)
    }

    /// Calls `stream.turnEnded()` before this turn ends.
    func scheduleTurnEnd(_ stream: TCPStream) {
        dirty.append(stream)
    }

    /// The next turn waits for nothing: what is done after `beforeSleep` may have made work for it.
    func turnSoon() {
        mustTurnSoon = true
    }

    /// Whether a handshake may go on in this turn.
    func takeHandshake() -> Bool {
        handshakesLeft -= 1
        return handshakesLeft >= 0
    }

    // MARK: Names

    /// Resolves a host name or numeric address without blocking; answers by `source.resolved`, in a later turn.
    public func resolve(_ host: String, port: UInt16, for source: Source, tag: UInt32 = 0) {
        do throws(SystemError) {
            if resolver == nil { resolver = try Resolver(self) }
            resolver!.resolve(host, port: port, for: source, tag: tag)
        } catch {
            source.resolved([], error: ResolveError(host: host, reason: error.description), tag: tag)
        }
    }

    // MARK: Inside a turn

    private func finishStreams() {
        // What this causes (a stream closed, an answer appended) may make streams dirty again.
        while !dirty.isEmpty {
            swap(&dirty, &finishing)
            for stream in finishing { stream.turnEnded() }
            finishing.removeAll(keepingCapacity: true)
        }
    }

    private func timeout(_ limit: Duration?) -> Int32 {
        let end = Reactor.monotonic().nanoseconds
        load.turned(nanoseconds: end &- now.nanoseconds)
        if !dirty.isEmpty || mustTurnSoon {
            mustTurnSoon = false
            return 0
        }
        var wait = limit?.wholeNanoseconds ?? .max
        // In whole numbers: a Duration is 128 bits wide, and this is done in every turn.
        if let deadline = timers.nextDeadline() { wait = min(wait, max(deadline.nanoseconds, end) &- end) }
        // Rounded up: waking a millisecond early would spin until the deadline.
        return wait == .max ? -1 : Int32(clamping: (wait + 999_999) / 1_000_000)
    }

    private func refreshClock() {
        now = Reactor.monotonic()
        unixSeconds = Reactor.realtime()
    }

    /// The monotonic clock at this moment, for what happens outside a turn.
    public static func monotonic() -> Instant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    private static func realtime() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME_COARSE, &time)
        return Int64(time.tv_sec)
    }
}
