import Bytes
import JSON

/// What the tool wants to know of a message of the feed: any JSON object, whose `id` and `user` are looked at when it
/// has them.
struct FeedMessage: Equatable, Sendable {
    var id: Int64?
    /// nil: a score of somebody else, or of an earlier run.
    var tag: ScoreTag?

    /// nil when the text is no JSON object.
    init?(_ text: Span<UInt8>, run: UInt16) {
        var reader = JSONReader(text)
        do throws(JSONError) {
            guard case .object = try reader.value() else { return nil }
            while let name = try reader.member() {
                let value = try reader.value()
                switch value {
                case .number(.integer(let number)) where name.equals("id", in: text): id = number
                case .string(let user) where name.equals("user", in: text) && !user.contents.contains(.escapes):
                    if let tag = ScoreTag(text.extracting(user.range)), tag.run == run { self.tag = tag }
                default: break
                }
                try reader.skip(value)
            }
        } catch {
            return nil
        }
    }

    /// By what the same message is known on another connection: the id when there is one, else the tool's own count,
    /// which stands below zero; nil when it has neither.
    var key: Int64? {
        id ?? tag.map { -1 - Int64($0.serial) }
    }
}
