import Bytes
import JSON

/// Reads one score as services write it, ours or the replaced ones: members in any order, others ignored; `id` and
/// `created_at` may be absent or null, which means unknown.
///
/// It takes what the table can hold, which is more than a client may submit: an old row may have an empty name.
public enum ScoreDecoder {
    public static func decode(_ text: Span<UInt8>) throws(ScoreError) -> Score {
        guard text.count <= ScoreLimits.elementBytes else { throw .tooLong }
        var reader = JSONReader(text)
        var draft = Draft()
        do throws(JSONError) {
            let value = try reader.value()
            if case .object = value {
                try draft.read(&reader, of: text)
            } else {
                draft.error = .notAnObject
                try reader.skip(value)
            }
            try reader.end()
        } catch {
            throw .json(error)
        }
        if let error = draft.error { throw error }
        guard let user = draft.user else { throw .missing(.user) }
        guard let score = draft.score else { throw .missing(.score) }
        return Score(id: draft.id, user: user, score: score, createdAt: draft.createdAt)
    }

    /// What was found so far, and the first fault; that the text is no JSON at all comes before it.
    private struct Draft {
        var id: Int64?
        var user: [UInt8]?
        var score: Int32?
        var createdAt: Timestamp?
        var error: ScoreError?
        private var seen: UInt8 = 0

        mutating func read(_ reader: inout JSONReader, of text: Span<UInt8>) throws(JSONError) {
            while let name = try reader.member() {
                let value = try reader.value()
                if let member = Self.member(name, in: text), error == nil { take(member, value, in: text) }
                try reader.skip(value)
            }
        }

        private static func member(_ name: JSONString, in text: Span<UInt8>) -> ScoreError.Member? {
            if name.equals("user", in: text) { return .user }
            if name.equals("score", in: text) { return .score }
            if name.equals("id", in: text) { return .id }
            if name.equals("created_at", in: text) { return .createdAt }
            return nil
        }

        private mutating func take(_ member: ScoreError.Member, _ value: JSONValue, in text: Span<UInt8>) {
            let bit: UInt8 = 1 << member.rawValue
            guard seen & bit == 0 else {
                error = .duplicate(member)
                return
            }
            seen |= bit
            let isValid: Bool
            switch member {
            case .id:
                id = Self.id(value)
                isValid = id != nil || value == .null
            case .user:
                user = Self.user(value, in: text)
                isValid = user != nil
            case .score:
                score = Self.score(value)
                isValid = score != nil
            case .createdAt:
                createdAt = Self.createdAt(value, in: text)
                isValid = createdAt != nil || value == .null
            }
            if !isValid { error = .invalid(member) }
        }

        private static func user(_ value: JSONValue, in text: Span<UInt8>) -> [UInt8]? {
            guard case .string(let string) = value, !string.contents.contains(.nul),
                string.characterCount(in: text) <= ScoreLimits.userCharacters
            else { return nil }
            var user: [UInt8] = []
            // Fails for half of a surrogate pair only.
            guard (try? string.decode(from: text, to: &user)) != nil else { return nil }
            return user
        }

        private static func score(_ value: JSONValue) -> Int32? {
            guard case .number(.integer(let integer)) = value else { return nil }
            return Int32(exactly: integer)
        }

        private static func id(_ value: JSONValue) -> Int64? {
            guard case .number(.integer(let id)) = value, id >= 0 else { return nil }
            return id
        }

        private static func createdAt(_ value: JSONValue, in text: Span<UInt8>) -> Timestamp? {
            guard case .string(let string) = value, !string.contents.contains(.escapes) else { return nil }
            return Timestamp(rfc3339: text.extracting(string.range))
        }
    }
}
