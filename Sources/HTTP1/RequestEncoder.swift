import Bytes

/// Appends request heads, for the client's role: `begin`, any of the others, `end`.
public enum RequestEncoder {
    /// The request line and Host.
    /// - Parameters:
    ///   - target: path and query, percent-encoded, as they go on the wire.
    ///   - host: with the port when it is not the scheme's own.
    public static func begin(_ buffer: inout ByteBuffer, _ method: Method, _ target: Span<UInt8>, host: Span<UInt8>) {
        precondition(method != .other, "a method that has a name")
        precondition(isTarget(target), "a target of visible ASCII without fragment")
        buffer.append(method.name)
        buffer.append(Octet.space)
        buffer.append(target)
        buffer.append(" HTTP/1.1\r\n")
        FieldEncoder.append(&buffer, "Host", host)
    }

    @inlinable public static func field(_ buffer: inout ByteBuffer, _ name: StaticString, _ value: StaticString) {
        FieldEncoder.append(&buffer, name, value)
    }

    /// A value that may come from outside: see `FieldEncoder`.
    @inlinable public static func field(_ buffer: inout ByteBuffer, _ name: StaticString, _ value: Span<UInt8>) {
        FieldEncoder.append(&buffer, name, value)
    }

    @inlinable public static func contentLength(_ buffer: inout ByteBuffer, _ length: Int64) {
        FieldEncoder.append(&buffer, "Content-Length", length)
    }

    @inlinable public static func chunked(_ buffer: inout ByteBuffer) {
        buffer.append("Transfer-Encoding: chunked\r\n")
    }

    /// The empty line.
    @inlinable public static func end(_ buffer: inout ByteBuffer) {
        buffer.append("\r\n")
    }

    private static func isTarget(_ target: Span<UInt8>) -> Bool {
        for index in 0..<target.count where !Octet.is(target[index], Octet.target) {
            if target[index] != UInt8(ascii: "?") { return false }
        }
        return target.count > 0
    }
}
