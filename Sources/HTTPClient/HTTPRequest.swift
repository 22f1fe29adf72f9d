/// A request as plain values. It is checked when it is sent; what is wrong with it comes as `finished(.failure)`.
public struct HTTPRequest: Sendable {
    public enum Method: Sendable {
        /// Follows up to three redirects.
        case get
        /// Follows no redirect: the handler sees the 3xx answer.
        case post
    }

    /// When to give up on an answer.
    public enum Deadline: Equatable, Sendable {
        /// So long after `send` the last byte must have come: for answers of a known, small size.
        case total(Duration)
        /// Slower than `bytesPerSecond` for `time` (whole seconds, at least one), or ten minutes in all: for streams
        /// without a known end.
        case lowSpeed(bytesPerSecond: Int, time: Duration)

        public static let small = Deadline.total(Limits.total)
        public static let stream = Deadline.lowSpeed(
            bytesPerSecond: Limits.lowSpeedBytesPerSecond, time: Limits.lowSpeedTime)
    }

    public var method: Method
    /// Absolute, `http` or `https`.
    public var url: String
    /// Sent as they are, besides `Host`, `User-Agent`, `Accept` and `Content-Length`.
    public var fields: [(name: String, value: String)]
    /// The body of a POST.
    public var body: [UInt8]
    /// For name, TCP and TLS together.
    public var connectTimeout: Duration
    public var deadline: Deadline

    public init(
        _ method: Method, _ url: String, fields: [(name: String, value: String)] = [], body: [UInt8] = [],
        connectTimeout: Duration = Limits.connect, deadline: Deadline = .small
    ) {
        self.method = method
        self.url = url
        self.fields = fields
        self.body = body
        self.connectTimeout = connectTimeout
        self.deadline = deadline
    }
}

extension HTTPRequest {
    /// Throws when the request cannot be sent as it is. A line break in a field would begin another field, or another
    /// request (RFC 9110 section 5.5), so nothing that holds one leaves the process.
    func validate() throws(HTTPClientError) {
        guard HTTPRequest.isWeb(url) else {
            throw HTTPClientError(.invalidRequest, "not an http or https URL")
        }
        for field in fields {
            guard !field.name.isEmpty, field.name.utf8.allSatisfy(HTTPRequest.isTokenByte) else {
                throw HTTPClientError(.invalidRequest, "bad field name \"\(field.name)\"")
            }
            guard field.value.utf8.allSatisfy({ $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }) else {
                // The value may be a secret, and stays out of the text.
                throw HTTPClientError(.invalidRequest, "control character in the value of \(field.name)")
            }
        }
        guard connectTimeout > .zero, deadline.isPositive else {
            throw HTTPClientError(.invalidRequest, "a deadline that is not in the future")
        }
    }

    private static func isWeb(_ url: String) -> Bool {
        // A NUL would cut the URL short on its way through C.
        let scheme = url.prefix { $0 != ":" }.lowercased()
        return (scheme == "http" || scheme == "https") && !url.utf8.contains(0)
    }

    /// RFC 9110 section 5.6.2.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}

extension HTTPRequest.Deadline {
    var isPositive: Bool {
        switch self {
        case .total(let time): time > .zero
        case .lowSpeed(let bytesPerSecond, let time): bytesPerSecond > 0 && time > .zero
        }
    }
}
