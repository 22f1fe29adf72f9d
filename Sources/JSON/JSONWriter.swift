import Bytes

/// Writing needs no object: JSON is appended to the buffer that is sent. Numbers are `append(decimal:)`.
extension ByteBuffer {
    /// Appends `text`, which is well-formed UTF-8, as a JSON string with its quotes (RFC 8259, section 7).
    ///
    /// Only what must be escaped is: the quote, the backslash, U+0000 to U+001F. Everything else stays UTF-8.
    public mutating func append(jsonString text: Span<UInt8>) {
        append(UInt8(ascii: "\""))
        var start = 0
        while true {
            let end = text.firstToEscape(from: start)
            append(text.extracting(start..<end))
            guard end < text.count else { break }
            append(jsonEscapeOf: text[end])
            start = end + 1
        }
        append(UInt8(ascii: "\""))
    }

    public mutating func append(jsonString text: [UInt8]) {
        append(jsonString: text.span)
    }

    public mutating func append(jsonString text: String) {
        var text = text
        text.withUTF8 { append(jsonString: $0.span) }
    }

    private mutating func append(jsonEscapeOf byte: UInt8) {
        append(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: append(UInt8(ascii: "b"))
        case 0x09: append(UInt8(ascii: "t"))
        case 0x0A: append(UInt8(ascii: "n"))
        case 0x0C: append(UInt8(ascii: "f"))
        case 0x0D: append(UInt8(ascii: "r"))
        case 0x00..<0x20:
            append("u00" as StaticString)
            append(byte < 0x10 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
            append(hexadecimal: UInt64(byte & 0x0F))
        default: append(byte)
        }
    }
}
