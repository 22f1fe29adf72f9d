import Bytes

/// The fields somebody in this program looks at. All others are checked for their syntax and passed over.
public enum FieldName: UInt8, Sendable, CaseIterable {
    case host, connection, contentLength, transferEncoding, contentType, expect, upgrade
    case accept, acceptEncoding, authorization, idempotencyKey, ifNoneMatch, lastEventID, origin, userAgent
    case secWebSocketKey, secWebSocketVersion, secWebSocketProtocol, secWebSocketExtensions
    case xForwardedFor, xForwardedProto, xForwardedHost
    case accessControlRequestMethod, accessControlRequestHeaders
    // In responses.
    case secWebSocketAccept, retryAfter, etag, location

    /// The field of that name, whatever its case; nil when nobody looks at it.
    /// - Parameter token: the name's bytes, all of them `tchar`.
    init?(_ token: Span<UInt8>) {
        // The length leaves at most four candidates, and comparing takes a few words.
        switch token.count {
        case 4:
            if token.isToken("host") { self = .host } else if token.isToken("etag") { self = .etag } else { return nil }
        case 6:
            if token.isToken("accept") {
                self = .accept
            } else if token.isToken("expect") {
                self = .expect
            } else if token.isToken("origin") {
                self = .origin
            } else {
                return nil
            }
        case 7:
            guard token.isToken("upgrade") else { return nil }
            self = .upgrade
        case 8:
            guard token.isToken("location") else { return nil }
            self = .location
        case 10:
            if token.isToken("connection") {
                self = .connection
            } else if token.isToken("user-agent") {
                self = .userAgent
            } else {
                return nil
            }
        case 11:
            guard token.isToken("retry-after") else { return nil }
            self = .retryAfter
        case 12:
            guard token.isToken("content-type") else { return nil }
            self = .contentType
        case 13:
            if token.isToken("authorization") {
                self = .authorization
            } else if token.isToken("if-none-match") {
                self = .ifNoneMatch
            } else if token.isToken("last-event-id") {
                self = .lastEventID
            } else {
                return nil
            }
        case 14:
            guard token.isToken("content-length") else { return nil }
            self = .contentLength
        case 15:
            if token.isToken("accept-encoding") {
                self = .acceptEncoding
            } else if token.isToken("x-forwarded-for") {
                self = .xForwardedFor
            } else if token.isToken("idempotency-key") {
                self = .idempotencyKey
            } else {
                return nil
            }
        case 16:
            guard token.isToken("x-forwarded-host") else { return nil }
            self = .xForwardedHost
        case 17:
            if token.isToken("transfer-encoding") {
                self = .transferEncoding
            } else if token.isToken("sec-websocket-key") {
                self = .secWebSocketKey
            } else if token.isToken("x-forwarded-proto") {
                self = .xForwardedProto
            } else {
                return nil
            }
        case 20:
            guard token.isToken("sec-websocket-accept") else { return nil }
            self = .secWebSocketAccept
        case 21:
            guard token.isToken("sec-websocket-version") else { return nil }
            self = .secWebSocketVersion
        case 22:
            guard token.isToken("sec-websocket-protocol") else { return nil }
            self = .secWebSocketProtocol
        case 24:
            guard token.isToken("sec-websocket-extensions") else { return nil }
            self = .secWebSocketExtensions
        case 29:
            guard token.isToken("access-control-request-method") else { return nil }
            self = .accessControlRequestMethod
        case 30:
            guard token.isToken("access-control-request-headers") else { return nil }
            self = .accessControlRequestHeaders
        default:
            return nil
        }
    }
}
