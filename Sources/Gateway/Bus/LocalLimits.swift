/// The local bus' limits, with their reasons.
enum LocalLimits {
    /// Bytes of messages that have been published and not yet been taken by the consumers' reactor. Some batches of every
    /// reactor; when it lags, nothing more is confirmed or published until it has caught up, and the outbox has the rest.
    static let exchangeBytes = 8 << 20

    /// How often a publisher looks what the consumers have taken: short beside a commit, and no load.
    static let confirmPause: Duration = .milliseconds(2)

    /// Messages that wait for the poster in memory; what is more waits in the store. Slack takes a message a second, and
    /// one digest tells all that is held, so more than some seconds of scores are of no use here.
    static let waitingMessages = 256

    /// Ids that are remembered as read from the store: some pages of it.
    static let recentIDs = 16_384

    /// Before the store is asked again that could not answer.
    static let pause: Duration = .seconds(1)

    /// How long the place waits to be saved: a commit of the store a second at most. So much may be told twice after a
    /// crash.
    static let savePause: Duration = .seconds(1)

    /// How late the place is saved where ids are not committed in their order: longer than `StoreLimits.statement`, which
    /// bounds how much later than a higher id a lower one can be committed. (Chunks of a large batch may take longer;
    /// they are in the outbox until they were given to the bus.)
    static let lag: Duration = .seconds(15)
}
