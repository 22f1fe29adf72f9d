/// How scores stand in a log, and so on the wire.
enum FeedForm: Sendable {
    /// WebSocket frames, one a score.
    case frames
    /// Server-Sent Events, one a score.
    case events
}
