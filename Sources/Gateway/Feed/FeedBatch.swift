import Bytes
import Scores
import WebSocket

/// Scores of one turn, finished in every form: encoded once, then shared by all reactors. Immutable.
///
/// Compressed frames are made only while somebody reads them, and only of scores that become shorter by it, which few
/// do (a name has to be long); the log of compressed frames takes the plain one of every other.
final class FeedBatch: Sendable {
    struct Entry: Sendable {
        /// The score's id, or 0 when it has none (scores of other publishers).
        let id: Int64
        /// Of its WebSocket frame, and of its event, in bytes.
        let frame: Int
        let event: Int
        /// The same of its compressed frame; 0 when there is none.
        let deflated: Int
        let way: FeedItem.Way
        let seen: Instant
    }

    let frames: [UInt8]
    let deflated: [UInt8]
    let events: [UInt8]
    let entries: [Entry]

    /// - Parameter deflater: nil when nobody reads compressed frames.
    init(_ items: [FeedItem], compressedBy deflater: Deflater?) {
        var frames = ByteBuffer(capacity: 128 * items.count)
        var deflated = ByteBuffer()
        var events = ByteBuffer(capacity: 144 * items.count)
        var payload = ByteBuffer(capacity: 256)
        var entries: [Entry] = []
        entries.reserveCapacity(items.count)
        for item in items {
            let (frame, compressed, event) = (frames.count, deflated.count, events.count)
            payload.removeAll()
            ScoreEncoder.append(item.score, to: &payload)
            FeedBatch.append(payload.bytes, item.score.id, .frames, to: &frames)
            FeedBatch.append(payload.bytes, item.isLate ? nil : item.score.id, .events, to: &events)
            if let deflater {
                _ = FrameEncoder.append(.text, payload.bytes, compressedBy: deflater, to: &deflated)
            }
            entries.append(
                Entry(
                    id: item.id ?? 0, frame: frames.count - frame, event: events.count - event,
                    deflated: deflated.count - compressed, way: item.way, seen: item.seen))
        }
        self.frames = frames.bytes.copied
        self.deflated = deflated.bytes.copied
        self.events = events.bytes.copied
        self.entries = entries
    }

    /// Gives each score in that form.
    /// - Parameter body: says whether it took it.
    /// - Returns: how many were taken.
    func forEach(_ form: FeedForm, _ body: (UnsafeRawBufferPointer, Entry) -> Bool) -> UInt64 {
        var taken: UInt64 = 0
        frames.withUnsafeBytes { frames in
            deflated.withUnsafeBytes { deflated in
                events.withUnsafeBytes { events in
                    var (frame, compressed, event) = (0, 0, 0)
                    for entry in entries {
                        let bytes =
                            switch form {
                            case .deflatedFrames where entry.deflated > 0:
                                deflated[compressed..<compressed + entry.deflated]
                            case .frames, .deflatedFrames: frames[frame..<frame + entry.frame]
                            case .events: events[event..<event + entry.event]
                            }
                        if body(UnsafeRawBufferPointer(rebasing: bytes), entry) { taken &+= 1 }
                        frame += entry.frame
                        compressed += entry.deflated
                        event += entry.event
                    }
                }
            }
        }
        return taken
    }

    /// Scores that go to one subscriber. Nobody else shares them, so that they are not compressed.
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
    /// one it has: with one that it cannot ask for (below 1) it would not come again, and with that of a late score it would
    /// be given all above it once more, for it comes again behind the last id, and the feed is resumed behind the highest.
    private static func append(_ json: Span<UInt8>, _ id: Int64?, _ form: FeedForm, to output: inout ByteBuffer) {
        switch form {
        case .frames, .deflatedFrames: FrameEncoder.append(text: json, to: &output)
        case .events:
            if let id, id > 0 {
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
