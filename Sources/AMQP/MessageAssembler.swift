import Bytes

/// Puts a delivered message together: the method basic.deliver announced it, then come a content header and the body
/// in as many frames as it takes (section 4.2.6). A body in one frame, which nearly every body is, is not copied.
package struct MessageAssembler: ~Copyable {
    package enum Progress: Equatable {
        case needMore
        /// The payload just given is the whole body.
        case whole
        /// The body is in `assembled`.
        case assembled
        /// The message is over and nobody gets it.
        case discarded
        /// The message is over; it was longer than the limit.
        case tooLarge(UInt64)
    }

    private enum State { case idle, header, body }

    private var state = State.idle
    private var isWanted = true
    private var bodySize: UInt64 = 0
    private var received: UInt64 = 0
    private var strings = ByteBuffer()
    private var contentTypeLength = 0
    private var timestamp: Int64?
    private var assembled = ByteBuffer()
    private(set) var deliveryTag: UInt64 = 0
    private var redelivered = false
    private let limit: Int

    package init(limit: Int = Limits.body) {
        self.limit = limit
    }

    /// Whether a header or body frame must come next on the channel.
    var isExpectingContent: Bool { state != .idle }

    /// A message is announced.
    /// - Parameter isWanted: false: its frames are read and dropped.
    package mutating func begin(deliveryTag: UInt64, redelivered: Bool, isWanted: Bool = true) {
        self.deliveryTag = deliveryTag
        self.redelivered = redelivered
        self.isWanted = isWanted
        state = .header
    }

    /// Forgets a message that broke off.
    mutating func reset() {
        state = .idle
        releaseBody()
    }

    /// The payload of a content header frame.
    package mutating func header(_ payload: Span<UInt8>) throws(AMQPError) -> Progress {
        guard state == .header else { throw .malformed("content header without its method") }
        bodySize = payload.bigEndian(at: 4, bytes: 8)
        received = 0
        releaseBody()
        strings.removeAll()
        contentTypeLength = 0
        timestamp = nil
        try properties(payload.extracting(12..<payload.count))
        state = .body
        return bodySize == 0 ? end(.assembled) : .needMore
    }

    /// The payload of a body frame.
    package mutating func body(_ payload: Span<UInt8>) throws(AMQPError) -> Progress {
        guard state == .body else { throw .malformed("content body without its header") }
        guard UInt64(payload.count) <= bodySize - received else { throw .malformed("body longer than announced") }
        received += UInt64(payload.count)
        if received == bodySize, payload.count == Int(bodySize) { return end(.whole) }
        if isWanted, bodySize <= UInt64(limit) {
            assembled.reserve(assembled.isEmpty ? Int(bodySize) : 0)
            assembled.append(payload)
        }
        return received == bodySize ? end(.assembled) : .needMore
    }

    private mutating func end(_ progress: Progress) -> Progress {
        state = .idle
        if !isWanted { return .discarded }
        return bodySize > UInt64(limit) ? .tooLarge(bodySize) : progress
    }

    private mutating func releaseBody() {
        assembled.removeAll()
        if assembled.capacity > Limits.bodyKept { assembled.releaseIfEmpty() }
    }

    /// Calls `run` with the message that is complete.
    /// - Parameter frame: the body when it came in one frame; nil when it was put together here.
    package func withDelivery(_ frame: Span<UInt8>?, epoch: UInt64, _ run: (borrowing Delivery) -> Void) {
        if let frame {
            deliver(frame, epoch, run)
        } else {
            deliver(assembled.bytes, epoch, run)
        }
    }

    private func deliver(_ body: Span<UInt8>, _ epoch: UInt64, _ run: (borrowing Delivery) -> Void) {
        let strings = strings.bytes
        let delivery = Delivery(
            deliveryTag: epoch | deliveryTag, redelivered: redelivered, timestamp: timestamp,
            contentType: strings.extracting(0..<contentTypeLength),
            messageID: strings.extracting(contentTypeLength..<strings.count), body: body)
        run(delivery)
    }

    /// Property flags and list (section 4.2.6.1), in order: content-type, content-encoding, headers, delivery-mode,
    /// priority, correlation-id, reply-to, expiration, message-id, timestamp, and five more nobody asks for. Read here
    /// and not by the library, which decodes the header table for every message, however deep a publisher nested it;
    /// here it is stepped over by its length.
    private mutating func properties(_ list: Span<UInt8>) throws(AMQPError) {
        let flags = list.bigEndian(at: 0, bytes: 2)
        var offset = 2
        // Bit 0 says that another word of flags follows; basic has no property that far.
        guard flags & 1 == 0 else { throw .malformed("property flags") }
        for property in 0..<10 where flags & (0x8000 >> UInt64(property)) != 0 {
            let left = list.count - offset
            let size: Int
            switch property {
            case 2: size = left >= 4 ? 4 + Int(list.bigEndian(at: offset, bytes: 4)) : .max
            case 3, 4: size = 1
            case 9: size = 8
            default: size = left >= 1 ? 1 + Int(list[offset]) : .max
            }
            guard size <= left else { throw .malformed("property list is cut off") }
            switch property {
            case 0:
                strings.append(list.extracting((offset + 1)..<(offset + size)))
                contentTypeLength = size - 1
            case 8: strings.append(list.extracting((offset + 1)..<(offset + size)))
            case 9: timestamp = Int64(bitPattern: list.bigEndian(at: offset, bytes: 8))
            default: break
            }
            offset += size
        }
    }
}

extension Span where Element == UInt8 {
    /// The unsigned number in network order at `offset`.
    func bigEndian(at offset: Int, bytes: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in offset..<(offset + bytes) { value = value << 8 | UInt64(self[index]) }
        return value
    }
}
