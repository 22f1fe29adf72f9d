import Bytes

/// Puts the chunked transfer coding on (RFC 9112 §7.1).
///
/// A chunk of known size is `begin`, the bytes, `end`. One that is still being written is `open`, the bytes, `close`, which
/// fills in the size: content is encoded straight into the output, without a copy.
public enum ChunkedEncoder {
    /// - Parameter size: bytes, at least one: a chunk of none would end the content.
    public static func begin(_ buffer: inout ByteBuffer, size: Int) {
        precondition(size > 0, "an empty chunk ends the content")
        buffer.append(hexadecimal: UInt64(size))
        buffer.append("\r\n")
    }

    public static func end(_ buffer: inout ByteBuffer) {
        buffer.append("\r\n")
    }

    /// The last chunk and an empty trailer section: the end of the content.
    public static func last(_ buffer: inout ByteBuffer) {
        buffer.append("0\r\n\r\n")
    }

    /// Begins a chunk whose size `close` will fill in.
    /// - Returns: a mark for `close`, good as long as nothing is consumed from the buffer.
    public static func open(_ buffer: inout ByteBuffer) -> Int {
        let mark = buffer.count
        buffer.append("00000000\r\n")
        return mark
    }

    /// Ends the chunk, or takes it back when nothing was written into it.
    public static func close(_ buffer: inout ByteBuffer, from mark: Int) {
        let size = buffer.count - mark - 10
        precondition(size >= 0 && size <= UInt32.max, "not the mark of a chunk of this buffer")
        if size == 0 {
            buffer.truncate(to: mark)
            return
        }
        var digits = InlineArray<8, UInt8>(repeating: 0)
        for index in 0..<8 {
            let digit = UInt8(truncatingIfNeeded: size >> (4 * (7 - index)) & 15)
            digits[index] = digit < 10 ? 0x30 + digit : 0x57 + digit
        }
        digits.span.withUnsafeBytes { buffer.replace(at: mark, with: $0) }
        buffer.append("\r\n")
    }
}
