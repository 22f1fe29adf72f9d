import JSON

/// Why something that arrived as a score is none. It breaks nothing: it is logged, counted and passed over.
public enum ScoreError: Error, Equatable, Sendable {
    public enum Member: UInt8, Sendable {
        case id, user, score, createdAt
    }

    /// No JSON, or text that stands for none; offsets count from the start of the message, the line or the answer.
    case json(JSONError)
    /// JSON, but no object.
    case notAnObject
    /// `user` and `score` must be there.
    case missing(Member)
    /// Of another type, or nothing that the table could hold.
    case invalid(Member)
    case duplicate(Member)
    /// More than `ScoreLimits.elementBytes`.
    case tooLong
}
