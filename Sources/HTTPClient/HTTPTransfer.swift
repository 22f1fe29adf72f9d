import Bytes
import CCurl
import Reactor

/// One request and its answer: owner of libcurl's easy handle and of what that points to.
final class HTTPTransfer {
    /// What all transfers of a client share.
    struct Settings {
        let userAgent: String
        let caFile: String?
    }

    let handler: HTTPResponseHandler
    var token = Token.none
    /// No call of the handler any more but `finished`.
    var isCancelled = false
    var isFinished = false
    /// Whether libcurl has it.
    private(set) var isRunning = false

    private let reactor: Reactor
    private let settings: Settings
    private var request: HTTPRequest?
    private var head: HTTPResponseHead?

    // From `start` to `stop`.
    private var easy: UnsafeMutableRawPointer?
    private var fields: UnsafeMutablePointer<curl_slist>?
    private var errorBuffer: UnsafeMutablePointer<CChar>?

    init(_ request: HTTPRequest, _ settings: Settings, _ handler: HTTPResponseHandler, _ reactor: Reactor) {
        self.request = request
        self.settings = settings
        self.handler = handler
        self.reactor = reactor
    }

    deinit {
        precondition(easy == nil, "a transfer went away while libcurl had it")
    }

    /// Hands the transfer to libcurl. After an error `stop` is still to be called.
    func start(_ multi: UnsafeMutableRawPointer) throws(HTTPClientError) {
        guard let request, easy == nil else { preconditionFailure("a transfer starts once") }
        self.request = nil
        try request.validate()
        guard let easy = curl_easy_init() else { throw HTTPClientError(CURLE_OUT_OF_MEMORY) }
        self.easy = easy
        try configure(easy, request)
        guard curl_multi_add_handle(multi, easy) == CURLM_OK else { throw HTTPClientError(CURLE_OUT_OF_MEMORY) }
        isRunning = true
    }

    /// Takes the transfer from libcurl. Its connection goes back for reuse when the answer was read to its end.
    func stop(_ multi: UnsafeMutableRawPointer) {
        if isRunning { curl_multi_remove_handle(multi, easy) }
        isRunning = false
        if let easy { curl_easy_cleanup(easy) }
        curl_slist_free_all(fields)
        errorBuffer?.deallocate()
        easy = nil
        fields = nil
        errorBuffer = nil
    }

    // MARK: The answer

    /// The next bytes of the body, from within libcurl. False breaks off.
    private func received(_ bytes: Span<UInt8>) -> Bool {
        if isCancelled { return false }
        if head == nil {
            tellHead()
            if isCancelled { return false }
        }
        return handler.body(bytes)
    }

    /// How it ended.
    func result(_ code: CURLcode) -> Result<HTTPResponseHead, HTTPClientError> {
        if !isCancelled, code == CURLE_OK, head == nil { tellHead() }  // an answer without a body
        if isCancelled { return .failure(.cancelled) }
        if code == CURLE_OK, let head { return .success(head) }
        guard let easy, let errorBuffer else { preconditionFailure("a transfer ended that never started") }
        let systemError = Int32(truncatingIfNeeded: ccurl_long_info(easy, CURLINFO_OS_ERRNO))
        return .failure(HTTPClientError(code, systemError: systemError, detail: String(cString: errorBuffer)))
    }

    /// Told when the body begins and not when the head ends: by then interim answers and redirects that libcurl goes
    /// through by itself are over, and so libcurl knows which head is the final one.
    private func tellHead() {
        guard let easy else { return }
        var head = HTTPResponseHead(status: ccurl_long_info(easy, CURLINFO_RESPONSE_CODE))
        head.contentType = field("Content-Type")
        if let value = field("Retry-After") {
            head.retryAfter = RetryAfter.parse(value.utf8Span.span, now: reactor.unixSeconds)
        }
        self.head = head
        handler.head(head)
    }

    /// A field of the last head; the first one of that name.
    private func field(_ name: String) -> String? {
        var header: UnsafeMutablePointer<curl_header>?
        let lastRequest: Int32 = -1
        guard curl_easy_header(easy, name, 0, UInt32(CURLH_HEADER), lastRequest, &header) == CURLHE_OK,
            let value = header?.pointee.value
        else { return nil }
        return String(cString: value)
    }

    // MARK: Options

