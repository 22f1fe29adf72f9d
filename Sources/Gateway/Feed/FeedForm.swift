/// How scores stand in a log, and so on the wire.
enum FeedForm: Sendable {
    /// WebSocket frames, one a score.
    case frames
    /// The same, compressed where that is worth it and somebody reads it (`FeedBatch`).
    case deflatedFrames
    /// Server-Sent Events, one a score.
    case events
}
