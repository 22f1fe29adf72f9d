import Bytes

/// What a frame carries (AMQP 0-9-1 section 4.2.3).
package enum FrameKind: UInt8 {
    case method = 1
    case header = 2
    case body = 3
    case heartbeat = 8
}

/// A whole frame at the front of the bytes.
package struct Frame: Equatable {
    package let kind: FrameKind
    package let channel: UInt16
    /// Bytes of payload, which begin at `Frame.headerSize`.
    package let size: Int

    package static let headerSize = 7
    package static let end: UInt8 = 0xCE
    /// What a frame adds to its payload.
    static let overhead = headerSize + 1

    /// Bytes of the whole frame.
    package var length: Int { size + Frame.overhead }
}

/// Finds frames in a stream of bytes.
///
///     0      1         3             7                  size+7 size+8
///     +------+---------+-------------+  +------------+  +-----------+
///     | type | channel |    size     |  |  payload   |  | frame-end |
///     +------+---------+-------------+  +------------+  +-----------+
///      octet   short        long          size octets     octet 0xCE
///
/// The library's `amqp_handle_input` is left aside on purpose: it copies each body once more, makes a memory pool for
/// every channel number a peer invents, passes over unknown types, and a frame is here whole anyway. Methods go to
/// the library (`MethodDecoder`); every size is checked before.
package struct FrameDecoder {
    /// The one channel a connection uses.
    static let channel: UInt16 = 1

    /// The largest frame that was agreed on, in bytes.
    var frameMax: Int

    /// The frame that `bytes` begins with; nil when it is not complete yet.
    package init(frameMax: Int = Limits.frame) {
        self.frameMax = frameMax
    }

    package func next(in bytes: Span<UInt8>) throws(AMQPError) -> Frame? {
        guard bytes.count > 0 else { return nil }
        guard let kind = FrameKind(rawValue: bytes[0]) else { throw FrameDecoder.notAFrame(bytes) }
        guard bytes.count >= Frame.headerSize else { return nil }
        let channel = UInt16(bytes[1]) << 8 | UInt16(bytes[2])
        let size = Int(bytes[3]) << 24 | Int(bytes[4]) << 16 | Int(bytes[5]) << 8 | Int(bytes[6])
        let frame = Frame(kind: kind, channel: channel, size: size)
        // Decided from the header, before a byte of the payload is waited for.
        guard frame.length <= frameMax else { throw .malformed("frame of \(frame.length) bytes, agreed: \(frameMax)") }
        guard channel <= FrameDecoder.channel else { throw .malformed("frame on channel \(channel), not open") }
        let isSound =
            switch kind {
            case .method: size >= 4 && frame.length <= Limits.method
            // Class, weight, body size, and at least one word of property flags (section 4.2.6.1).
            case .header: size >= 14 && channel != 0
            case .body: channel != 0
            case .heartbeat: size == 0 && channel == 0
            }
        guard isSound else { throw .malformed("\(kind) frame of \(size) bytes on channel \(channel)") }
        guard bytes.count >= frame.length else { return nil }
        guard bytes[frame.length - 1] == Frame.end else { throw .malformed("frame without its end octet") }
        return frame
    }

    /// A server that cannot speak our version answers with its own protocol header and closes (section 4.2.2).
    private static func notAFrame(_ bytes: Span<UInt8>) -> AMQPError {
        bytes[0] == UInt8(ascii: "A")
            ? .malformed("it speaks another version of the protocol") : .malformed("frame of type \(bytes[0])")
    }
}
