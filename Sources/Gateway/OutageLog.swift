import Bytes
import Logging
import Synchronization

/// One service that the gateway needs, as all workers together see it: the database loses a connection of each reactor at
/// once, and that is one event for whoever reads the log.
final class Outage: Sendable {
    private struct State {
        var throttle = LogThrottle<String>(span: OutageLog.span)
        /// Workers that do not reach it.
        var out = 0
        var wasReached = false
        /// The present outage is in the log.
        var isTold = false
    }

    /// The part and what it needs: `bus: broker`.
    let subject: String
    /// The variable that says where it is.
    let variable: String
    private let state = Mutex(State())

    init(_ subject: String, variable: Variable) {
        self.subject = subject
        self.variable = variable.name
    }

    fileprivate func failed(isFirst: Bool, _ kind: String, at now: Instant) -> LogThrottle<String>.Admission {
        state.withLock {
            if isFirst { $0.out += 1 }
            let admission = $0.throttle.admit(kind, at: now)
            if case .write = admission { $0.isTold = true }
            return admission
        }
    }

    /// Whether some worker does not reach it.
    var isOut: Bool { state.withLock { $0.out > 0 } }

    /// - Returns: what there is to say of it; nil: nothing new, some still do not reach it, or nobody was told that it was
    ///   away.
    fileprivate func reached(wasOut: Bool) -> String? {
        state.withLock { state in
            if wasOut { state.out -= 1 }
            guard state.out == 0 else { return nil }
            defer {
                state.wasReached = true
                state.isTold = false
            }
            if state.isTold { return "is back" }
            return state.wasReached ? nil : "connected"
        }
    }
}

/// Tells of one part that what it needs is out of reach, and that it is back. A part tries again every few seconds for
/// as long as an outage lasts; a line for each try would bury everything else in the log.
struct OutageLog {
    /// At most one line in this time while the outage lasts.
    static let span: Duration = .seconds(10)

    private let log: Logger
    private let outage: Outage
    private(set) var isOut = false

    init(_ log: Logger, _ outage: Outage) {
        self.log = log
        self.outage = outage
    }

    /// A try failed, or what stood is lost.
    /// - Parameter hint: what somebody has to do, when waiting does not help.
    mutating func failed(_ error: String, hint: String? = nil, at now: Instant) {
        let isFirst = !isOut
        isOut = true
        // A hint is a line of its own: it must not hide behind the plain refusals of a starting server.
        guard case .write(let suppressed) = outage.failed(isFirst: isFirst, hint ?? "", at: now) else { return }
        var metadata: Logger.Metadata = ["error": "\(error)"]
        if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
        if let hint {
            log.error("\(outage.subject): \(hint)", metadata: metadata)
        } else {
            log.warning("\(outage.subject) out of reach (\(outage.variable)), trying again", metadata: metadata)
        }
    }

    /// It is there.
    mutating func reached() {
        let wasOut = isOut
        isOut = false
        if let news = outage.reached(wasOut: wasOut) { log.info("\(outage.subject) \(news)") }
    }
}

/// A warning that may come as often as somebody else likes: written at most once in `OutageLog.span`, with how many were
/// not.
struct ThrottledLog {
    private let log: Logger
    private let level: Logger.Level
    private let text: String
    private var throttle = LogThrottle<String>(span: OutageLog.span)

    init(_ log: Logger, _ text: String, level: Logger.Level = .warning) {
        self.log = log
        self.level = level
        self.text = text
    }

    /// - Parameter hint: what somebody has to do, when waiting does not help.
    mutating func write(_ error: String, hint: String? = nil, at now: Instant) {
        guard case .write(let suppressed) = throttle.admit("", at: now) else { return }
        var metadata: Logger.Metadata = ["error": "\(error)"]
        if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
        log.log(level: level, "\(hint.map { "\(text): \($0)" } ?? text)", metadata: metadata)
    }
}
