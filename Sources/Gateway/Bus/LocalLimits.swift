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

    /// Holes between the ids taken that are waited for: half a megabyte, and a thousand a second for `holeAge`. Beyond it
    /// nothing new is taken until some are filled or given up.
    static let openHoles = 16_384

    /// Holes that are remembered as given up, so that what comes for them after all is no double: 100 KB, and more
    /// retries with an `Idempotency-Key` (which burn an id each) than come while a large batch is sent. Beyond it the
    /// oldest knowledge grows coarser.
    static let givenUpHoles = 4096

    /// Before the store is asked again that could not answer.
    static let pause: Duration = .seconds(1)

    /// How long the place waits to be saved: a commit of the store a second at most. So much may be told twice after a
    /// crash.
    static let savePause: Duration = .seconds(1)

    /// How long an id that is missing is waited for before it counts as burnt, if the store does not have it then:
    /// longer than `StoreLimits.statement`, which bounds how much later than a higher id a lower one is committed, and
    /// than `StoreLimits.lease`, after which a reactor does not publish its own flush any more. What is committed later
    /// (chunks of a large batch) or published later is in the outbox until it was taken.
    static let holeAge: Duration = .seconds(15)
}
