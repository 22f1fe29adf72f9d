import Bytes
import Scores
import WebSocket

/// Scores of one turn, finished in both forms: encoded once, then shared by all reactors. Immutable.
final class FeedBatch: Sendable {
    struct Entry: Sendable {
        /// The score's id, or 0 when it has none (scores of other publishers).
        let id: Int64
        /// Of its WebSocket frame, and of its event, in bytes.
        let frame: Int
        let event: Int
        let way: FeedItem.Way
        let seen: Instant
    }

    let frames: [UInt8]
    let events: [UInt8]
    let entries: [Entry]

    init(_ items: [FeedItem]) {
        var frames = ByteBuffer(capacity: 128 * items.count)
        var events = ByteBuffer(capacity: 144 * items.count)
        var payload = ByteBuffer(capacity: 256)
        var entries: [Entry] = []
        entries.reserveCapacity(items.count)
        for item in items {
            let (frame, event) = (frames.count, events.count)
            payload.removeAll()
            ScoreEncoder.append(item.score, to: &payload)
            FeedBatch.append(payload.bytes, item.score.id, .frames, to: &frames)
            FeedBatch.append(payload.bytes, item.score.id, .events, to: &events)
            entries.append(
                Entry(
                    id: item.score.id ?? 0, frame: frames.count - frame, event: events.count - event, way: item.way,
                    seen: item.seen))
        }
        self.frames = frames.bytes.copied
        self.events = events.bytes.copied
        self.entries = entries
    }

    /// Scores that go to one subscriber.
    static func encode(_ scores: ArraySlice<Score>, _ form: FeedForm) -> ByteBuffer {
        var output = ByteBuffer(capacity: 144 * scores.count)
        var payload = ByteBuffer(capacity: 256)
        for score in scores {
            payload.removeAll()
            ScoreEncoder.append(score, to: &payload)
            append(payload.bytes, score.id, form, to: &output)
        }
        return output
    }

    /// The JSON object of a score has no line break in it, so an event's data is one line. Without an id a browser keeps the
    /// one it has.
    private static func append(_ json: Span<UInt8>, _ id: Int64?, _ form: FeedForm, to output: inout ByteBuffer) {
        switch form {
        case .frames: FrameEncoder.append(text: json, to: &output)
        case .events:
            if let id {
                output.append("id: ")
                output.append(decimal: id)
                output.append("\n")
            }
            output.append("data: ")
            output.append(json)
            output.append("\n\n")
        }
    }
}
