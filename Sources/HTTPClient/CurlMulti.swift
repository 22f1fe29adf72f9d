import Bytes
import CCurl
import Reactor

/// libcurl's multi interface on the reactor (https://curl.se/libcurl/c/libcurl-multi.html, "multi_socket").
///
/// Theory of operation. libcurl opens and closes the connections, keeps them for reuse and speaks HTTP and TLS; the
/// reactor waits for it. Two callbacks say what to wait for: `watch` a descriptor, `wake` at a time. When one is ready
/// or due, `curl_multi_socket_action` goes on with the transfers concerned, calls their write callbacks, and leaves a
/// message for each that ended.
///
///     send, cancel, close ──▶ work timer ─┐
///     CurlSocket.ready ───────────────────┼──▶ libcurl ──▶ write callback ──▶ handler.head, .body
///     timer ──────────────────────────────┘       └──────▶ messages ────────▶ handler.finished
///
/// libcurl must not be called from within its callbacks, and a handler may call `send`, `cancel` and `close` from
/// within these. So those three only note what to do, for a timer that is due in the next turn: everything that changes
/// the multi handle happens in `work`.
final class CurlMulti: Source {
    private enum Timer: UInt32 {
        case curl, work
    }

    private let reactor: Reactor
    /// Nil once closed.
    private var handle: UnsafeMutableRawPointer?
    private var transfers = Slab<HTTPTransfer>()
    private var sockets: [curl_socket_t: CurlSocket] = [:]

    private var starting: [HTTPTransfer] = []
    private var cancelled: [HTTPTransfer] = []
    private var runningCount = 0
    private var isWorkScheduled = false
    private var isClosing = false

    /// When libcurl wants to be called next, and the timer that is set for it.
    private var wanted: Instant?
    private var armed: Instant?
    private var timer = TimerToken.none

    init(_ reactor: Reactor) throws(HTTPClientError) {
        guard let handle = curl_multi_init() else { throw HTTPClientError(CURLE_OUT_OF_MEMORY) }
        self.reactor = reactor
        self.handle = handle
        super.init()
        let context = Unmanaged.passUnretained(self).toOpaque()
        let results = [
            ccurl_multi_set_socket_callback(
                handle,
                { _, descriptor, what, context, _ in
                    Unmanaged<CurlMulti>.fromOpaque(context!).takeUnretainedValue().watch(descriptor, what)
                    return 0
                }, context),
            ccurl_multi_set_timer_callback(
                handle,
                { _, milliseconds, context in
                    Unmanaged<CurlMulti>.fromOpaque(context!).takeUnretainedValue().wake(milliseconds)
                    return 0
                }, context),
            ccurl_multi_set_long(handle, CURLMOPT_MAXCONNECTS, Limits.idleConnections),
        ]
        precondition(results.allSatisfy { $0 == CURLM_OK }, "libcurl does not know an option of the multi handle")
    }

    deinit {
        guard let handle else { return }
        // This object is no more to be called. Transfers are left only when the reactor itself went away under them.
        _ = ccurl_multi_set_socket_callback(handle, nil, nil)
        _ = ccurl_multi_set_timer_callback(handle, nil, nil)
        for transfer in transfers.values { transfer.stop(handle) }
        curl_multi_cleanup(handle)
    }

    /// Descriptors that are watched for libcurl now; idle connections are not.
    var watchedCount: Int { sockets.count }
    /// Transfers whose end was not told yet.
    var transferCount: Int { transfers.count }

    // MARK: Asked from outside

    func send(_ request: HTTPRequest, _ settings: HTTPTransfer.Settings, _ handler: HTTPResponseHandler) -> Token {
        let transfer = HTTPTransfer(request, settings, handler, reactor)
        transfer.token = transfers.insert(transfer)
        starting.append(transfer)
        scheduleWork()
        return transfer.token
    }

    func cancel(_ token: Token) {
        guard let transfer = transfers[token], !transfer.isCancelled else { return }
        transfer.isCancelled = true
        cancelled.append(transfer)
        scheduleWork()
    }

    func close() {
        isClosing = true
        scheduleWork()
    }

    private func scheduleWork() {
        guard !isWorkScheduled else { return }
        isWorkScheduled = true
        // Not in this turn: a handler that sends again from `finished`, and fails at once, must not hold the turn.
        _ = reactor.schedule(self, at: reactor.now + .nanoseconds(1), tag: Timer.work.rawValue)
    }

    override func timerFired(_ tag: UInt32) {
        switch Timer(rawValue: tag) {
        case .work: work()
        default: timePassed()
        }
    }

