import Bytes
import Testing
import WebSocket

/// What a session said, in a form that can be written down.
enum Seen: Equatable {
    case text(String)
    case binary([UInt8])
    case ping
    case pong
    case closed(UInt16?, String)
    case failed(WebSocketError)
}

/// All that happened while a session received some bytes.
struct Transcript: Equatable {
    var seen: [Seen] = []
    var output: [UInt8] = []
    var state = WebSocketSession.State.open
    var capacity = 0

    /// Feeds a new session as a stream does: what was not consumed is presented again, with more.
    init(
        _ chunks: [ArraySlice<UInt8>], role: WebSocketRole = .server,
        maximumMessageLength: Int = WebSocketLimits.messageLength, deflate: PermessageDeflate? = nil
    ) {
        var session = WebSocketSession(
            role: role, maximumMessageLength: maximumMessageLength, deflate: deflate, now: start)
        var buffer = ByteBuffer()
        receive(chunks, by: &session, output: &buffer)
        output = buffer.bytes.copied
    }

    mutating func receive(
        _ chunks: [ArraySlice<UInt8>], by session: inout WebSocketSession, output: inout ByteBuffer,
        now: Instant = start
    ) {
        var pending = ByteBuffer()
        for chunk in chunks {
            pending.append(Array(chunk))
            var isDone = false
            while !isDone {
                do throws(WebSocketError) {
                    let event = try session.receive(pending.bytes, now: now, output: &output)
                    pending.consume(event.consumed)
                    switch event {
                    case .needMore: isDone = true
                    case .text: seen.append(.text(session.message.text))
                    case .binary: seen.append(.binary(session.message.copied))
                    case .ping: seen.append(.ping)
                    case .pong: seen.append(.pong)
                    case .closed(let code, _): seen.append(.closed(code?.rawValue, session.message.text))
                    }
                } catch {
                    seen.append(.failed(error))
                }
            }
        }
        state = session.state
        capacity = session.capacity
    }
}

let start = Instant(nanoseconds: 1_000_000_000)

/// Expects the same transcript from every chunking of `bytes`; `output` is what the session sends by itself.
func expect(
    _ bytes: [UInt8], role: WebSocketRole = .server, maximumMessageLength: Int = WebSocketLimits.messageLength,
    deflate: PermessageDeflate? = nil,
    sees seen: [Seen], output: [UInt8]? = nil, state: WebSocketSession.State? = nil,
    _ name: String = "", sourceLocation: SourceLocation = #_sourceLocation
) {
    var failures = 0
    everyChunking(bytes) { chunks in
        guard failures < 3 else { return }
        let transcript = Transcript(
            chunks, role: role, maximumMessageLength: maximumMessageLength, deflate: deflate)
        let sizes = chunks.count <= 2 ? "\(chunks.map(\.count))" : "\(chunks.count) chunks"
        var isRight = transcript.seen == seen
        if let output { isRight = isRight && transcript.output == output }
        if let state { isRight = isRight && transcript.state == state }
        if !isRight {
            failures += 1
            #expect(transcript.seen == seen, "\(name) \(sizes)", sourceLocation: sourceLocation)
            if let output {
                #expect(transcript.output == output, "\(name) \(sizes)", sourceLocation: sourceLocation)
            }
            if let state {
                #expect(transcript.state == state, "\(name) \(sizes)", sourceLocation: sourceLocation)
            }
        }
    }
}

/// The key of RFC 6455, 5.7.
let rfcKey: [UInt8] = [0x37, 0xfa, 0x21, 0x3d]

/// A frame, written down anew from RFC 6455, 5.2: the encoder under test has no part in it.
func frame(
    _ opcode: UInt8, _ payload: [UInt8] = [], fin: Bool = true, rsv: UInt8 = 0, key: [UInt8]? = rfcKey
) -> [UInt8] {
    var bytes: [UInt8] = [(fin ? 0x80 : 0) | rsv << 4 | opcode]
    let mask: UInt8 = key == nil ? 0 : 0x80
    if payload.count < 126 {
        bytes.append(mask | UInt8(payload.count))
    } else if payload.count < 65_536 {
        bytes += [mask | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
    } else {
        bytes.append(mask | 127)
        bytes += (0..<8).map { UInt8(payload.count >> (8 * (7 - $0)) & 255) }
    }
    guard let key else { return bytes + payload }
    bytes += key
    bytes.reserveCapacity(bytes.count + payload.count)
    var index = 0
    for byte in payload {
        bytes.append(byte ^ key[index & 3])
        index += 1
    }
    return bytes
}

func text(_ text: String, fin: Bool = true) -> [UInt8] { frame(1, Array(text.utf8), fin: fin) }
func more(_ text: String, fin: Bool = true) -> [UInt8] { frame(0, Array(text.utf8), fin: fin) }

/// The unmasked Close frame with which a server answers.
func closeFrame(_ code: UInt16, _ reason: String = "") -> [UInt8] {
    frame(8, [UInt8(code >> 8), UInt8(code & 255)] + Array(reason.utf8), key: nil)
}

func closeFrame(_ error: WebSocketError) -> [UInt8] {
    closeFrame(error.closeCode.rawValue, "\(error.reason)")
}

/// Bytes written as hexadecimal digits; blanks do not count.
func hex(_ text: String) -> [UInt8] {
    let digits = text.utf8.compactMap(\.hexadecimalValue)
    precondition(digits.count % 2 == 0)
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}
