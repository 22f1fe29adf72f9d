import Bytes

/// The request methods (RFC 9110 §9, PATCH: RFC 5789). Methods are case-sensitive.
public enum Method: UInt8, Sendable, CaseIterable {
    case get, head, post, put, delete, connect, options, trace, patch
    /// A well-formed method that is none of these: 405 where the path is known.
    case other

    /// - Parameter token: the method's bytes, all of them `tchar`.
    init(_ token: Span<UInt8>) {
        switch token.count {
        case 3:
            self = token.equals("GET") ? .get : token.equals("PUT") ? .put : .other
        case 4:
            self = token.equals("POST") ? .post : token.equals("HEAD") ? .head : .other
        case 5:
            self = token.equals("PATCH") ? .patch : token.equals("TRACE") ? .trace : .other
        case 6:
            self = token.equals("DELETE") ? .delete : .other
        case 7:
            self = token.equals("OPTIONS") ? .options : token.equals("CONNECT") ? .connect : .other
        default:
            self = .other
        }
    }

    /// The method as it stands in a request line; empty for `other`.
    public var name: StaticString {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .connect: "CONNECT"
        case .options: "OPTIONS"
        case .trace: "TRACE"
        case .patch: "PATCH"
        case .other: ""
        }
    }
}
