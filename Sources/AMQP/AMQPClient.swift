import Bytes

/// What is told to the owner of an `AMQPConnection`. All calls come on the reactor's thread; within them the
/// connection may be used, and closed.
open class AMQPClient {
    public init() {}

    /// The topology is declared: messages may be published and will be delivered. Called again after each
    /// `disconnected`; what was published by others in between may have been missed by an exclusive queue.
    open func ready(_ connection: AMQPConnection) {}

    /// The connection, its channel or its consumer is lost, or a try failed; the next is on its way, except after
    /// `.closed`, which is the last call. Messages on their way are handed to `unconfirmed` right after this, unless
    /// only the consumer was cancelled: their confirms still come.
    open func disconnected(_ connection: AMQPConnection, error: AMQPError) {}

    /// A message came. `delivery` and its spans are valid within the call only. With manual acks it is to be answered
    /// by `ack`, `nack` or `reject`, now or later.
    open func delivered(_ connection: AMQPConnection, _ delivery: borrowing Delivery) {}

    /// A delivery was dropped because its body is over `Limits.body`; it was rejected when acks are manual.
    open func dropped(_ connection: AMQPConnection, error: AMQPError) {}

    /// The broker has taken responsibility for the message.
    open func confirmed(_ connection: AMQPConnection, ticket: UInt64) {}

    /// The broker has not taken the message (basic.nack), or the channel went before it said so, in which case it may
    /// have it all the same. Publish it again, when ready. After a loss in the order of publishing.
    open func unconfirmed(_ connection: AMQPConnection, ticket: UInt64) {}

    /// `canPublish` has changed while ready: the broker asks to wait (connection.blocked), the confirm window is full,
    /// too much waits to be sent; or none of it any more. Blocked is also told from within `publish`, after the message
    /// was taken.
    open func flowChanged(_ connection: AMQPConnection, blocked: Bool) {}
}
