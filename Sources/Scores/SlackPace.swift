import Bytes

/// When the next message may be posted to a channel, and what the log says of the last one.
///
///     outcome        the next post                           log
///     posted         after a second                          that it works again, if trouble was logged
///     rateLimited    after Retry-After, and up to a second   ┐
///     unavailable    after 1, 2, 4 … 60 s, jittered          ├ at most once a minute
///     refused        after a minute                          ┘
///     unpostable     after a second                          what the text's own fate says
///
/// A second is counted from the answer: by then Slack has the message, however long its way was, so that no two arrive
/// within one. One post runs at a time. Several posters do not know of each other: who may come after another one rests
/// first, and waits after trouble that all of them see jitter, so that they do not come back together.
public struct SlackPace: Equatable, Sendable {
    public enum Log: Equatable, Sendable {
        /// Slack does not take messages, and why.
        case failing(String)
        /// It takes them again.
        case recovered
    }

    /// When the next post may begin.
    public private(set) var postAt = Instant.distantPast
    private var failures = 0
    private var quietUntil = Instant.distantPast
    private var hasLoggedTrouble = false

    public init() {}

    /// A post begins.
    public mutating func begin(_ now: Instant) {
        precondition(now >= postAt, "posted before its time")
        postAt = now + ScoreLimits.slackPace
    }

    /// Somebody else may have posted until now.
    public mutating func rest(_ now: Instant) {
        postAt = max(postAt, now + ScoreLimits.slackPace)
    }

    /// The post that began last is over.
    /// - Parameter jitter: a random number of 0…1, so that several posters do not come back together.
    /// - Returns: what is worth a line in the log.
    public mutating func finish(_ outcome: SlackOutcome, _ now: Instant, jitter: Double) -> Log? {
        precondition((0...1).contains(jitter), "jitter is a share")
        rest(now)
        switch outcome {
        case .posted:
            failures = 0
            defer { hasLoggedTrouble = false }
            return hasLoggedTrouble ? .recovered : nil
        case .unpostable:
            return nil
        case .rateLimited(let span):
            return again(after: span + ScoreLimits.slackPace * jitter, now, reason: "rate limited")
        case .unavailable(let reason):
            failures += 1
            return again(after: backoff(jitter), now, reason: reason)
        case .refused(let reason):
            return again(after: ScoreLimits.slackLastingRetry, now, reason: reason)
        }
    }

    /// Between half of the doubled span and all of it.
    private func backoff(_ jitter: Double) -> Duration {
        let doubled = ScoreLimits.slackBackoff * (1 << min(failures - 1, 16))
        return min(doubled, ScoreLimits.slackBackoffMost) * (0.5 + jitter / 2)
    }

    private mutating func again(after span: Duration, _ now: Instant, reason: String) -> Log? {
        postAt = max(postAt, now + span)
        guard now >= quietUntil else { return nil }
        quietUntil = now + ScoreLimits.slackLogInterval
        hasLoggedTrouble = true
        return .failing(reason)
    }
}
