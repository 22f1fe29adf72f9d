import Bytes
import HTTP1
import Reactor
import WebSocket

/// One WebSocket of the server after its handshake: runs `WebSocketSession` on a stream. What messages mean is the
/// subclass's affair. After `ending`, messages that the peer sent before it saw the Close are dropped.
open class WebSocketConnection: UpgradedConnection {
    private var session: WebSocketSession
    private let deflate: PermessageDeflate?
    private var hasEnded = false
    /// A message is being read by the subclass, from the session's own memory: a close waits until it is done.
    private var isDelivering = false
    private var pendingClose: (code: CloseCode, reason: StaticString)?

    /// - Parameters:
    ///   - maximumMessageLength: bytes of a message; a longer one closes with 1009.
    ///   - deflate: what the handshake agreed on (`WebSocketUpgrade.check`).
    public init(maximumMessageLength: Int, deflate: PermessageDeflate? = nil, now: Instant) {
        self.deflate = deflate
        session = WebSocketSession(
            role: .server, maximumMessageLength: maximumMessageLength, deflate: deflate, now: now)
        super.init()
    }

    // MARK: For the subclass

    /// A whole text message, valid UTF-8. Valid within the call only.
    open func text(_ message: Span<UInt8>) {}

    /// A whole binary message. Valid within the call only.
    open func binary(_ message: Span<UInt8>) {}

    public final override var isOpen: Bool { session.state == .open && stream.isOpen }

    public func send(text: Span<UInt8>) {
        session.send(text: text, output: &stream.output)
        stream.scheduleFlush()
    }

    public func send(binary: Span<UInt8>) {
        session.send(binary: binary, output: &stream.output)
        stream.scheduleFlush()
    }

    open override func comeAgain(_ reason: StaticString) {
        close(.tryAgainLater, reason: reason)
    }

    override func appendHead(
        _ request: RequestParser, in bytes: Span<UInt8>, date: DateField, fields: Span<UInt8>,
        to output: inout ByteBuffer
    ) {
        let key = bytes.extracting(request.value(of: .secWebSocketKey)!)  // checked
        // No page needs leave to read a WebSocket: nothing is added.
        WebSocketUpgrade.appendResponse(key: key, deflate: deflate, date: date, to: &output)
    }

    /// Starts the close handshake (RFC 6455 section 7.1.2).
    public func close(_ code: CloseCode, reason: StaticString = "") {
        guard stream.isOpen else { return }
        guard !isDelivering else {
            if pendingClose == nil { pendingClose = (code, reason) }
            return
        }
        session.close(code, reason: reason, now: server.reactor.now, output: &stream.output)
        end()
        stream.scheduleFlush()
    }

    private func end() {
        guard !hasEnded else { return }
        hasEnded = true
        ending()
    }

    // MARK: The stream's events

    public final override func received(_ all: Span<UInt8>) -> Int {
        let bytes = all.extracting(first: min(all.count, HTTPServerLimits.frameBytesPerTurn))
        var offset = 0
        while true {
            let before = stream.output.count
            do throws(WebSocketError) {
                let event = try session.receive(
                    bytes.extracting(droppingFirst: offset), now: server.reactor.now, output: &stream.output)
                if stream.output.count != before { controlWritten() }
                offset += event.consumed
                switch event {
                case .needMore:
                    // A peer that pings and does not read costs what it is allowed to.
                    if stream.isCongested {
                        stream.pauseReading()
                    } else if all.count > bytes.count {
                        stream.pauseReading()
                        server.yield(self)
                    }
                    return offset
                case .text where !hasEnded:
                    isDelivering = true
                    text(session.message)
                    finishDelivery()
                case .binary where !hasEnded:
                    isDelivering = true
                    binary(session.message)
                    finishDelivery()
                case .text, .binary, .ping, .pong: break
                case .closed:
                    end()
                    stream.closeAfterFlush()
                    return bytes.count
                }
                guard stream.isOpen else { return bytes.count }
            } catch {
                server.count(ConnectionEnd(error))
                end()
                stream.closeAfterFlush()
                return bytes.count
            }
        }
    }

    private func finishDelivery() {
        isDelivering = false
        guard let (code, reason) = pendingClose else { return }
        pendingClose = nil
        close(code, reason: reason)
    }

    private func controlWritten() {
        wroteControl()
        stream.scheduleFlush()
    }

    open override func drained() {
        stream.resumeReading()
    }

    public final override func goOn() {
        if !stream.isCongested { stream.resumeReading() }
    }

    public final override func receivedEnd() {
        // No half-close in WebSocket: without a Close frame this is 1006 for the peer (RFC 6455 section 7.1.5).
        stream.close()
    }

    public final override func closed(_ reason: StreamEnd) {
        server.remove(self)
        end()
    }

    open override func sweep(_ now: Instant) {
        if stream.isWriteBlocked {
            // What was said before, a Close among it, has not left yet: neither a Ping nor its deadline would mean anything.
            if now - stream.lastProgress > HTTPServerLimits.writeStall {
                server.count(.stalled)
                stream.close()
            }
            return
        }
        guard now >= session.nextDeadline else { return }
        let before = stream.output.count
        switch session.tick(now: now, output: &stream.output) {
        case .fine: if stream.output.count != before { controlWritten() }
        case .gone:
            // Whom we told to go, and who says nothing more, is gone as he should be.
            if session.state == .open { server.count(.silent) }
            stream.close()
        }
    }

    public final override var heldBytes: Int { stream.heldBytes + session.capacity }

    public override func drain() {
        close(.goingAway)
    }
}
