import Bytes
import WebSocket

// Properties: however a stream is cut, a session says and sends the same, and fails at the same place; a header that was
// decoded encodes to the same bytes; what one role encodes, compressed or not and in whatever fragments, the other one decodes
// to the same message, and no message is longer than its limit.
//
// Input: [role, limit and compression, cuts, fragment size] [stream …].

@c(LLVMFuzzerTestOneInput)
public func fuzzWebSocket(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count >= 3 else { return 0 }
    let input = Array(UnsafeBufferPointer(start: start, count: count))
    let role: WebSocketRole = input[0] & 1 == 0 ? .server : .client
    let limit = [16, 200, 70_000, 70_000][Int(input[0] >> 1 & 3)]
    let deflate = input[0] & 8 == 0 ? nil : PermessageDeflate()
    let stream = Array(input[3...])

    let whole = Conversation(stream, role: role, limit: limit, deflate, cuts: nil)
    precondition(
        whole == Conversation(stream, role: role, limit: limit, deflate, cuts: input[1]), "cuts changed the events")
    precondition(whole == Conversation(stream, role: role, limit: limit, deflate, cuts: 0), "bytes changed the events")
    headerRoundTrip(stream, role: role)
    messageRoundTrip(stream, to: role, fragment: Int(input[2]))
    compressedRoundTrip(stream, to: role, fragment: Int(input[2]))
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
    init(_ stream: [UInt8], role: WebSocketRole, limit: Int, _ deflate: PermessageDeflate?, cuts: UInt8?) {
        let now = Instant(nanoseconds: 0)
        self.limit = limit
        var session = WebSocketSession(role: role, maximumMessageLength: limit, deflate: deflate, now: now)
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
        let inflater = deflate == nil ? 0 : 64 << 10
        precondition(session.capacity <= max(64, 2 * limit) + inflater, "more memory than the limit allows")
        // A client masks with random keys: what it sent is compared by what it means to a server.
        var peer = WebSocketSession(
            role: role == .client ? .server : .client, maximumMessageLength: limit, deflate: deflate, now: now)
        var answers = ByteBuffer()
        var other = Conversation()
        other.read(&peer, &output, &answers)
        sent = other.lines
        precondition(!sent.contains { if case .failed = $0 { true } else { false } }, "we broke the protocol")
    }

    private init() {}

    private var limit = Int.max

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
                    precondition(text.count <= limit, "a message over the limit")
                    lines.append(.event(.text(consumed: 0), text))
                case .binary:
                    precondition(session.message.count <= limit, "a message over the limit")
                    lines.append(.event(.binary(consumed: 0), session.message.copied))
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

/// What is compressed and cut into frames comes out as it was; and not where it may not be so long.
private func compressedRoundTrip(_ payload: [UInt8], to role: WebSocketRole, fragment: Int) {
    let mask: [UInt8] = role == .server ? [payload.first ?? 7, 2, 0xFF, payload.last ?? 9] : [0, 0, 0, 0]
    let key = role == .server ? MaskingKey(mask[0], mask[1], mask[2], mask[3]) : nil
    var compressed = ByteBuffer()
    Deflater().append(payload.span, to: &compressed)
    var wire: [UInt8] = []
    var position = 0
    repeat {
        let end = min(compressed.count, position + max(1, fragment))
        var memory = [UInt8](repeating: 0, count: 14)
        let header = FrameHeader(
            position == 0 ? .binary : .continuation, payloadLength: end - position, isFinal: end == compressed.count,
            reservedBits: position == 0 ? .rsv1 : [], maskingKey: key)
        wire += memory[..<memory.withUnsafeMutableBytes { header.encode(into: $0) }]
        let piece = compressed.bytes.extracting(position..<end).copied
        wire += piece.enumerated().map { index, byte in byte ^ mask[index & 3] }
        position = end
    } while position < compressed.count
    for limit in [payload.count, payload.count - 1] where limit >= 0 {
        var session = WebSocketSession(
            role: role, maximumMessageLength: limit, deflate: PermessageDeflate(), now: Instant(nanoseconds: 0))
        var output = ByteBuffer()
        var rest = wire.span
        do throws(WebSocketError) {
            while true {
                let event = try session.receive(rest, now: Instant(nanoseconds: 0), output: &output)
                rest = rest.extracting(droppingFirst: event.consumed)
                guard case .needMore = event else {
                    precondition(limit == payload.count, "a message over the limit")
                    precondition(session.message.copied == payload, "the message changed")
                    break
                }
                preconditionFailure("the message was lost")
            }
        } catch {
            precondition(limit < payload.count && error == .messageTooLong, "refused what was compressed: \(error)")
        }
    }
}
