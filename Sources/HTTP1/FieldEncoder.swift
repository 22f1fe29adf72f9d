import Bytes

/// Appends field lines to a head, in either role. Names and `StaticString` values are our own words and taken as they are;
/// values that may come from outside are cleaned.
///
/// (A literal without `as StaticString` would be appended as a String.)
public enum FieldEncoder {
    @inlinable public static func append(
        _ buffer: inout ByteBuffer, _ name: StaticString, _ value: StaticString
    ) {
        buffer.append(name)
        buffer.append(": ")
        buffer.append(value)
        buffer.append("\r\n")
    }

    /// Bytes that may not stand in a value, CR and LF above all, become spaces (RFC 9110 §5.5), so that nobody can write
    /// lines of their own into our head.
    public static func append(_ buffer: inout ByteBuffer, _ name: StaticString, _ value: Span<UInt8>) {
        buffer.append(name)
        buffer.append(": ")
        var start = 0
        while true {
            let end = value.endOfFieldValue(from: start, to: value.count)
            buffer.append(value.extracting(start..<end))
            if end == value.count { break }
            buffer.append(Octet.space)
            start = end + 1
        }
        buffer.append("\r\n")
    }

    public static func append(_ buffer: inout ByteBuffer, _ name: StaticString, _ value: Int64) {
        buffer.append(name)
        buffer.append(": ")
        buffer.append(decimal: value)
        buffer.append("\r\n")
    }
}
