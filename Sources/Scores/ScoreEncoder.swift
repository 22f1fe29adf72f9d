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
        // Room for everything but escapes, so that the pieces below never grow the buffer one by one.
        output.reserve(128 + user.count)
        if let id {
            output.append("{\"id\":")
            output.append(decimal: id)
            output.append(",\"user\":")
        } else {
            output.append("{\"user\":")
        }
        output.append(jsonString: user)
        output.append(",\"score\":")
        output.append(decimal: Int64(score))
        if let createdAt {
            output.append(",\"created_at\":\"")
            output.append(rfc3339: createdAt)
            output.append("\"}")
        } else {
            output.append(UInt8(ascii: "}"))
        }
    }
}
