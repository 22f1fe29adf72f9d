import Bytes
import Scores
import WebSocket

/// Scores of one turn as finished WebSocket frames: encoded once, then shared by all reactors. Immutable.
final class FeedBatch: Sendable {
    struct Entry: Sendable {
        let id: Int64
        let length: Int
    }

    let bytes: [UInt8]
    let entries: [Entry]

    init(_ scores: [Score]) {
        var frames = ByteBuffer(capacity: 128 * scores.count)
        var payload = ByteBuffer(capacity: 256)
        var entries: [Entry] = []
        entries.reserveCapacity(scores.count)
        for score in scores {
            payload.removeAll()
            ScoreEncoder.append(score, to: &payload)
            let before = frames.count
            FrameEncoder.append(text: payload.bytes, to: &frames)
            entries.append(Entry(id: score.id ?? 0, length: frames.count - before))
        }
        bytes = frames.bytes.copied
        self.entries = entries
    }
}
