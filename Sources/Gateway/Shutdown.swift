import Bytes

/// One worker's way from the signal to its end. Decides only; `Worker` says what its parts report, and carries out.
///
///     serving ── asked ──▶ delaying ── the delay is over ──▶ draining ── work done ──▶ closing ── closed ──▶ left ──▶ ended
///                             └─────────────────┴──────────── the deadline: cut off ────┴─────────────────────┴──────▶
///
/// While it delays, readiness says 503 and connections are still taken, so that whoever routes to us has time to notice.
/// While it drains, none are taken; what was accepted is finished, and what is stored is published as far as the broker
/// takes it. The worker that hears the signals leaves and stays until the others have left: a second signal must be heard.
struct Shutdown {
    /// What a process is to do because of a signal.
    enum Order: Equatable {
        /// All workers drain: after a while, and telling WebSocket clients to go over a time, for they come back
        /// somewhere all at once otherwise.
        case drain(after: Duration, spreadOver: Duration)
        /// The second one: nothing is waited for.
        case endAtOnce
    }

    /// How far a worker's parts are.
    struct Progress: Equatable {
        /// No connection is left, everything accepted is answered, everything stored is published.
        var isWorkDone: Bool
        /// The connections to database and broker are closed.
        var isClosed: Bool
        /// Workers that have not left, this one among them.
        var runningCount: Int
    }

    enum Action: Equatable {
        /// Close the listener, and let the connections finish what they have.
        case drain(spreadOver: Duration)
        /// Close the connections to database and broker.
        case close
        /// Say that this worker has nothing left to do.
        case leave
        /// End the thread.
        case stop
        /// Say what is left, and end the thread.
        case cutOff
    }

    private enum Stage { case serving, delaying, draining, closing, left, ended }

    /// Between two looks at what is still to be done: what comes to an end does so by itself, and says so to nobody.
    private static let pause: Duration = .milliseconds(20)

    private var stage = Stage.serving
    private let hearsSignals: Bool
    private var hasSignal = false
    private var drainAt = Instant.distantFuture
    private var deadline = Instant.distantFuture
    private var closedAt = Instant.distantFuture
    private var spread: Duration = .zero

    /// - Parameter hearsSignals: it is the worker that gets the signals of the process.
    init(hearsSignals: Bool) {
        self.hearsSignals = hearsSignals
    }

    /// The connections of this worker are being closed, or are.
    var isClosing: Bool { stage == .closing || stage == .left || stage == .ended }

    // MARK: The process

    /// A signal asks the process to end.
    /// - Parameter isInterrupt: Ctrl-C, which comes from a person at a terminal: nobody routes to this gateway who would
    ///   need time to notice.
    mutating func signalled(isInterrupt: Bool, delay: Duration, timeout: Duration) -> Order {
        guard !hasSignal, stage == .serving else { return .endAtOnce }
        hasSignal = true
        return isInterrupt
            ? .drain(after: .zero, spreadOver: .zero) : .drain(after: delay, spreadOver: (timeout - delay) / 2)
    }

    // MARK: A worker

    /// This worker is to drain.
    mutating func begin(after delay: Duration, spreadOver spread: Duration, timeout: Duration, at now: Instant) {
        guard stage == .serving else { return }
        stage = .delaying
        self.spread = spread
        drainAt = now + delay
        deadline = now + timeout
    }

    /// When to look at the worker's parts again; nil: never.
    func nextLook(_ now: Instant) -> Instant? {
        switch stage {
        case .serving, .ended: nil
        case .delaying: min(drainAt, deadline)
        case .draining, .closing, .left: min(now + Self.pause, deadline)
        }
    }

    /// What is to be done now; to be asked again, with the progress as it is then, until there is nothing.
    mutating func look(_ progress: Progress, at now: Instant) -> Action? {
        guard stage != .serving, stage != .ended else { return nil }
        guard now < deadline else {
            stage = .ended
            return .cutOff
        }
        switch stage {
        case .delaying where now >= drainAt:
            stage = .draining
            return .drain(spreadOver: spread)
        case .draining where progress.isWorkDone:
            stage = .closing
            closedAt = now
            return .close
        // Not in the turn in which they were told.
        case .closing where progress.isClosed && now > closedAt:
            stage = .left
            return .leave
        case .left where !hearsSignals || progress.runningCount == 0:
            stage = .ended
            return .stop
        default: return nil
        }
    }
}
