import Bytes

/// Text made safe for one line: what a client or a server sent must not end a line, ring a bell, colour a terminal or
/// break out of a JSON string.
enum EscapedText {
    /// Appends `text` with its control characters (C0, DEL, C1) written as escapes.
    /// - Parameter quotes: also escape `"` and `\`: the inside of a JSON string (RFC 8259 section 7).
    static func append(_ text: String, to line: inout ByteBuffer, quotes: Bool) {
        var previous: UInt8 = 0
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\n"): line.append("\\n")
            case UInt8(ascii: "\r"): line.append("\\r")
            case UInt8(ascii: "\t"): line.append("\\t")
            case 0..<0x20, 0x7f: appendEscape(byte, to: &line)
            case 0x80..<0xa0 where previous == 0xc2:
                // U+0080 to U+009F are 0xC2 and this byte: terminals obey them as they obey ESC.
                line.truncate(to: line.count - 1)
                appendEscape(byte, to: &line)
            case UInt8(ascii: "\"") where quotes: line.append("\\\"")
            case UInt8(ascii: "\\") where quotes: line.append("\\\\")
            default: line.append(byte)
            }
            previous = byte
        }
    }

    static func appendQuoted(_ text: String, to line: inout ByteBuffer) {
        line.append(UInt8(ascii: "\""))
        append(text, to: &line, quotes: true)
        line.append(UInt8(ascii: "\""))
    }

    /// `text` in quotes and escaped, cut after `limit` characters.
    static func quoted(_ text: String, limit: Int = .max) -> String {
        var line = ByteBuffer()
        appendQuoted(text.count > limit ? text.prefix(limit) + "…" : text, to: &line)
        return line.bytes.text
    }

    private static func appendEscape(_ byte: UInt8, to line: inout ByteBuffer) {
        line.append("\\u00")
        if byte < 0x10 { line.append(UInt8(ascii: "0")) }
        line.append(hexadecimal: UInt64(byte))
    }
}
