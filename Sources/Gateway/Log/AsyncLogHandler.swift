import Bytes
import Glibc
import Logging

/// The handler behind every `Logger`: formats on the thread that logs, and leaves the writing to the `LogWriter`.
public struct AsyncLogHandler: LogHandler {
    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?
    private let writer: LogWriter
    private let format: LogFormat

    public init(writer: LogWriter, format: LogFormat, level: Logger.Level) {
        self.writer = writer
        self.format = format
        logLevel = level
    }

    public subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var members = metadata
        if let metadataProvider { members.merge(metadataProvider.get()) { _, provided in provided } }
        if let given = event.metadata { members.merge(given) { _, given in given } }
        if let error = event.error { members["error"] = .string("\(error)") }
        var line = ByteBuffer(capacity: 256)
        format.append(
            time: WallClock.milliseconds, level: event.level, message: event.message.description, metadata: members,
            to: &line)
        writer.append(line)
    }
}

/// The time of day, which only the log shows.
enum WallClock {
    /// Milliseconds since 1970.
    static var milliseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
