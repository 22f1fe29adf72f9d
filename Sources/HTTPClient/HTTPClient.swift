import CCurl
import Glibc
import Reactor

/// Names a transfer until it is finished; stale afterwards.
public struct HTTPTransferID: Equatable, Sendable {
    let token: Token
    public static let none = HTTPTransferID(token: .none)
}

/// HTTP requests of one reactor, through libcurl: HTTP/1.1 over TCP or TLS, with connections kept and used again.
/// Answers are streamed to their handler; nothing is collected here. Proxies are taken from the environment as libcurl
/// does it (`https_proxy`, `no_proxy`, …).
///
/// A client that is let go without `close` finishes what is under way first.
public final class HTTPClient {
    let multi: CurlMulti
    private let settings: HTTPTransfer.Settings

    /// curl_global_init, once, however often it is asked for.
    private static let globalInit: CURLcode = curl_global_init(Int(CURL_GLOBAL_DEFAULT))

    /// Readies libcurl for the process. Call it from `main`, before other threads exist.
    public static func prepare() throws(HTTPClientError) {
        guard globalInit == CURLE_OK else { throw HTTPClientError(globalInit) }
        // Without a resolver of its own libcurl would look up names on the reactor's thread.
        let features = curl_version_info(CURLVERSION_FIRST).pointee.features
        guard features & CURL_VERSION_ASYNCHDNS != 0 else {
            throw HTTPClientError(.failed, "this libcurl resolves names in the foreground")
        }
    }

    /// - Parameters:
    ///   - userAgent: the `User-Agent` field.
    ///   - caFile: certificates of those who may vouch for a server (PEM), in place of the system's. nil: those of
    ///     `SSL_CERT_FILE` in the environment, which OpenSSL takes and libcurl does not, else the system's.
    /// - Throws: when `caFile` cannot be read, or libcurl cannot be used.
    public init(_ reactor: Reactor, userAgent: String, caFile: String? = nil) throws(HTTPClientError) {
        try HTTPClient.prepare()
        let isNamed = caFile != nil
        let caFile = caFile ?? getenv("SSL_CERT_FILE").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
        if let caFile, access(caFile, R_OK) != 0 {
            throw HTTPClientError(
                .tls, "\(caFile): \(String(cString: strerror(errno)))\(isNamed ? "" : " (SSL_CERT_FILE)")")
        }
        multi = try CurlMulti(reactor)
        settings = HTTPTransfer.Settings(userAgent: userAgent, caFile: caFile)
    }

    /// Sends a request. The handler is kept until it has heard `finished`, which never comes from within this call.
    @discardableResult
    public func send(_ request: HTTPRequest, _ handler: HTTPResponseHandler) -> HTTPTransferID {
        HTTPTransferID(token: multi.send(request, settings, handler))
    }

    /// Breaks off a transfer: the next and last its handler hears is `finished` with `aborted`, in the next turn.
    /// Nothing happens when it is finished already.
    public func cancel(_ transfer: HTTPTransferID) {
        multi.cancel(transfer.token)
    }

    /// In the next turn breaks off all transfers, whose handlers hear so, and closes all connections. What is sent
    /// afterwards ends as `aborted`.
    public func close() {
        multi.close()
    }

    /// Transfers whose handlers have not heard `finished`.
    public var transferCount: Int { multi.transferCount }

    var watchedCount: Int { multi.watchedCount }
}
