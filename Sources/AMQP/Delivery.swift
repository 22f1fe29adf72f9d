import Bytes

/// A message from the queue. Valid within the call only: it points into the receive buffer.
public struct Delivery: ~Escapable {
    /// Names the delivery in `ack`, `nack` and `reject`, also after a reconnect: a tag of a channel that is gone is
    /// known to be one, and its answer is dropped (the broker delivers the message again).
    public let deliveryTag: UInt64
    /// It was delivered before, and not acknowledged.
    public let redelivered: Bool
    /// Seconds since the Unix epoch, or nil.
    public let timestamp: Int64?
    /// Empty: none given.
    public let contentType: Span<UInt8>
    /// Empty: none given.
    public let messageID: Span<UInt8>
    public let body: Span<UInt8>

    @_lifetime(copy contentType, copy messageID, copy body)
    public init(
        deliveryTag: UInt64, redelivered: Bool, timestamp: Int64?, contentType: Span<UInt8>, messageID: Span<UInt8>,
        body: Span<UInt8>
    ) {
        self.deliveryTag = deliveryTag
        self.redelivered = redelivered
        self.timestamp = timestamp
        self.contentType = contentType
        self.messageID = messageID
        self.body = body
    }
}
