/// The feed's limits, together, with their reasons.
enum FeedLimits {
    /// The longest message a subscriber may send; nothing it says has a meaning here (contract section 3).
    static let clientMessage = 64 * 1024

    /// The longest message `/ws-echo` takes: conformance suites send such.
    static let echoMessage = 16 * 1024 * 1024

    /// Scores of one page of history, from the store or `SCORES_API`: some 100 KB of frames.
    static let page = 1000

    /// Ids that are remembered to drop doubles: what arrives on two ways (store and bus) does so within seconds.
    static let recentIDs = 1 << 16

    /// Scores from the bus that wait while the log is filled from the store, so that older ones come before them. Beyond
    /// it memory goes before order.
    static let heldScores = 100_000

    /// How far below the newest id the feed asks the store again after an outage: ids are taken before they are
    /// committed, so an older id can appear after a newer one, by as many as were being written at the time. So many
    /// ids are learnt at the start too, or the first outage would bring old scores as new ones. Less than `recentIDs`.
    static let overlap: Int64 = 10_000

    /// How long the history may keep live scores waiting. After it the feed goes on with what the bus brings, and what
    /// the history has is appended when it comes.
    static let patience: Duration = .seconds(10)

    /// What a subscriber may lack for it to be copied behind output of its stream that has not left yet: a snapshot of
    /// usual size, in one write with the handshake's answer. Who lacks more waits for that output to leave, and is then
    /// sent to from the log's own memory.
    static let copied = 128 * 1024
}
