import Bytes
import HTTP1
import Reactor
import WebSocket

/// One subscriber of the live feed: opening handshake (RFC 6455, section 4.1), then messages until the end.
final class FeedSubscriber: StreamHandler {
    private enum Phase {
        case idle, connecting, handshake, open
    }

    private unowned let load: FeedLoad
    /// In the path of its handshake.
    private let number: Int
    let isSlow: Bool
    private var stream: TCPStream?
    private var phase = Phase.idle
    private var parser = ResponseParser(requestMethod: .get)
    private var session: WebSocketSession
    private var key = [24 of UInt8](repeating: 0)
    private var startedAt: Int64 = 0
    /// Which of the service's addresses it connects to.
    var attempt = AddressList.Attempt()
    /// nil until the first handshake is done.
    var cursor: DeliveryCursor?
    /// The highest id seen, to resume after.
    var highest: Int64?
    /// Its end was asked for: by the storm, or by the end of the run.
    private(set) var isLeaving = false
    /// Why this side ends the connection, or that the server did: the one word said of it.
    private var trouble: String?

    init(_ load: FeedLoad, number: Int, isSlow: Bool) {
        self.load = load
        self.number = number
        self.isSlow = isSlow
        session = WebSocketSession(role: .client, now: Instant(nanoseconds: 0))
    }

    var isOpen: Bool { phase == .open }

    func connect(to address: SocketAddress, from source: SocketAddress?, _ reactor: Reactor) {
        phase = .connecting
        isLeaving = false
        startedAt = Reactor.monotonic().nanoseconds
        do throws(SystemError) {
            stream = try TCPStream.connect(
                reactor, to: address, from: source, deadline: reactor.now + BenchLimits.connect, handler: self)
            load.target.secure(stream)
        } catch {
            phase = .idle
            load.ended(self, wasConnected: false, wasOpen: false, why: error.description)
        }
    }

    /// Ends the connection without a word, as a network does.
    func drop() {
        isLeaving = true
        stream?.close()
    }

    /// Begins or ends to read.
    func setReading(_ reads: Bool) {
        if reads { stream?.resumeReading() } else { stream?.pauseReading() }
    }

    /// A handshake that is not done by its deadline.
    func giveUp(before limit: Int64) {
        if phase == .connecting || phase == .handshake, startedAt < limit {
            end("no answer to the handshake within \(BenchLimits.connect)")
        }
    }

    override func connected() {
        guard let stream else { return }
        phase = .handshake
        parser = ResponseParser(requestMethod: .get)
        var random = SystemRandomNumberGenerator()
        var nonce = [16 of UInt8](repeating: 0)
        for index in 0..<16 { nonce[index] = UInt8.random(in: 0...255, using: &random) }
        key = Handshake.key(nonce: nonce)
        load.appendHandshake(
            key: key, number: number, after: cursor == nil ? nil : highest, to: &stream.output)
        stream.scheduleFlush()
    }

    override func received(_ bytes: Span<UInt8>) -> Int {
        switch phase {
        case .idle, .connecting: return bytes.count
        case .handshake: return receivedHandshake(bytes)
        case .open: return receivedFrames(bytes)
        }
    }

    private func receivedHandshake(_ bytes: Span<UInt8>) -> Int {
        var offset = 0
        do throws(HTTPError) {
            while true {
                switch try parser.next(bytes.extracting(offset..<bytes.count)) {
                case .needMore(let consumed): return offset + consumed
                case .interim(let consumed): offset += consumed
                case .head(let consumed):
                    let rest = bytes.extracting(offset..<bytes.count)
                    guard parser.head.status == 101, let value = parser.value(of: .secWebSocketAccept),
                        Handshake.isValid(acceptValue: rest.extracting(value), key: key.span)
                    else {
                        end("the handshake was answered with \(parser.head.status)")
                        return bytes.count
                    }
                    offset += consumed
                case .body: break
                case .end(let consumed):
                    offset += consumed
                    open()
                    return offset + receivedFrames(bytes.extracting(offset..<bytes.count))
                }
            }
        } catch {
            end("the handshake was answered with no HTTP/1.1: \(error)")
            return bytes.count
        }
    }

    private func open() {
        guard let stream else { return }
        phase = .open
        let now = Reactor.monotonic()
        session = WebSocketSession(role: .client, maximumMessageLength: 16 << 20, now: now)
        load.opened(self, after: now.nanoseconds - startedAt)
        if isSlow { stream.pauseReading() }
    }

    private func receivedFrames(_ bytes: Span<UInt8>) -> Int {
        guard let stream, phase == .open else { return bytes.count }
        let now = Reactor.monotonic()
        var offset = 0
        do throws(WebSocketError) {
            while true {
                let event = try session.receive(
                    bytes.extracting(offset..<bytes.count), now: now, output: &stream.output)
                offset += event.consumed
                switch event {
                case .needMore:
                    if !stream.output.isEmpty { stream.scheduleFlush() }
                    // Nothing new: what was kept over the pause was presented, and the socket is not read yet.
                    if isSlow, offset > 0 { load.rest(self) }
                    return offset
                case .text, .binary: delivered(now.nanoseconds)
                case .ping, .pong: break
                case .closed(let code, _):
                    trouble = "the feed closed the connection with \(code.map { "\($0.rawValue)" } ?? "no code")"
                    stream.closeAfterFlush()
                    return bytes.count
                }
            }
        } catch {
            trouble = "the feed broke the protocol: \(error)"
            stream.closeAfterFlush()
        }
        return bytes.count
    }

    private func delivered(_ now: Int64) {
        guard var cursor else { return }
        let length = session.message.count
        // The cursor is moved out and back: the ledger and this object are not looked into at once.
        let id = load.delivered(session.message, &cursor, now: now, isJudged: !isSlow)
        self.cursor = cursor
        load.counters.deliveredBytes += length
        if let id { highest = max(highest ?? id, id) }
    }

    override func receivedEnd() {
        end("closed by the server")
    }

    /// The first word is the cause; what follows from it is not said.
    private func end(_ why: String) {
        trouble = trouble ?? why
        stream?.close()
    }

    override func closed(_ reason: StreamEnd) {
        let wasConnected = phase != .connecting
        let wasOpen = phase == .open
        let why = trouble ?? "\(reason)"
        phase = .idle
        trouble = nil
        stream = nil
        load.ended(self, wasConnected: wasConnected, wasOpen: wasOpen, why: why)
    }
}
