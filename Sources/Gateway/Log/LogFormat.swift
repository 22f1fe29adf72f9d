import Bytes
import Logging
import Scores

/// How a line of the log looks (`LOG_FORMAT`).
///
///     text  2026-11-22T21:00:00.123Z info  connected host=db port=5432 reason="it was time"
///     json  {"time":"2026-11-22T21:00:00.123Z","level":"info","msg":"connected","host":"db","port":5432}
public enum LogFormat: String, Sendable, CaseIterable {
    case text
    case json

    /// Appends one line with its end.
    /// - Parameter time: milliseconds since 1970.
    func append(
        time: Int64, level: Logger.Level, message: String, metadata: Logger.Metadata, to line: inout ByteBuffer
    ) {
        let start = line.count
        // Sorted: the order of a dictionary differs from run to run.
        let members = metadata.sorted { $0.key < $1.key }
        switch self {
        case .text:
            Self.append(time, to: &line)
            line.append(" ")
            line.append(level.rawValue)
            for _ in level.rawValue.utf8.count..<max(6, level.rawValue.utf8.count + 1) { line.append(" ") }
            EscapedText.append(message, to: &line, quotes: false)
            for (key, value) in members {
                line.append(" ")
                EscapedText.append(key, to: &line, quotes: false)
                line.append("=")
                Self.appendText(value, to: &line)
            }
            Self.cut(&line, to: start + LogLimits.lineBytes)
        case .json:
            line.append("{\"time\":\"")
            Self.append(time, to: &line)
            line.append("\",\"level\":\"")
            line.append(level.rawValue)
            line.append("\",\"msg\":")
            // A member cut in half would break the line for every reader, so what is too long is left out whole.
            EscapedText.appendQuoted(Self.cut(message), to: &line)
            for (key, value) in members {
                let end = line.count
                line.append(",")
                EscapedText.appendQuoted(Self.reserved.contains(key) ? key + "_" : key, to: &line)
                line.append(":")
                Self.appendJSON(value, to: &line)
                if line.count - start > LogLimits.lineBytes { line.truncate(to: end) }
            }
            line.append("}")
        }
        line.append("\n")
    }

    /// Members of every line, which metadata must not repeat.
    private static let reserved: Set<String> = ["time", "level", "msg"]

    private static func append(_ milliseconds: Int64, to line: inout ByteBuffer) {
        // A clock outside of the years 0 to 9999 is written as the number it gave.
        if let time = Timestamp(microseconds: milliseconds.multipliedReportingOverflow(by: 1000).partialValue) {
            line.append(rfc3339: time)
        } else {
            line.append(decimal: milliseconds)
        }
    }

    private static func appendText(_ value: Logger.MetadataValue, to line: inout ByteBuffer) {
        switch value {
        case .string, .stringConvertible:
            let text = value.description
            let isPlain = !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && !"\"=\\".utf8.contains($0) }
            if isPlain { line.append(text) } else { EscapedText.appendQuoted(text, to: &line) }
        case .array, .dictionary:
            appendJSON(value, to: &line)
        }
    }

    private static func appendJSON(_ value: Logger.MetadataValue, to line: inout ByteBuffer) {
        switch value {
        case .string(let text): EscapedText.appendQuoted(text, to: &line)
        case .stringConvertible(let value):
            // Numbers as numbers, so that a collector can compare them.
            switch value {
            case let integer as any FixedWidthInteger: line.append(integer.description)
            case let boolean as Bool: line.append(boolean ? "true" : "false")
            case let number as Double where number.isFinite: line.append(number.description)
            default: EscapedText.appendQuoted(value.description, to: &line)
            }
        case .array(let values):
            line.append("[")
            for (index, value) in values.enumerated() {
                if index > 0 { line.append(",") }
                appendJSON(value, to: &line)
            }
            line.append("]")
        case .dictionary(let members):
            line.append("{")
            for (index, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { line.append(",") }
                EscapedText.appendQuoted(member.key, to: &line)
                line.append(":")
                appendJSON(member.value, to: &line)
            }
            line.append("}")
        }
    }

    private static let ellipsis: StaticString = "…"

    private static func cut(_ line: inout ByteBuffer, to limit: Int) {
        guard line.count > limit else { return }
        var end = limit
        // Not in the middle of a character: bytes 10xxxxxx continue one.
        while end > 0, line.bytes[end] & 0xc0 == 0x80 { end -= 1 }
        line.truncate(to: end)
        line.append(ellipsis)
    }

    private static func cut(_ message: String) -> String {
        // An escape is at most six bytes a character.
        guard message.utf8.count > LogLimits.lineBytes / 2 else { return message }
        return String(decoding: message.utf8.prefix(LogLimits.lineBytes / 2), as: UTF8.self) + "…"
    }
}
