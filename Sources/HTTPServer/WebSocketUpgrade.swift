import Bytes
import HTTP1
import WebSocket

/// The opening handshake of a WebSocket, the server's side (RFC 6455 section 4.2).
public enum WebSocketUpgrade {
    public enum Verdict {
        /// With what is agreed on about compression.
        case acceptable(PermessageDeflate?)
        /// Not a handshake at all, or a bad key: 400.
        case malformed(StaticString)
        /// No upgrade was asked for, or another version of the protocol: 426 and the version that is spoken.
        case upgradeRequired(StaticString)
    }

    /// Field lines of the 426 answer (RFC 9110 section 15.5.22, RFC 6455 section 4.4).
    public static let requiredFields: StaticString =
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"

    /// Looks at a request's head.
    public static func check(_ request: RequestParser, in bytes: Span<UInt8>) -> Verdict {
        guard request.head.isWebSocketUpgrade else { return .upgradeRequired("This is a WebSocket endpoint.") }
        guard request.head.versionMinor >= 1 else { return .malformed("A WebSocket begins with HTTP/1.1.") }
        // Bytes of content would be read as frames (RFC 6455 section 4.1: the request is a GET without content).
        guard request.head.framing == .none || request.head.framing == .length(0) else {
            return .malformed("The request for a WebSocket has content.")
        }
        guard let version = request.value(of: .secWebSocketVersion), !request.isRepeated(.secWebSocketVersion),
            bytes.extracting(version).equals(Handshake.version)
        else { return .upgradeRequired("Only version 13 of the WebSocket protocol is spoken here.") }
        guard let key = request.value(of: .secWebSocketKey), !request.isRepeated(.secWebSocketKey),
            Handshake.isValid(key: bytes.extracting(key))
        else { return .malformed("Sec-WebSocket-Key is not one base64 text of 16 bytes.") }
        return extensions(request, in: bytes)
    }

    /// The first offer that can be accepted; several lines are one list (RFC 6455 section 9.1).
    private static func extensions(_ request: RequestParser, in bytes: Span<UInt8>) -> Verdict {
        guard request.value(of: .secWebSocketExtensions) != nil else { return .acceptable(nil) }
        var chosen: PermessageDeflate?
        var lines = FieldLines(request.head.fields)
        while let value = lines.next("sec-websocket-extensions", bytes) {
            switch PermessageDeflate.choose(from: bytes.extracting(value)) {
            case .none: break
            case .acceptable(let offer): chosen = chosen ?? offer
            case .malformed: return .malformed("Sec-WebSocket-Extensions is not a list of extensions.")
            }
        }
        return .acceptable(chosen)
    }

    /// 101 (Switching Protocols) for a key that was found good.
    static func appendResponse(
        key: Span<UInt8>, deflate: PermessageDeflate?, date: DateField, to output: inout ByteBuffer
    ) {
        output.append(Status.switchingProtocols.line)
        date.append(to: &output)
        output.append("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ")
        let accept = Handshake.acceptValue(key: key)
        output.append(accept.span)
        if let deflate {
            output.append("\r\nSec-WebSocket-Extensions: ")
            deflate.appendAnswer(to: &output)
        }
        output.append("\r\n\r\n")
    }
}
