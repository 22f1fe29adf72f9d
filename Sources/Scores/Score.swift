/// One score, as far as it is known.
///
/// Services that were there before ours publish scores without `id`, and answer with scores without `created_at`. What is
/// unknown is nil and stays out of everything that is written: it is never invented.
public struct Score: Equatable, Sendable {
    public var id: Int64?
    /// Well-formed UTF-8, at most `ScoreLimits.userCharacters` characters. Bytes and not a String: two names that look
    /// alike but are written differently are two users to the database, and to `==`.
    public var user: [UInt8]
    public var score: Int32
    public var createdAt: Timestamp?

    public init(id: Int64?, user: [UInt8], score: Int32, createdAt: Timestamp?) {
        self.id = id
        self.user = user
        self.score = score
        self.createdAt = createdAt
    }
}
