import Bytes
import WebSocket

extension HotPath {
    static let webSocket: [HotPath] = [
        HotPath("frame encoder: text of 100 bytes", per: "frame") { count in
            let text = [UInt8](repeating: UInt8(ascii: "a"), count: 100)
            var output = ByteBuffer(capacity: 4096)
            var written = 0
            for _ in 0..<count {
                output.removeAll()
                FrameEncoder.append(text: text.span, to: &output)
                written += output.count
            }
            return written
        },
        HotPath("session: masked text of 100 bytes", per: "frame") { count in
            receive([UInt8](repeating: UInt8(ascii: "a"), count: 100), count)
        },
        HotPath("session: masked text of 64 KiB", per: "frame") { count in
            receive([UInt8](repeating: UInt8(ascii: "a"), count: 64 << 10), count)
        },
        HotPath("session: masked text of 64 KiB beyond ASCII", per: "frame") { count in
            receive(Array("Ünïcödé, 得点, 🏆 ".utf8).repeated(upTo: 64 << 10), count)
        },
        HotPath("masking: 64 KiB", per: "payload") { count in
            let payload = [UInt8](repeating: 0x55, count: 64 << 10)
            let key = MaskingKey(0x37, 0xfa, 0x21, 0x3d)
            var output = ByteBuffer(capacity: 64 << 10)
            var written = 0
            for _ in 0..<count {
                output.removeAll()
                output.append(payload.span, masking: key)
                written += Int(output.bytes[written & 0xffff])
            }
            return written
        },
        HotPath("UTF-8: 64 KiB of ASCII", per: "payload") { count in
            validate([UInt8](repeating: UInt8(ascii: "a"), count: 64 << 10), count)
        },
        HotPath("UTF-8: 64 KiB beyond ASCII", per: "payload") { count in
            validate(Array("Ünïcödé, 得点, 🏆 ".utf8).repeated(upTo: 64 << 10), count)
        },
        HotPath("opening handshake: the accept value", per: "handshake") { count in
            let key = Array("dGhlIHNhbXBsZSBub25jZQ==".utf8)
            var found = 0
            for _ in 0..<count { found += Int(Handshake.acceptValue(key: key.span)[0]) }
            return found
        },
    ]

    /// What a server does with a client's message.
    private static func receive(_ payload: [UInt8], _ count: Int) -> Int {
        let now = Instant(nanoseconds: 1)
        var frame = ByteBuffer()
        FrameEncoder.append(text: payload.span, maskingKey: MaskingKey(0x37, 0xfa, 0x21, 0x3d), to: &frame)
        var session = WebSocketSession(role: .server, now: now)
        var output = ByteBuffer()
        var found = 0
        for _ in 0..<count {
            var offset = 0
            do throws(WebSocketError) {
                message: while true {
                    let event = try session.receive(frame.bytes.extracting(offset...), now: now, output: &output)
                    offset += event.consumed
                    switch event {
                    case .text:
                        found += session.message.count
                        break message
                    default: fatalError("a whole frame is not enough: \(event)")
                    }
                }
            } catch {
                fatalError("a well-formed frame was refused: \(error)")
            }
        }
        return found
    }

    private static func validate(_ payload: [UInt8], _ count: Int) -> Int {
        var found = 0
        for _ in 0..<count {
            var validator = UTF8Validator()
            if validator.validate(payload.span), validator.isComplete { found += 1 }
        }
        return found
    }
}

extension [UInt8] {
    /// Over and over, as often as it fits whole.
    fileprivate func repeated(upTo length: Int) -> [UInt8] {
        var result: [UInt8] = []
        while result.count + count <= length { result += self }
        return result
    }
}
