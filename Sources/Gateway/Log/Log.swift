import Logging
import Reactor

/// Puts the program's log in place of swift-log's own.
public enum Log {
    /// Call once, before the first `Logger` is made, with the signals that reactors handle already blocked: the log
    /// thread would take them otherwise.
    /// - Returns: the writer, to `finish()` at the end of the program.
    public static func start(level: Logger.Level, format: LogFormat) throws(SystemError) -> LogWriter {
        let writer = try LogWriter(format: format)
        LoggingSystem.bootstrap { _ in AsyncLogHandler(writer: writer, format: format, level: level) }
        return writer
    }
}
