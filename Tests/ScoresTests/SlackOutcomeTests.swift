import Bytes
import Scores
import Testing

@Suite struct SlackOutcomeTests {
    @Test(
        arguments: [
            (200, nil, #"{"ok":true,"channel":"C1","ts":"1.2","message":{"text":"x","ok":false}}"#, .posted),
            (200, nil, #"{"ok":true,"warning":"missing_charset"}"#, .posted),
            (200, nil, #"{"ok":false,"error":"invalid_auth"}"#, .refused("invalid_auth")),
            (200, nil, #"{"error":"channel_not_found","ok":false}"#, .refused("channel_not_found")),
            (200, nil, #"{"ok":false,"error":"not_in_channel"}"#, .refused("not_in_channel")),
            (200, nil, #"{"ok":false,"error":"is_archived"}"#, .refused("is_archived")),
            (200, nil, #"{"ok":false,"error":"something_new"}"#, .refused("something_new")),
            (200, nil, #"{"ok":false}"#, .refused("an error without a name")),
            (200, nil, #"{"ok":false,"error":"x\ny"}"#, .refused("an error without a name")),
            (
                200, nil, #"{"ok":false,"error":"\#(String(repeating: "a", count: 65))"}"#,
                .refused("an error without a name")
            ),
            (200, nil, #"{"ok":false,"error":"internal_error"}"#, .unavailable("internal_error")),
            (200, nil, #"{"ok":false,"error":"msg_too_long"}"#, .unpostable("msg_too_long")),
            (200, 7, #"{"ok":false,"error":"ratelimited"}"#, .rateLimited(.seconds(7))),
            (200, nil, "ok", .unavailable("an answer that is not Slack's")),
            (200, nil, "", .unavailable("an answer that is not Slack's")),
            (200, nil, "[]", .unavailable("an answer that is not Slack's")),
            (200, nil, "{}", .unavailable("an answer that is not Slack's")),
            (200, nil, #"{"ok":"true"}"#, .unavailable("an answer that is not Slack's")),
            (200, nil, #"{"ok":true} x"#, .unavailable("an answer that is not Slack's")),
            (200, nil, "<html>captive portal</html>", .unavailable("an answer that is not Slack's")),
            (429, 30, "", .rateLimited(.seconds(30))), (429, 0, "{}", .rateLimited(.zero)),
            (429, nil, "", .rateLimited(ScoreLimits.slackRetryAfter)),
            (429, 9_999_999_999, "", .rateLimited(ScoreLimits.slackRetryAfterMost)),
            (429, 9_223_372_036_854_775_807, "", .rateLimited(ScoreLimits.slackRetryAfterMost)),
            (500, nil, "", .unavailable("HTTP 500")), (503, 5, #"{"ok":true}"#, .unavailable("HTTP 503")),
            (408, nil, "", .unavailable("HTTP 408")),
            (404, nil, "", .refused("HTTP 404")), (302, nil, "", .refused("HTTP 302")),
            (401, nil, #"{"ok":true}"#, .refused("HTTP 401")),
        ] as [(Int, Int64?, String, SlackOutcome)])
    func readsTheAnswer(status: Int, retryAfter: Int64?, body: String, outcome: SlackOutcome) {
        let read = SlackOutcome(status: status, retryAfter: retryAfter.map { .seconds($0) }, body: [UInt8](body).span)
        #expect(read == outcome)
    }

    @Test(arguments: [
        (#"{"ok":true,"message":{"text":"aaa"#, SlackOutcome.posted), (#"{"ok":true"#, .posted),
        (#"{"ok":false,"error":"msg_too_long","response"#, .unpostable("msg_too_long")),
        (#"{"message":"aaa"#, .unavailable("an answer that is not Slack's")),
        (#"{"ok":tr"#, .unavailable("an answer that is not Slack's")),
        (#"{"ok":true,]"#, .unavailable("an answer that is not Slack's")),
    ])
    func ofAnAnswerThatIsCutWhatCameCounts(body: String, outcome: SlackOutcome) {
        #expect(SlackOutcome(status: 200, retryAfter: nil, body: [UInt8](body).span, isCut: true) == outcome)
    }
}