    private func work() {
        isWorkScheduled = false
        if isClosing { return shutDown() }
        // Handlers called from here may ask for more: that is the next work.
        var starting: [HTTPTransfer] = []
        var cancelled: [HTTPTransfer] = []
        swap(&starting, &self.starting)
        swap(&cancelled, &self.cancelled)
        for transfer in cancelled { finish(transfer, .failure(.cancelled)) }
        for transfer in starting where !transfer.isFinished {
            do throws(HTTPClientError) {
                guard let handle, runningCount < Limits.transfers else { throw .overloaded }
                try transfer.start(handle)
                runningCount += 1
            } catch {
                finish(transfer, .failure(error))
            }
        }
        settle()
    }

    /// Ends every transfer and closes every connection, those kept for reuse too.
    private func shutDown() {
        starting = []
        cancelled = []
        for transfer in transfers.values { finish(transfer, .failure(transfer.isCancelled ? .cancelled : .closed)) }
        if let handle { curl_multi_cleanup(handle) }
        handle = nil
        precondition(sockets.isEmpty, "libcurl went without taking back a descriptor")
        wanted = nil
        arm()
    }

    // MARK: libcurl

    /// Goes on with what a descriptor, or CURL_SOCKET_TIMEOUT, is ready for.
    func perform(_ descriptor: curl_socket_t, _ events: Int32) {
        guard let handle else { return }
        var running: Int32 = 0
        let code = curl_multi_socket_action(handle, descriptor, events, &running)
        assert(code == CURLM_OK, "curl_multi_socket_action \(code.rawValue)")
        settle()
    }

    private func timePassed() {
        armed = nil
        wanted = nil
        perform(CURL_SOCKET_TIMEOUT, 0)
        // libcurl does not call `wake` again for a time it has told already, as when this call came a clock tick too
        // early for it. Without a timer the transfers would then wait for ever.
        if let handle, wanted == nil, runningCount > 0 {
            var milliseconds = -1
            curl_multi_timeout(handle, &milliseconds)
            wake(milliseconds)
            arm()
        }
    }

    /// After every call into libcurl: tell the ends, and set the timer to what it asked for.
    private func settle() {
        var code = CURLE_OK
        while let handle, let easy = ccurl_multi_next_finished(handle, &code) {
            // The pointer is this object's own: a transfer leaves libcurl before it leaves `transfers`.
            let transfer = Unmanaged<HTTPTransfer>.fromOpaque(ccurl_private(easy)!).takeUnretainedValue()
            finish(transfer, transfer.result(code))
        }
        arm()
    }

    private func finish(_ transfer: HTTPTransfer, _ result: Result<HTTPResponseHead, HTTPClientError>) {
        guard !transfer.isFinished else { return }
        transfer.isFinished = true
        if transfer.isRunning { runningCount -= 1 }
        if let handle { transfer.stop(handle) }
        transfers.remove(transfer.token)
        transfer.handler.finished(result)
    }

    /// libcurl's wish for a descriptor. Called from within libcurl.
    private func watch(_ descriptor: curl_socket_t, _ what: Int32) {
        // Registered anew rather than modified: should libcurl have closed the descriptor and opened another of the
        // same number, epoll has forgotten the first one.
        if let socket = sockets.removeValue(forKey: descriptor) { reactor.deregister(socket.token) }
        let interest: Interest
        switch what {
        case CURL_POLL_IN: interest = .readable
        case CURL_POLL_OUT: interest = .writable
        case CURL_POLL_INOUT: interest = [.readable, .writable]
        default: return
        }
        let socket = CurlSocket(self, descriptor)
        do throws(SystemError) {
            socket.token = try reactor.register(descriptor, interest, socket)
            sockets[descriptor] = socket
        } catch {
            // The kernel has no memory for one more watch. The transfer's deadline ends it; to tell libcurl would end
            // all others too (CURLM_ABORTED_BY_CALLBACK).
        }
    }

    /// libcurl's wish to be called in so many milliseconds; -1: not at all. Called from within libcurl, which must not
    /// be called back here, so the time is noted only.
    private func wake(_ milliseconds: Int) {
        // From the clock and not the turn's `now`: fired too early, the timer would not be asked for again.
        wanted = milliseconds < 0 ? nil : Reactor.monotonic() + .milliseconds(milliseconds)
    }

    private func arm() {
        guard wanted != armed else { return }
        reactor.cancel(timer)
        timer = .none
        if let wanted { timer = reactor.schedule(self, at: wanted, tag: Timer.curl.rawValue) }
        armed = wanted
    }
}
