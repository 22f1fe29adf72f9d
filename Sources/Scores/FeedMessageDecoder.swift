import Bytes

/// Takes a message of the exchange `scores` apart, one score after the other.
///
///     application/json       {"id":7,"user":"ada","score":3,"created_at":"…"}          one object
///     application/x-ndjson   {"id":7,…}⏎{"id":8,…}⏎                                    one object a line
///     (none)                 {"user": "J\u00f6rgen", "score": 7}                       the replaced Python publisher
///
/// Any other type is tried as one object, as the bus is ours. A line that is no score costs only itself.
public struct FeedMessageDecoder: ~Escapable {
    private let body: Span<UInt8>
    private let isLines: Bool
    private var position = 0
    /// The line that `next()` gave last, from 1; for the log.
    public private(set) var line = 0

    /// - Parameter contentType: as the message carries it, parameters and all; empty when it has none.
    @_lifetime(copy body)
    public init(contentType: Span<UInt8>, body: Span<UInt8>) {
        self.body = body
        isLines = Self.essence(of: contentType).equalsIgnoringCase("application/x-ndjson")
    }

    /// The next score or why there is none in its place; nil at the end of the message.
    public mutating func next() -> Result<Score, ScoreError>? {
        guard isLines else {
            guard line == 0 else { return nil }
            line = 1
            return Self.decode(body)
        }
        while let part = LineSplitter.next(body, from: &position) {
            line += 1
            if let text = LineSplitter.contents(of: body.extracting(part.range)) { return Self.decode(text) }
        }
        return nil
    }

    private static func decode(_ text: Span<UInt8>) -> Result<Score, ScoreError> {
        do throws(ScoreError) {
            return .success(try ScoreDecoder.decode(text))
        } catch {
            return .failure(error)
        }
    }

    /// The media type without parameters and the blanks around it (RFC 9110, section 8.3.1).
    @_lifetime(copy contentType)
    private static func essence(of contentType: Span<UInt8>) -> Span<UInt8> {
        var end = contentType.firstIndex(of: UInt8(ascii: ";")) ?? contentType.count
        var start = 0
        while start < end, contentType[start] == 0x20 || contentType[start] == 0x09 { start += 1 }
        while end > start, contentType[end - 1] == 0x20 || contentType[end - 1] == 0x09 { end -= 1 }
        return contentType.extracting(start..<end)
    }
}
