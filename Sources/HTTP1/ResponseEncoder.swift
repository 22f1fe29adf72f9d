import Bytes

/// What a response says about its connection (RFC 9112 §9.3, §9.6).
public enum ConnectionOption: Equatable, Sendable {
    /// Stays open, which HTTP/1.1 takes for granted: nothing is written.
    case keepAlive
    /// Stays open, for an HTTP/1.0 client that asked for it and has to be told.
    case keepAliveHTTP10
    case close
}

/// Appends response heads to a connection's output. The version is always HTTP/1.1, also towards HTTP/1.0 clients
/// (RFC 9110 §2.5), for whom a response must not be chunked.
///
/// Either a head in one call:
///
///     ResponseEncoder.append(&output, .ok, contentType: "application/json", contentLength: 14, date: date)
///
/// or one with more fields: `begin`, any of the others, `end`.
///
/// The answer to HEAD is the head that GET would get, Content-Length included, and no content (RFC 9110 §9.3.2).
public enum ResponseEncoder {
    /// The interim answer to `Expect: 100-continue`, complete.
    public static let continueResponse: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"

    /// The status line and `Date`.
    @inline(__always) @inlinable public static func begin(
        _ buffer: inout ByteBuffer, _ status: Status, date: borrowing DateField,
        _ connection: ConnectionOption = .keepAlive
    ) {
        buffer.append(status.line)
        date.append(to: &buffer)
        switch connection {
        case .keepAlive: break
        case .keepAliveHTTP10: buffer.append("Connection: keep-alive\r\n")
        case .close: buffer.append("Connection: close\r\n")
        }
    }

    @inlinable public static func field(_ buffer: inout ByteBuffer, _ name: StaticString, _ value: StaticString) {
        FieldEncoder.append(&buffer, name, value)
    }

    /// A value that may come from outside: see `FieldEncoder`.
    @inlinable public static func field(_ buffer: inout ByteBuffer, _ name: StaticString, _ value: Span<UInt8>) {
        FieldEncoder.append(&buffer, name, value)
    }

    @inlinable public static func field(_ buffer: inout ByteBuffer, _ name: StaticString, _ value: Int64) {
        FieldEncoder.append(&buffer, name, value)
    }

    @inline(__always) @inlinable public static func contentType(_ buffer: inout ByteBuffer, _ value: StaticString) {
        buffer.append("Content-Type: ")
        buffer.append(value)
        buffer.append("\r\n")
    }

    /// Not with a status that forbids content.
    @inline(__always) @inlinable public static func contentLength(_ buffer: inout ByteBuffer, _ length: Int64) {
        buffer.append("Content-Length: ")
        buffer.append(decimal: length)
        buffer.append("\r\n")
    }

    /// For content whose length is not known yet; never towards HTTP/1.0. See `ChunkedEncoder`.
    @inlinable public static func chunked(_ buffer: inout ByteBuffer) {
        buffer.append("Transfer-Encoding: chunked\r\n")
    }

    /// The empty line.
    @inlinable public static func end(_ buffer: inout ByteBuffer) {
        buffer.append("\r\n")
    }

    /// A whole head of the usual kind.
    /// - Parameters:
    ///   - contentType: nil without content.
    ///   - contentLength: bytes; ignored for a status that forbids content.
    @inlinable public static func append(
        _ buffer: inout ByteBuffer, _ status: Status, contentType: StaticString?, contentLength: Int,
        date: borrowing DateField, connection: ConnectionOption = .keepAlive
    ) {
        begin(&buffer, status, date: date, connection)
        if let contentType { self.contentType(&buffer, contentType) }
        if !status.forbidsContent { self.contentLength(&buffer, Int64(contentLength)) }
        end(&buffer)
    }
}
