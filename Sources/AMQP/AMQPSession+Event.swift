extension AMQPSession {
    /// What a method that came means to the connection.
    package enum Event: Equatable {
        /// Nothing to tell.
        case none
        /// `frameMax` and `heartbeat` are agreed on.
        case tuned
        /// The topology is declared, for the first time or again.
        case ready
        /// The queue is gone; it is being declared again on the same channel, whose confirms go on.
        case consumerCancelled
        /// The channel is gone with its delivery tags; it is being opened again.
        case channelClosed(AMQPError)
        /// A delivery's content follows.
        case deliver(tag: UInt64, redelivered: Bool)
        /// Content follows that nobody wants.
        case discard
        case confirmed(tag: UInt64, multiple: Bool)
        case refused(tag: UInt64, multiple: Bool)
        /// `isBlocked` has changed.
        case flow
        /// The session is over.
        case closed(AMQPError)
    }
}
