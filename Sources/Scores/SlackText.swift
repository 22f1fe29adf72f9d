import Bytes
import JSON

/// What is posted for a score: `:tada: ada just scored 3 points`.
public enum SlackText {
    /// Appends the body of `chat.postMessage`: `{"channel":"#scores","text":":tada: …"}`.
    public static func appendBody(channel: String, text: [UInt8], to output: inout ByteBuffer) {
        output.append("{\"channel\":")
        output.append(jsonString: channel)
        output.append(",\"text\":")
        output.append(jsonString: text)
        output.append(UInt8(ascii: "}"))
    }

    /// One line of text in Slack's markup. A digest is several of them.
    ///
    /// `&`, `<` and `>` in the name become entities, so that no name can mention a channel or a person (Slack,
    /// "Escaping text"); control characters and Unicode's own line breaks become blanks, so that no name can begin a
    /// line of its own. A name that would go beyond the limit is cut.
    /// - Parameter limit: characters of the line, at least 64.
    public static func line(for score: Score, within limit: Int = ScoreLimits.slackText) -> [UInt8] {
        let end = Array((score.score == 1 ? " just scored 1 point" : " just scored \(score.score) points").utf8)
        var line = Array(":tada: ".utf8)
        var room = limit - line.count - end.count - 1
        var index = 0
        while index < score.user.count {
            let length = lineBreak(in: score.user, at: index)
            let byte = length > 0 ? UInt8(ascii: " ") : score.user[index]
            index += max(1, length)
            let isContinuation = byte & 0xC0 == 0x80
            let before = line.count
            switch byte {
            case UInt8(ascii: "&"): line += Array("&amp;".utf8)
            case UInt8(ascii: "<"): line += Array("&lt;".utf8)
            case UInt8(ascii: ">"): line += Array("&gt;".utf8)
            default: line.append(byte)
            }
            room -= isContinuation ? 0 : line.count - before
            guard room >= 0 else {
                line.removeSubrange(before...)
                line += Array("…".utf8)
                break
            }
        }
        return line + end
    }

    /// How many characters a text has, as PostgreSQL and Slack count them: Unicode scalar values.
    static func characters(in text: [UInt8]) -> Int {
        text.count { $0 & 0xC0 != 0x80 }
    }

    /// Bytes of the control character or line break that stands here; 0: something else does. Beyond ASCII these are
    /// U+0080…U+009F (U+0085 is "next line"), and U+2028 and U+2029, the separators of lines and paragraphs.
    private static func lineBreak(in text: [UInt8], at index: Int) -> Int {
        switch text[index] {
        case 0x00..<0x20, 0x7F: return 1
        case 0xC2: return index + 1 < text.count && text[index + 1] < 0xA0 ? 2 : 0
        case 0xE2:
            guard index + 2 < text.count, text[index + 1] == 0x80 else { return 0 }
            return text[index + 2] == 0xA8 || text[index + 2] == 0xA9 ? 3 : 0
        default: return 0
        }
    }
}
