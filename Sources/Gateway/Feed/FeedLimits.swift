import WebSocket

/// The feed's limits, together, with their reasons.
enum FeedLimits {
    /// The longest message a subscriber may send; nothing it says has a meaning here (contract section 3).
    static let clientMessage = 64 * 1024

    /// The longest message `/ws-echo` takes: conformance suites send such.
    static let echoMessage = 16 * 1024 * 1024

    /// The window with which the feed is compressed, once for all (`WebSocketLimits.windowBits` for the reason): who
    /// wants a smaller one gets plain messages. Scores shorter than `WebSocketLimits.leastCompressed` are not compressed:
    /// an ordinary one has 80 bytes, in which DEFLATE finds nothing.
    static let windowBits = WebSocketLimits.windowBits

    /// Scores of one page of history, from the store or `SCORES_API`: some 100 KB of frames.
    static let page = 1000

    /// Bytes of scores that a reactor has not taken into its logs yet. Half a million scores of usual size: a reactor that
    /// is so far behind has stood still for seconds, and its readers have long fallen out of `FEED_LOG_BYTES`.
    static let inbox = 64 << 20

    /// Ids that are remembered to drop doubles: what arrives on two ways (store and bus) does so within seconds.
    static let recentIDs = 1 << 16

    /// Scores from the bus that wait while the history is read, so that older ones come before them. Beyond it they are
    /// dropped, and read from the history as well, which has them.
    static let heldScores = 100_000

    /// How far below the newest id the feed asks the store again after an outage, at least: ids are taken before they are
    /// committed, so an older id can appear after a newer one, by as many as were being written at the time. So many
    /// are read at the start too, or the first outage would bring old scores as new ones. Less than `recentIDs`. (Below the
    /// first of them nothing is missed: of an upload that is open at the start with so many later ids behind it, the bus
    /// alone brings the scores.)
    static let overlap: Int64 = 10_000

    /// How long an id may be missing before it counts as burnt by a rollback: longer than the longest transaction of
    /// ours, an upload over a slow line (`StoreLimits.largeBatchTransaction`), with its commit and its way over the bus.
    static let holeAge: Duration = .seconds(1800)

    /// Ranges of ids between holes that are kept: 100 KB. Of more, the lower ones count as one (`FeedProgress`).
    static let progressRanges = 4096

    /// How late a score may come on the bus: another process takes it over 10 s after its writer died (the outbox's
    /// lease), the commit before that took up to 10 s, and as much again for a busy broker.
    static let late: Duration = .seconds(30)

    /// How many ids lower one begins again who resumes behind an id whose place on the bus nobody knows: as many as are
    /// taken in `late`, but not fewer than a few flushes of every reactor, nor more than `overlap`.
    static let leastLateIDs: Int64 = 256

    /// The same when the history does not tell how old its scores are (the replaced service): an ordinary pace.
    static let unknownLateIDs: Int64 = 1000

    /// By how much the order of two reporters' queues may differ: one exchange, but publishers on connections of their
    /// own. Some milliseconds, and a second that the wall clock is read without.
    static let skew: Duration = .seconds(2)

    /// By how many seconds the clock of those who store may be ahead of ours for all scores to be taken for as much older:
    /// clocks that are kept by a server of time differ by less. More is a mistake, of a single score or of our own clock,
    /// and would make everything so old that every reader who resumes is sent doubles.
    static let clockLead: Int64 = 60

    /// How long such a lead is remembered after it was seen last. It is seen with every score that comes at once, and in an
    /// hour one of them does.
    static let clockMemory: Duration = .seconds(3600)

    /// Steps of it that are kept: fewer make a lead last longer, never less.
    static let clockSteps = 64

    /// How fine the log knows when what came; a tenth of `skew` is more than enough.
    static let moment: Duration = .milliseconds(250)

    /// Moments that are kept: a quarter of an hour without a pause; after that they grow coarser.
    static let moments = 4096

    /// Steps of what came late that are kept: more make an answer exacter, never more right.
    static let lateSteps = 512

    /// How far above the highest id another one may be to count as the next: more than any sequence is ever set forward.
    static let idJump: Int64 = 1 << 40

    /// How long the history may keep the first readers waiting. After it the feed begins with what the bus brings, and
    /// what the history has is appended when it comes. After an outage live scores wait for what was missed, however
    /// long: who had them, and resumed elsewhere, would not be given it there.
    static let patience: Duration = .seconds(10)

    /// Places for batches that a reactor keeps between two looks into its inbox: a burst's. Those of a backlog are given
    /// back.
    static let batchesKept = 64

    /// What a subscriber may lack for it to be copied behind output of its stream that has not left yet: a snapshot of
    /// usual size, in one write with the handshake's answer. Who lacks more waits for that output to leave, and is then
    /// sent to from the log's own memory.
    static let copied = 128 * 1024
}
