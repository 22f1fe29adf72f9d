import Bytes
import JSON

/// The one form of a score on the wire, in answers, on the bus and in the feed:
///
///     {"id":7,"user":"ada","score":3,"created_at":"2026-11-22T21:00:00.123Z"}
///
/// Members in this order, no blanks, and none that is unknown.
public enum ScoreEncoder {
    public static func append(_ score: Score, to output: inout ByteBuffer) {
        append(id: score.id, user: score.user.span, score: score.score, createdAt: score.createdAt, to: &output)
    }

    /// - Parameter user: well-formed UTF-8.
    public static func append(
        id: Int64?, user: Span<UInt8>, score: Int32, createdAt: Timestamp?, to output: inout ByteBuffer
    ) {
        // One piece before the name and one behind it: what is appended is what this costs.
        output.append(atLeast: 48) { free in
            guard let id else { return free.write("{\"user\":", at: 0) }
            let end = free.write(decimal: id, at: free.write("{\"id\":", at: 0))
            return free.write(",\"user\":", at: end)
        }
        output.append(jsonString: user)
        output.append(atLeast: 80) { free in
            var end = free.write(decimal: Int64(score), at: free.write(",\"score\":", at: 0))
            guard let createdAt else { return free.write("}", at: end) }
            end = free.write(",\"created_at\":\"", at: end)
            end = createdAt.write(to: free, at: end)
            return free.write("\"}", at: end)
        }
    }
}
