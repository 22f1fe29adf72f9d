import Bytes
import Logging

/// Tells of one part that what it needs is out of reach, and that it is back. A part tries again every few seconds for
/// as long as an outage lasts; a line for each try would bury everything else in the log.
struct OutageLog {
    /// At most one line in this time while the outage lasts.
    static let span: Duration = .seconds(10)

    private let log: Logger
    private let subject: String
    private var throttle = LogThrottle<String>(span: OutageLog.span)
    private(set) var isOut = false

    /// - Parameter subject: the part and what it needs: `bus: broker`.
    init(_ log: Logger, _ subject: String) {
        self.log = log
        self.subject = subject
    }

    /// A try failed, or what stood is lost.
    /// - Parameter hint: what somebody has to do, when waiting does not help.
    mutating func failed(_ error: String, hint: String? = nil, at now: Instant) {
        isOut = true
        // A hint is a line of its own: it must not hide behind the plain refusals of a starting server.
        guard case .write(let suppressed) = throttle.admit(hint ?? "", at: now) else { return }
        var metadata: Logger.Metadata = ["error": "\(error)"]
        if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
        if let hint {
            log.error("\(subject): \(hint)", metadata: metadata)
        } else {
            log.warning("\(subject) out of reach, trying again", metadata: metadata)
        }
    }

    /// It is there.
    mutating func reached() {
        log.info("\(subject) \(isOut ? "is back" : "connected")")
        isOut = false
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

    mutating func write(_ error: String, at now: Instant) {
        guard case .write(let suppressed) = throttle.admit("", at: now) else { return }
        var metadata: Logger.Metadata = ["error": "\(error)"]
        if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
        log.log(level: level, "\(text)", metadata: metadata)
    }
}
