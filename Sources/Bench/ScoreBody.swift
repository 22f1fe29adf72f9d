import Bytes

/// How the scores of one request are written.
public enum ScoreBody: String, Sendable, CaseIterable {
    /// One JSON object.
    case single
    /// A JSON array of objects.
    case array
    /// One object a line.
    case ndjson

    var mediaType: StaticString {
        switch self {
        case .single, .array: "application/json"
        case .ndjson: "application/x-ndjson"
        }
    }

    /// Appends `count` scores, which all were due at the same moment.
    /// - Parameter first: the first one's tag; the others count on from there.
    func append(_ first: ScoreTag, count: Int, to output: inout ByteBuffer) {
        precondition(count > 0 && (self != .single || count == 1), "a single score is one")
        if self == .array { output.append(UInt8(ascii: "[")) }
        var tag = first
        for index in 0..<count {
            if index > 0 { output.append(self == .array ? UInt8(ascii: ",") : UInt8(ascii: "\n")) }
            output.append("{\"user\":\"")
            tag.append(to: &output)
            output.append("\",\"score\":")
            // Some spread of values, and always three digits: all scores of a run are of one length.
            Self.append(100 + tag.serial % 900, to: &output)
            output.append("}")
            tag.serial &+= 1
        }
        if self == .array { output.append(UInt8(ascii: "]")) }
        if self == .ndjson { output.append(UInt8(ascii: "\n")) }
    }

    private static func append(_ number: UInt32, to output: inout ByteBuffer) {
        var divisor: UInt32 = 100
        while divisor > 0 {
            output.append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
            divisor /= 10
        }
    }
}
