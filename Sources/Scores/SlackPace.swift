import Bytes

/// When the next message may be posted to a channel, and what becomes of the last one.
///
///     outcome        acknowledge   the next post               log
///     posted         yes           1 s after this one began    that it works again, if trouble was logged
///     rateLimited    no            after Retry-After           ┐
///     unavailable    no            1, 2, 4 … 60 s, jittered    ├ at most once a minute
///     refused        no            after a minute              ┘
///     unpostable     yes           1 s after this one began    always: a message is lost
///
/// A message that is not acknowledged is posted again: Slack may see one twice whose answer was lost, never one too few.
/// One post runs at a time.
public struct SlackPace: Equatable, Sendable {
    public enum Log: Equatable, Sendable {
        /// Slack does not take messages, and why.
        case failing(String)
        /// It takes them again.
        case recovered
        /// This message was given up.
        case dropped(String)
    }

    public struct Verdict: Equatable, Sendable {
        /// Whether the broker may forget the message.
        public let acknowledge: Bool
        /// Not before this instant.
        public let postAt: Instant
        public let log: Log?

        public init(acknowledge: Bool, postAt: Instant, log: Log?) {
            self.acknowledge = acknowledge
            self.postAt = postAt
            self.log = log
        }
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

    /// The post that began last is over.
    /// - Parameter jitter: a random number of 0…1, so that several posters do not come back together.
    public mutating func finish(_ outcome: SlackOutcome, _ now: Instant, jitter: Double) -> Verdict {
        precondition((0...1).contains(jitter), "jitter is a share")
        switch outcome {
        case .posted:
            failures = 0
            defer { hasLoggedTrouble = false }
            return Verdict(acknowledge: true, postAt: postAt, log: hasLoggedTrouble ? .recovered : nil)
        case .unpostable(let reason):
            return Verdict(acknowledge: true, postAt: postAt, log: .dropped(reason))
        case .rateLimited(let span):
            return again(after: span, now, reason: "rate limited")
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

    private mutating func again(after span: Duration, _ now: Instant, reason: String) -> Verdict {
        postAt = max(postAt, now + span)
        guard now >= quietUntil else { return Verdict(acknowledge: false, postAt: postAt, log: nil) }
        quietUntil = now + ScoreLimits.slackLogInterval
        hasLoggedTrouble = true
        return Verdict(acknowledge: false, postAt: postAt, log: .failing(reason))
    }
}
