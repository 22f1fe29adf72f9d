import CCurl
import Glibc

/// Why there is no whole answer.
public struct HTTPClientError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What to do about it depends on this; as a label it is stable.
    public enum Reason: String, Equatable, Sendable {
        /// The request cannot be sent as it is: a fault of ours or of the configuration. Trying again does not help.
        case invalidRequest
        /// More transfers at once than `Limits.transfers`.
        case overloaded
        /// The host's name has no address.
        case resolve
        /// Nobody listens there.
        case refused
        /// No way to the host.
        case unreachable
        /// No TLS, or not with whom we asked for.
        case tls
        /// A deadline passed: connecting, waiting, or too slow.
        case timeout
        /// The connection ended, or could not be read any further, before the answer was whole.
        case disconnected
        /// What came is no HTTP answer we take, or redirects without end.
        case malformed
        /// Broken off by this side: `cancel`, `close`, or `body` said no.
        case aborted
        /// None of the above, which includes no memory.
        case failed
    }

    public let reason: Reason
    /// In words, for the log; tells host and port, never a header or a body.
    public let text: String

    public init(_ reason: Reason, _ text: String) {
        self.reason = reason
        self.text = text
    }

    public var description: String { "\(reason.rawValue): \(text)" }
}

extension HTTPClientError {
    /// - Parameters:
    ///   - code: how libcurl ended the transfer.
    ///   - systemError: the `errno` of the failed connect, or 0.
    ///   - detail: what libcurl wrote to the transfer's error buffer; empty when it wrote nothing.
    init(_ code: CURLcode, systemError: Int32 = 0, detail: String = "") {
        let reason: Reason
        switch code {
        case CURLE_URL_MALFORMAT: reason = .invalidRequest
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: reason = .resolve
        case CURLE_COULDNT_CONNECT:
            reason = systemError == ECONNREFUSED ? .refused : systemError == ETIMEDOUT ? .timeout : .unreachable
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CIPHER,
            CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_INVALIDCERTSTATUS, CURLE_USE_SSL_FAILED:
            reason = .tls
        case CURLE_OPERATION_TIMEDOUT: reason = .timeout
        case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE: reason = .disconnected
        // UNSUPPORTED_PROTOCOL: not "HTTP/1." in front, or a redirect to something else than http and https.
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING,
            CURLE_TOO_MANY_REDIRECTS, CURLE_HTTP2, CURLE_HTTP2_STREAM:
            reason = .malformed
        case CURLE_WRITE_ERROR, CURLE_ABORTED_BY_CALLBACK: reason = .aborted
        default: reason = .failed
        }
        // libcurl calls a head of more than 300 KiB, or a field of more than 100, out of memory.
        let text =
            code == CURLE_OUT_OF_MEMORY ? "head too large, or out of memory" : String(cString: curl_easy_strerror(code))
        self.init(reason, detail.isEmpty ? text : detail)
    }

    static let cancelled = HTTPClientError(.aborted, "cancelled")
    static let overloaded = HTTPClientError(.overloaded, "more than \(Limits.transfers) transfers at once")
    static let closed = HTTPClientError(.aborted, "the client is closed")
}
