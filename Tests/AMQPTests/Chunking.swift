import Bytes
import Testing

@testable import AMQP

/// Calls `body` with the bytes whole, split in two at every boundary, and byte by byte.
func everyChunking(_ bytes: [UInt8], _ body: ([[UInt8]]) -> Void) {
    body([bytes])
    for boundary in 0...bytes.count { body([Array(bytes[..<boundary]), Array(bytes[boundary...])]) }
    body(bytes.map { [$0] })
}

/// A frame with its payload, as a value.
struct Piece: Equatable {
    let kind: FrameKind
    let channel: UInt16
    let payload: [UInt8]
}

/// Feeds chunks to a decoder the way a stream does: what is incomplete is kept and presented again with more.
/// - Returns: the frames before the error, if there was one.
func decode(_ chunks: [[UInt8]], _ decoder: FrameDecoder = FrameDecoder()) -> (pieces: [Piece], error: AMQPError?) {
    var kept: [UInt8] = []
    var pieces: [Piece] = []
    for chunk in chunks {
        kept += chunk
        do throws(AMQPError) {
            while let frame = try decoder.next(in: kept.span) {
                let payload = Array(kept[Frame.headerSize..<(Frame.headerSize + frame.size)])
                pieces.append(Piece(kind: frame.kind, channel: frame.channel, payload: payload))
                kept.removeFirst(frame.length)
            }
        } catch {
            return (pieces, error)
        }
    }
    return (pieces, nil)
}

/// Bytes from hexadecimal digits; blanks are ignored.
func hex(_ text: String) -> [UInt8] {
    let digits = text.utf8.compactMap(\.hexadecimalValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

extension Method {
    /// As a frame.
    func frame(channel: UInt16) throws -> [UInt8] {
        var encoder = FrameEncoder()
        var output = ByteBuffer()
        try encoder.append(self, channel: channel, into: &output)
        return output.bytes.copied
    }

    /// The channel it belongs to, of the two there are.
    var channel: UInt16 {
        switch self {
        case .connectionStart, .connectionStartOK, .connectionTune, .connectionTuneOK, .connectionOpen,
            .connectionOpenOK, .connectionClose, .connectionCloseOK, .connectionBlocked, .connectionUnblocked:
            0
        default: 1
        }
    }
}
