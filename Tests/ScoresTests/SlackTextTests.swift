import Bytes
import Scores
import Testing

@Suite struct SlackTextTests {
    @Test(
        arguments: [
            ("ada", 3, ":tada: ada just scored 3 points"), ("ada", 1, ":tada: ada just scored 1 point"),
            ("ada", 0, ":tada: ada just scored 0 points"), ("ada", -1, ":tada: ada just scored -1 points"),
            ("Jörgen 😀", .min, ":tada: Jörgen 😀 just scored -2147483648 points"),
            ("<!channel> & <@U1>", 2, ":tada: &lt;!channel&gt; &amp; &lt;@U1&gt; just scored 2 points"),
            ("&amp;", 2, ":tada: &amp;amp; just scored 2 points"),
            ("a\n:tada: bob\t\u{7F}", 2, ":tada: a :tada: bob   just scored 2 points"),
            ("a\u{85}:tada: b\u{2028}c\u{2029}d\u{9F}", 2, ":tada: a :tada: b c d  just scored 2 points"),
            ("\u{A0}¢\u{2026}€\u{E2}", 2, ":tada: \u{A0}¢\u{2026}€\u{E2} just scored 2 points"),
            ("", 2, ":tada:  just scored 2 points"),
        ] as [(String, Int32, String)])
    func saysWhoScored(user: String, score: Int32, text: String) {
        let line = SlackText.line(for: Score(id: nil, user: [UInt8](user), score: score, createdAt: nil))
        #expect(String(decoding: line, as: UTF8.self) == text)
    }

    @Test func isABodyOfChatPostMessage() {
        var buffer = ByteBuffer()
        let line = SlackText.line(for: Score(id: 7, user: [UInt8](#"a"b\"#), score: 3, createdAt: nil))
        SlackText.appendBody(channel: "#scores", text: line + [UInt8]("\nand 2 more"), to: &buffer)
        let body = buffer.bytes.text
        #expect(body == ##"{"channel":"#scores","text":":tada: a\"b\\ just scored 3 points\nand 2 more"}"##)
    }

    @Test(arguments: ["a", "é", "😀", "&", "<"])
    func staysWithinSlacksLimit(character: String) throws {
        for count in [255, 700, 3_960, 3_970, 3_980, 20_000] {
            let user = [UInt8](String(repeating: character, count: count))
            let line = SlackText.line(for: Score(id: nil, user: user, score: .min, createdAt: nil))
            let text = try #require(String(validating: line, as: UTF8.self))
            #expect(text.unicodeScalars.count <= ScoreLimits.slackText)
            #expect(text.hasSuffix(" just scored -2147483648 points"))
            let isCut = text.contains("…")
            #expect(isCut == (count > 3_960 || (count > 700 && "&<".contains(character))), "\(count)")
            if isCut { #expect(text.unicodeScalars.count > ScoreLimits.slackText - 5) }
        }
    }
}
