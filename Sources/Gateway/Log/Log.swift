import Logging
import Reactor

/// Puts the program's log in place of swift-log's own.
public enum Log {
    /// Call once, before the first `Logger` is made, with the signals that reactors handle already blocked: the log
    /// thread would take them otherwise.
    /// - Returns: the queue, to `finish()` at the end of the program.
    public static func start(level: Logger.Level, format: LogFormat) throws(SystemError) -> LogQueue {
        let queue = try LogQueue(format: format)
        LoggingSystem.bootstrap { _ in AsyncLogHandler(queue: queue, format: format, level: level) }
        return queue
    }
}
