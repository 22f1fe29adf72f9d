import Bytes
import Scores
import Testing

@Suite struct SlackOutcomeTests {
    @Test(
        arguments: [
            (200, "", #"{"ok":true,"channel":"C1","ts":"1.2","message":{"text":"x","ok":false}}"#, .posted),
            (200, "", #"{"ok":true,"warning":"missing_charset"}"#, .posted),
            (200, "", #"{"ok":false,"error":"invalid_auth"}"#, .refused("invalid_auth")),
            (200, "", #"{"error":"channel_not_found","ok":false}"#, .refused("channel_not_found")),
            (200, "", #"{"ok":false,"error":"not_in_channel"}"#, .refused("not_in_channel")),
            (200, "", #"{"ok":false,"error":"is_archived"}"#, .refused("is_archived")),
            (200, "", #"{"ok":false,"error":"something_new"}"#, .refused("something_new")),
            (200, "", #"{"ok":false}"#, .refused("an error without a name")),
            (200, "", #"{"ok":false,"error":"x\ny"}"#, .refused("an error without a name")),
            (
                200, "", #"{"ok":false,"error":"\#(String(repeating: "a", count: 65))"}"#,
                .refused("an error without a name")
            ),
            (200, "", #"{"ok":false,"error":"internal_error"}"#, .unavailable("internal_error")),
            (200, "", #"{"ok":false,"error":"msg_too_long"}"#, .unpostable("msg_too_long")),
            (200, "7", #"{"ok":false,"error":"ratelimited"}"#, .rateLimited(.seconds(7))),
            (200, "", "ok", .unavailable("an answer that is not Slack's")),
            (200, "", "", .unavailable("an answer that is not Slack's")),
            (200, "", "[]", .unavailable("an answer that is not Slack's")),
            (200, "", "{}", .unavailable("an answer that is not Slack's")),
            (200, "", #"{"ok":"true"}"#, .unavailable("an answer that is not Slack's")),
            (200, "", #"{"ok":true} x"#, .unavailable("an answer that is not Slack's")),
            (200, "", "<html>captive portal</html>", .unavailable("an answer that is not Slack's")),
            (429, "30", "", .rateLimited(.seconds(30))), (429, "0", "{}", .rateLimited(.zero)),
            (429, "", "", .rateLimited(ScoreLimits.slackRetryAfter)),
            (429, "soon", "", .rateLimited(ScoreLimits.slackRetryAfter)),
            (429, "-1", "", .rateLimited(ScoreLimits.slackRetryAfter)),
            (429, "9999999999", "", .rateLimited(ScoreLimits.slackRetryAfterMost)),
            (429, "9223372036854775807", "", .rateLimited(ScoreLimits.slackRetryAfterMost)),
            (500, "", "", .unavailable("HTTP 500")), (503, "5", #"{"ok":true}"#, .unavailable("HTTP 503")),
            (408, "", "", .unavailable("HTTP 408")),
            (404, "", "", .refused("HTTP 404")), (302, "", "", .refused("HTTP 302")),
            (401, "", #"{"ok":true}"#, .refused("HTTP 401")),
        ] as [(Int, String, String, SlackOutcome)])
    func readsTheAnswer(status: Int, retryAfter: String, body: String, outcome: SlackOutcome) {
        let read = SlackOutcome(status: status, retryAfter: [UInt8](retryAfter).span, body: [UInt8](body).span)
        #expect(read == outcome)
    }
}
