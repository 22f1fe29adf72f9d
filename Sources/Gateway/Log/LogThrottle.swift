import Bytes

/// Lets an equal message through at most once in a span of time, and counts what it held back.
///
/// A broker that is away for an hour must not fill a disk; the line that gets through says how many did not.
///
///     switch throttle.admit("broker: connection refused", at: reactor.now) {
///     case .write(let suppressed): logger.warning("…", metadata: ["suppressed": "\(suppressed)"])
///     case .suppress: break
///     }
public struct LogThrottle<Key: Hashable & Sendable>: Sendable {
    public enum Admission: Equatable, Sendable {
        /// Write it; `suppressed` equal ones were held back since the last one.
        case write(suppressed: Int)
        case suppress
    }

    private struct Entry {
        var written: Instant
        var suppressed: Int
    }

    private let span: Duration
    private let limit: Int
    private var entries: [Key: Entry] = [:]

    /// - Parameter span: an equal message is written at most once in it.
    public init(span: Duration) {
        self.init(span: span, limit: LogLimits.throttledKeys)
    }

    init(span: Duration, limit: Int) {
        self.span = span
        self.limit = limit
    }

    public mutating func admit(_ key: Key, at now: Instant) -> Admission {
        if var entry = entries[key] {
            if now < entry.written + span {
                entry.suppressed += 1
                entries[key] = entry
                return .suppress
            }
            entries[key] = Entry(written: now, suppressed: 0)
            return .write(suppressed: entry.suppressed)
        }
        if entries.count >= limit, let oldest = entries.min(by: { $0.value.written < $1.value.written }) {
            entries[oldest.key] = nil
        }
        entries[key] = Entry(written: now, suppressed: 0)
        return .write(suppressed: 0)
    }
}
