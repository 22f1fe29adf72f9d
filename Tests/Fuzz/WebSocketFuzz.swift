import Bytes
import WebSocket

// Properties: however a stream is cut, a session says and sends the same, and fails at the same place; a header that was
// decoded encodes to the same bytes; what one role encodes, in whatever fragments, the other one decodes to the same message.
//
// Needs Bytes, COpenSSL (libcrypto) and WebSocket. Input: [role and limit, cuts, fragment size] [stream …].

@c(LLVMFuzzerTestOneInput)
public func fuzzWebSocket(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count >= 3 else { return 0 }
    let input = Array(UnsafeBufferPointer(start: start, count: count))
    let role: WebSocketRole = input[0] & 1 == 0 ? .server : .client
    let limit = [16, 200, 70_000, 70_000][Int(input[0] >> 1 & 3)]
    let stream = Array(input[3...])

    let whole = Conversation(stream, role: role, limit: limit, cuts: nil)
    precondition(whole == Conversation(stream, role: role, limit: limit, cuts: input[1]), "cuts changed the events")
    precondition(whole == Conversation(stream, role: role, limit: limit, cuts: 0), "bytes changed the events")
    headerRoundTrip(stream, role: role)
    messageRoundTrip(stream, to: role, fragment: Int(input[2]))
    return 0
}

/// Everything a session said and sent about a stream.
private struct Conversation: Equatable {
    enum Line: Equatable {
        case event(WebSocketSession.Event, [UInt8])
        case failed(WebSocketError)
    }

    var lines: [Line] = []
    var sent: [Line] = []
    var isClosed = false

    /// - Parameter cuts: nil leaves the stream whole, 0 cuts it into bytes, others seed the lengths of the pieces.
    init(_ stream: [UInt8], role: WebSocketRole, limit: Int, cuts: UInt8?) {
        let now = Instant(nanoseconds: 0)
        var session = WebSocketSession(role: role, maximumMessageLength: limit, now: now)
        var output = ByteBuffer()
        var position = 0
        var pending = ByteBuffer()
        var seed = UInt32(cuts ?? 0)
        while position < stream.count {
            seed = seed &* 1_664_525 &+ 1_013_904_223
            let length = cuts == nil ? stream.count : cuts == 0 ? 1 : 1 + Int(seed >> 24) % 40
            let end = min(stream.count, position + length)
            pending.append(stream.span.extracting(position..<end))
            position = end
            read(&session, &pending, &output)
        }
        isClosed = session.state == .closed
        precondition(session.capacity <= max(64, 2 * limit), "more memory than the limit allows")
        // A client masks with random keys: what it sent is compared by what it means to a server.
        var peer = WebSocketSession(role: role == .client ? .server : .client, maximumMessageLength: limit, now: now)
        var answers = ByteBuffer()
        var other = Conversation()
        other.read(&peer, &output, &answers)
        sent = other.lines
        precondition(!sent.contains { if case .failed = $0 { true } else { false } }, "we broke the protocol")
    }

    private init() {}

    private mutating func read(
        _ session: inout WebSocketSession, _ pending: inout ByteBuffer, _ output: inout ByteBuffer
    ) {
        while true {
            do throws(WebSocketError) {
                let event = try session.receive(pending.bytes, now: Instant(nanoseconds: 0), output: &output)
                pending.consume(event.consumed)
                switch event {
                case .needMore: return
                case .text:
                    let text = session.message.copied
                    precondition(String(validating: text, as: UTF8.self) != nil, "text that is not UTF-8")
                    lines.append(.event(.text(consumed: 0), text))
                case .binary: lines.append(.event(.binary(consumed: 0), session.message.copied))
                case .ping: lines.append(.event(.ping(consumed: 0), []))
                case .pong: lines.append(.event(.pong(consumed: 0), []))
                case .closed(let code, _):
                    lines.append(.event(.closed(code, consumed: 0), session.message.copied))
                }
            } catch {
                lines.append(.failed(error))
            }
        }
    }
}

private func headerRoundTrip(_ stream: [UInt8], role: WebSocketRole) {
    let header: FrameHeader?
    do throws(WebSocketError) {
        header = try FrameHeader.decode(stream.span, receivedBy: role, allowedReservedBits: [.rsv1])
    } catch {
        return
    }
    guard let header else { return }
    var memory = [UInt8](repeating: 0, count: 14)
    let length = memory.withUnsafeMutableBytes { header.encode(into: $0) }
    precondition(length == header.encodedLength && memory[..<length] == stream[..<length], "the header changed")
}

private func messageRoundTrip(_ payload: [UInt8], to role: WebSocketRole, fragment: Int) {
    let key = role == .server ? MaskingKey(payload.first ?? 7, 2, 0xFF, payload.last ?? 9) : nil
    var wire = ByteBuffer()
    let size = max(1, fragment)
    var position = 0
    repeat {
        let end = min(payload.count, position + size)
        FrameEncoder.append(
            position == 0 ? .binary : .continuation, payload.span.extracting(position..<end),
            isFinal: end == payload.count, maskingKey: key, to: &wire)
        FrameEncoder.append(
            .pong, payload.span.extracting(position..<min(end, position + 125)), maskingKey: key, to: &wire)
        position = end
    } while position < payload.count
    var session = WebSocketSession(role: role, maximumMessageLength: payload.count, now: Instant(nanoseconds: 0))
    var output = ByteBuffer()
    var messages = 0
    while true {
        guard let event = try? session.receive(wire.bytes, now: Instant(nanoseconds: 0), output: &output) else {
            preconditionFailure("refused what was encoded")
        }
        wire.consume(event.consumed)
        switch event {
        case .binary:
            let message = session.message.copied
            precondition(message == payload, "the message changed")
            messages += 1
        case .pong: continue
        case .needMore:
            precondition(messages == 1 && wire.isEmpty, "the message was lost")
            return
        case .text, .ping, .closed: preconditionFailure("an event that was not encoded")
        }
    }
}
