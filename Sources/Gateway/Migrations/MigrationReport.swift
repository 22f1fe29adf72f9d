import Logging

/// What a migration tells while it runs.
public enum MigrationReport: Equatable, Sendable, CustomStringConvertible {
    case done(String)
    /// It stands in the way, and may pass.
    case waiting(String)

    public var description: String {
        switch self {
        case .done(let text): text
        case .waiting(let text): "waiting: \(text)"
        }
    }

    func write(to log: Logger) {
        switch self {
        case .done: log.notice("migrate: \(self)")
        case .waiting: log.warning("migrate: \(self)")
        }
    }
}