    private func configure(_ easy: UnsafeMutableRawPointer, _ request: HTTPRequest) throws(HTTPClientError) {
        let errorBuffer = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
        errorBuffer.pointee = 0
        self.errorBuffer = errorBuffer
        try set(CURLOPT_ERRORBUFFER, errorBuffer)
        let context = Unmanaged.passUnretained(self).toOpaque()
        try set(CURLOPT_PRIVATE, context)
        try check(
            ccurl_set_write_callback(
                easy,
                { bytes, _, count, context in
                    let transfer = Unmanaged<HTTPTransfer>.fromOpaque(context!).takeUnretainedValue()
                    let buffer = UnsafeRawBufferPointer(start: bytes, count: count)
                    return transfer.received(buffer.bindMemory(to: UInt8.self).span) || count == 0 ? count : 0
                }, context))

        try set(CURLOPT_URL, request.url)
        try set(CURLOPT_USERAGENT, settings.userAgent)
        try set(CURLOPT_PROTOCOLS_STR, "http,https")
        try set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1)
        switch request.method {
        case .get:
            try set(CURLOPT_HTTPGET, 1)
            try set(CURLOPT_FOLLOWLOCATION, 1)
            try set(CURLOPT_MAXREDIRS, Limits.redirects)
            // What was asked for under TLS is not asked for again in the clear.
            let isSecure = request.url.prefix(6).lowercased() == "https:"
            try set(CURLOPT_REDIR_PROTOCOLS_STR, isSecure ? "https" : "http,https")
        case .post:
            try set(CURLOPT_POST, 1)
            try check(request.body.withUnsafeBytes { ccurl_set_post_body(easy, $0.baseAddress, curl_off_t($0.count)) })
        }
        for field in request.fields {
            // "Name;" is libcurl's way to send a field with an empty value; "Name:" would suppress it.
            try append(field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)")
        }
        try append("Expect:")  // no round trip before a large body
        try check(ccurl_set_list(easy, CURLOPT_HTTPHEADER, fields))

        try set(CURLOPT_SSL_VERIFYPEER, 1)
        try set(CURLOPT_SSL_VERIFYHOST, 2)
        try set(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2)
        if let caFile = settings.caFile { try set(CURLOPT_CAINFO, caFile) }

        try set(CURLOPT_CONNECTTIMEOUT_MS, request.connectTimeout.wholeMilliseconds)
        switch request.deadline {
        case .total(let time):
            try set(CURLOPT_TIMEOUT_MS, time.wholeMilliseconds)
        case .lowSpeed(let bytesPerSecond, let time):
            try set(CURLOPT_LOW_SPEED_LIMIT, bytesPerSecond)
            try set(CURLOPT_LOW_SPEED_TIME, max(1, Int(time.components.seconds)))
            try set(CURLOPT_TIMEOUT_MS, Limits.stream.wholeMilliseconds)
        }
        try set(CURLOPT_NOSIGNAL, 1)
        // A lookup that takes too long is left to its thread. Without this libcurl would wait for that thread, and the
        // reactor with it.
        try set(CURLOPT_QUICK_EXIT, 1)
        try set(CURLOPT_TCP_KEEPALIVE, 1)
        try set(CURLOPT_MAXLIFETIME_CONN, Int(Limits.connectionLifetime.components.seconds))
        try set(CURLOPT_BUFFERSIZE, Limits.receiveBuffer)
    }

    private func append(_ field: String) throws(HTTPClientError) {
        guard let longer = curl_slist_append(fields, field) else { throw HTTPClientError(CURLE_OUT_OF_MEMORY) }
        fields = longer
    }

    private func set(_ option: CURLoption, _ value: Int) throws(HTTPClientError) {
        try check(ccurl_set_long(easy, option, value))
    }

    private func set(_ option: CURLoption, _ text: String) throws(HTTPClientError) {
        try check(ccurl_set_text(easy, option, text))
    }

    private func set(_ option: CURLoption, _ pointer: UnsafeMutableRawPointer) throws(HTTPClientError) {
        try check(ccurl_set_pointer(easy, option, pointer))
    }

    private func check(_ code: CURLcode) throws(HTTPClientError) {
        if code != CURLE_OK { throw HTTPClientError(code) }
    }
}

extension Duration {
    /// Rounded up: a deadline of less than a millisecond is not "none", which 0 means to libcurl.
    fileprivate var wholeMilliseconds: Int {
        Int(min(Int64(Int32.max), (wholeNanoseconds + 999_999) / 1_000_000))
    }
}
