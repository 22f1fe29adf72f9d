import Bytes
import JSON

/// A score that a client wants stored, judged: the body of `POST /scores`.
///
///     {"user":"ada","score":3}
///
/// It owns nothing: the name stays where it is in the body until `WriteBatch` takes it.
public struct ScoreSubmission: Equatable, Sendable {
    /// 1…255 characters of text without U+0000.
    public let user: JSONString
    public let score: Int32

    /// Judges a whole body. Members that are not ours are ignored, whatever they hold.
    /// - Throws: status 400 when the body is not JSON, else 422 naming every member that is missing, wrong, out of
    ///   range or given twice.
    public static func parse(_ body: Span<UInt8>) throws(Problem) -> ScoreSubmission {
        var reader = JSONReader(body)
        var draft = Draft()
        do throws(JSONError) {
            let value = try reader.value()
            if case .object = value {
                try draft.read(&reader, of: body)
            } else {
                draft.faults = .noObject
                try reader.skip(value)
            }
            try reader.end()
        } catch {
            throw Problem(notJSON: error)
        }
        guard draft.faults.isEmpty, let user = draft.user, let score = draft.score else { throw draft.faults.problem }
        return ScoreSubmission(user: user, score: score)
    }

    /// What was found so far. The whole body is read even when a member is wrong: no JSON at all comes first (400), and
    /// the answer names all that is wrong, not the first.
    private struct Draft {
        var user: JSONString?
        var score: Int32?
        var faults: SubmissionFaults = []
        private var hasUser = false
        private var hasScore = false

        mutating func read(_ reader: inout JSONReader, of body: Span<UInt8>) throws(JSONError) {
            while let name = try reader.member() {
                let value = try reader.value()
                if name.equals("user", in: body) {
                    if hasUser { faults.insert(.userTwice) } else { judge(user: value, in: body) }
                    hasUser = true
                } else if name.equals("score", in: body) {
                    if hasScore { faults.insert(.scoreTwice) } else { judge(score: value) }
                    hasScore = true
                }
                try reader.skip(value)
            }
            if !hasUser { faults.insert(.userMissing) }
            if !hasScore { faults.insert(.scoreMissing) }
        }

        private mutating func judge(user value: JSONValue, in body: Span<UInt8>) {
            guard case .string(let string) = value else {
                faults.insert(.userNoString)
                return
            }
            if string.contents.contains(.nul) { faults.insert(.userWithNUL) }
            if string.contents.contains(.loneSurrogate) { faults.insert(.userNoText) }
            switch string.characterCount(in: body) {
            case 0: faults.insert(.userEmpty)
            case ...ScoreLimits.userCharacters: user = string
            default: faults.insert(.userTooLong)
            }
        }

        private mutating func judge(score value: JSONValue) {
            switch value {
            case .number(.integer(let integer)):
                score = Int32(exactly: integer)
                if score == nil { faults.insert(.scoreOutOfRange) }
            case .number(.oversized): faults.insert(.scoreOutOfRange)
            default: faults.insert(.scoreNoInteger)
            }
        }
    }
}

extension Problem {
    /// 400: the body is not JSON. The location is the offset of the fault in bytes, as FastAPI names it.
    init(notJSON error: JSONError) {
        self.init(
            status: 400, title: "Bad Request", detail: "not JSON at byte \(error.offset): \(error.message)",
            faults: [Fault(["body", .index(error.offset)], "\(error.message)", type: "json_invalid")])
    }
}
