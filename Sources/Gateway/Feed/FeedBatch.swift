import Bytes
import Scores
import WebSocket

/// Scores of one turn as finished WebSocket frames: encoded once, then shared by all reactors. Immutable.
final class FeedBatch: Sendable {
    struct Entry: Sendable {
        /// The score's id, or 0 when it has none (scores of other publishers).
        let id: Int64
        let length: Int
        let way: FeedItem.Way
        let seen: Instant
    }

    let bytes: [UInt8]
    let entries: [Entry]

    init(_ items: [FeedItem]) {
        var frames = ByteBuffer(capacity: 128 * items.count)
        var payload = ByteBuffer(capacity: 256)
        var entries: [Entry] = []
        entries.reserveCapacity(items.count)
        for item in items {
            let before = frames.count
            FeedBatch.append(item.score, &payload, to: &frames)
            entries.append(
                Entry(id: item.score.id ?? 0, length: frames.count - before, way: item.way, seen: item.seen))
        }
        bytes = frames.bytes.copied
        self.entries = entries
    }

    /// The frames of scores that go to one subscriber.
    static func frames(_ scores: ArraySlice<Score>) -> ByteBuffer {
        var frames = ByteBuffer(capacity: 128 * scores.count)
        var payload = ByteBuffer(capacity: 256)
        for score in scores { append(score, &payload, to: &frames) }
        return frames
    }

    private static func append(_ score: Score, _ payload: inout ByteBuffer, to frames: inout ByteBuffer) {
        payload.removeAll()
        ScoreEncoder.append(score, to: &payload)
        FrameEncoder.append(text: payload.bytes, to: &frames)
    }
}
