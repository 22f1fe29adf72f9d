import Bytes
import JSON

/// What is posted for a score: `:tada: ada just scored 3 points`.
public enum SlackText {
    /// Appends the body of `chat.postMessage`: `{"channel":"#scores","text":":tada: …"}`.
    public static func appendBody(channel: String, score: Score, to output: inout ByteBuffer) {
        output.append("{\"channel\":")
        output.append(jsonString: channel)
        output.append(",\"text\":")
        output.append(jsonString: line(for: score))
        output.append(UInt8(ascii: "}"))
    }

    /// One line of text in Slack's markup. A digest is several of them.
    ///
    /// `&`, `<` and `>` in the name become entities, so that no name can mention a channel or a person (Slack,
    /// "Escaping text"); control characters become blanks, so that no name can begin a line of its own. A name that
    /// would go beyond Slack's limit is cut.
    public static func line(for score: Score) -> [UInt8] {
        let end = Array((score.score == 1 ? " just scored 1 point" : " just scored \(score.score) points").utf8)
        var line = Array(":tada: ".utf8)
        var room = ScoreLimits.slackText - line.count - end.count - 1
        for byte in score.user {
            let isContinuation = byte & 0xC0 == 0x80
            let before = line.count
            switch byte {
            case UInt8(ascii: "&"): line += Array("&amp;".utf8)
            case UInt8(ascii: "<"): line += Array("&lt;".utf8)
            case UInt8(ascii: ">"): line += Array("&gt;".utf8)
            case 0x00..<0x20, 0x7F: line.append(UInt8(ascii: " "))
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
}
