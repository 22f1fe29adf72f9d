import Bytes
import JSON

/// What became of one `chat.postMessage`, as far as it decides what to do next.
///
/// Slack answers 200 with `{"ok":true,…}` or `{"ok":false,"error":"channel_not_found"}`, 429 with Retry-After, and 5xx
/// when it is in trouble; what stands between may answer anything.
public enum SlackOutcome: Equatable, Sendable {
    case posted
    /// 429 or `ratelimited`: not before this span has passed.
    case rateLimited(Duration)
    /// Trouble that passes by itself: 5xx, an answer that is not Slack's, no answer at all. The text is for the log.
    case unavailable(String)
    /// Slack says no until somebody acts: `invalid_auth`, `channel_not_found`, … Errors that are not known count as such.
    case refused(String)
    /// Slack says no to this one message for ever; to keep it would hold up all others.
    case unpostable(String)

    /// Reads an answer.
    /// - Parameters:
    ///   - retryAfter: how long the field Retry-After asks to wait; nil when it is absent or unreadable.
    ///   - isCut: more came than `body`; what stands in it counts.
    public init(status: Int, retryAfter: Duration?, body: Span<UInt8>, isCut: Bool = false) {
        switch status {
        case 429:
            self = .rateLimited(Self.span(retryAfter))
        case 200..<300:
            guard let answer = Answer(body, isCut: isCut) else {
                self = .unavailable("an answer that is not Slack's")
                return
            }
            self = answer.isOK ? .posted : Self.judge(answer.error, retryAfter)
        case 408, 500...:
            self = .unavailable("HTTP \(status)")
        default:
            self = .refused("HTTP \(status)")
        }
    }

    private static func judge(_ error: String, _ retryAfter: Duration?) -> SlackOutcome {
        switch error {
        case "ratelimited", "rate_limited":
            .rateLimited(span(retryAfter))
        case "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org":
            .unavailable(error)
        case "msg_too_long", "no_text":
            .unpostable(error)
        default:
            .refused(error)
        }
    }

    private static func span(_ retryAfter: Duration?) -> Duration {
        min(retryAfter ?? ScoreLimits.slackRetryAfter, ScoreLimits.slackRetryAfterMost)
    }

    private struct Answer {
        var isOK = false
        var error = "an error without a name"

        /// - Returns: nil when the body is no JSON object with a boolean `ok`.
        init?(_ body: Span<UInt8>, isCut: Bool) {
            var isSlacks = false
            var reader = JSONReader(body)
            do throws(JSONError) {
                guard try reader.value() == .object else { return nil }
                while let name = try reader.member() {
                    let value = try reader.value()
                    if case .boolean(let ok) = value, name.equals("ok", in: body) {
                        isSlacks = true
                        isOK = ok
                    } else if case .string(let string) = value, name.equals("error", in: body) {
                        let text = body.extracting(string.range)
                        if Self.isName(text) { error = text.text }
                    }
                    try reader.skip(value)
                }
                try reader.end()
            } catch {
                guard isCut, error.kind == .unexpectedEnd else { return nil }
            }
            guard isSlacks else { return nil }
        }

        /// Slack's errors are words of small letters, digits, `_` and `-`; anything else does not get into the log.
        private static func isName(_ text: Span<UInt8>) -> Bool {
            guard 1...ScoreLimits.slackErrorBytes ~= text.count else { return false }
            for index in text.indices {
                switch text[index] {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): continue
                case UInt8(ascii: "_"), UInt8(ascii: "-"): continue
                default: return false
                }
            }
            return true
        }
    }
}
