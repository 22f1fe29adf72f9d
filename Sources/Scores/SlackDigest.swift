import Bytes

/// The scores of all deliveries that are held unacknowledged, as the one message that tells them: a line each for the
/// first of them, and how many more there are.
///
///     :tada: ada just scored 3 points          one score: its line
///
///     :tada: ada just scored 3 points          several: up to 20 lines,
///     :tada: bob just scored 1 point
///     and 998 more                             and the number of those that have none
///
/// A message counts exactly the scores of the deliveries that are acknowledged when Slack has taken it: all that were
/// held when it began. What comes while it is under way waits for the next; when Slack says no, both are one again.
/// For what has no line only a number is kept, so memory does not grow with how far behind we are.
public struct SlackDigest: Equatable, Sendable {
    /// What a message has told, now that Slack took it, or never will.
    public struct Told: Equatable, Sendable {
        /// The last delivery of the message: it and all before it are dealt with.
        public let deliveryTag: UInt64
        public let scores: Int

        public init(deliveryTag: UInt64, scores: Int) {
            self.deliveryTag = deliveryTag
            self.scores = scores
        }
    }

    private struct Part: Equatable, Sendable {
        /// The first ones, as many as a message may have lines.
        var named: [Score] = []
        var count = 0
        var lastDeliveryTag: UInt64 = 0
        /// When the first of them came.
        var since = Instant.distantFuture

        mutating func append(_ later: Part) {
            named += later.named.prefix(ScoreLimits.slackLines - named.count)
            count += later.count
            if later.count > 0 { lastDeliveryTag = later.lastDeliveryTag }
            since = min(since, later.since)
        }
    }

    /// The message under way; empty when its deliveries are forgotten; nil: none is.
    private var posting: Part?
    private var waiting = Part()
    /// How many lines the next message may have.
    private var lines = ScoreLimits.slackLines

    public init() {}

    /// Scores that were not told yet.
    public var count: Int { waiting.count + (posting?.count ?? 0) }

    /// Since when the oldest delivery is held; the distant future when none is.
    public var heldSince: Instant { min(waiting.since, posting?.since ?? .distantFuture) }

    /// Takes one score. All scores of a delivery are taken before anything else happens, and deliveries in their order.
    public mutating func take(_ score: Score, deliveryTag: UInt64, now: Instant) {
        if waiting.named.count < ScoreLimits.slackLines { waiting.named.append(score) }
        waiting.append(Part(count: 1, lastDeliveryTag: deliveryTag, since: now))
    }

    /// A message begins that tells all that is held.
    /// - Returns: its text, at most `ScoreLimits.slackText` characters.
    public mutating func begin() -> [UInt8] {
        precondition(posting == nil && waiting.count > 0, "one message at a time, and none about nothing")
        let part = waiting
        posting = part
        waiting = Part()
        return text(part)
    }

    /// Slack took the message.
    /// - Returns: what is to be acknowledged; nil when those deliveries are gone, and come again.
    public mutating func posted() -> Told? {
        guard let part = posting else { preconditionFailure("no message is under way") }
        lines = ScoreLimits.slackLines
        posting = nil
        return part.count > 0 ? Told(deliveryTag: part.lastDeliveryTag, scores: part.count) : nil
    }

    /// Slack did not take the message: what it told is told again, with what came meanwhile.
    public mutating func failed() {
        guard var part = posting else { preconditionFailure("no message is under way") }
        part.append(waiting)
        waiting = part
        posting = nil
    }

    /// Slack will never take this text: the next has half the lines, and the others are in its number, down to none.
    /// - Returns: what is given up, when even the number alone was not taken; nil: there is another way, or those
    ///   deliveries are gone.
    public mutating func refused() -> Told? {
        guard lines > 0 else { return posted() }
        // Of the lines that it had, not of those that it might have had.
        if let named = posting?.named, !named.isEmpty { lines = min(lines, named.count) / 2 }
        failed()
        return nil
    }

    /// The deliveries are gone with their connection, and come again. A message that is under way stays so.
    public mutating func forget() {
        waiting = Part()
        if posting != nil { posting = Part() }
    }

    /// As many lines as fit with the number of the rest.
    private func text(_ part: Part) -> [UInt8] {
        var text: [UInt8] = []
        var characters = 0
        var told = 0
        for score in part.named.prefix(lines) {
            let rest = Self.more(part.count - told - 1)
            let room = ScoreLimits.slackText - characters - rest.count
            // The first line is cut when it has to be; any other can be left out.
            let line = SlackText.line(for: score, within: told == 0 ? room : ScoreLimits.slackText)
            let length = SlackText.characters(in: line) + (told == 0 ? 0 : 1)
            guard length <= room else { break }
            if told > 0 { text.append(UInt8(ascii: "\n")) }
            text += line
            characters += length
            told += 1
        }
        let rest = Self.more(part.count - told)
        return text + (told == 0 ? rest.dropFirst() : rest[...])
    }

    /// The last line, with the line break before it; empty when nothing is left to count.
    private static func more(_ count: Int) -> [UInt8] {
        count == 0 ? [] : Array("\nand \(count) more".utf8)
    }
}
