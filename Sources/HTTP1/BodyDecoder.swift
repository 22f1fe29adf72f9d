import Bytes

/// A step through a message's content.
enum BodyStep {
    case needMore(consumed: Int)
    case body(Range<Int>, consumed: Int)
    case end(consumed: Int)
}

/// Reads past the content of one message after the other, as its framing says (RFC 9112 §6); both roles.
struct BodyDecoder {
    private enum State: UInt8 {
        case ended, length, chunked, untilClose
    }

    private var state = State.ended
    /// Of a declared length.
    private var remaining: Int64 = 0
    /// Of a length nobody declared.
    private var received: Int64 = 0
    private var chunks = ChunkedDecoder()

    /// - Parameter framing: nil for content that ends with the connection, which only a response has.
    mutating func begin(_ framing: BodyFraming?, _ limits: Limits) {
        switch framing {
        case .some(.none):
            state = .ended
        case .length(let length):
            state = .length
            remaining = length
        case .chunked:
            state = .chunked
            chunks.begin(limits)
        case nil:
            state = .untilClose
            received = 0
        }
    }

    /// Whether the message ends when the connection does, as it should.
    var endsWithConnection: Bool { state == .untilClose }

    /// - Parameter maximum: bytes of content in all; `contentTooLarge` above.
    mutating func next(_ bytes: Span<UInt8>, maximum: Int64) throws(HTTPError) -> BodyStep {
        switch state {
        case .ended:
            return .end(consumed: 0)
        case .length:
            if remaining == 0 {
                state = .ended
                return .end(consumed: 0)
            }
            // Decided before the first byte: afterwards, less remains than was allowed.
            if remaining > maximum { throw .contentTooLarge }
            if bytes.count == 0 { return .needMore(consumed: 0) }
            let count = Int(min(remaining, Int64(bytes.count)))
            remaining -= Int64(count)
            return .body(0..<count, consumed: count)
        case .chunked:
            let step = try chunks.next(bytes, maximum: maximum)
            if case .end = step { state = .ended }
            return step
        case .untilClose:
            if bytes.count == 0 { return .needMore(consumed: 0) }
            // Up to the limit, so that what is delivered before the error does not depend on how it was cut.
            let count = Int(min(maximum - received, Int64(bytes.count)))
            if count <= 0 { throw .contentTooLarge }
            received += Int64(count)
            return .body(0..<count, consumed: count)
        }
    }
}
