import Bytes

/// Walks over the `name=value` pairs of a query, decoding them into the caller's buffer.
///
///     var query = QueryParser(range)
///     while let pair = try query.next(bytes, into: &scratch) { … scratch.bytes.extracting(pair.name) … }
public struct QueryParser {
    /// Offsets into the readable bytes of the buffer. Valid until the next pair.
    public struct Pair: Equatable, Sendable {
        public let name: Range<Int>
        /// Empty when there is no "=".
        public let value: Range<Int>
    }

    private var position: Int
    private let end: Int

    /// - Parameter query: the `query` of a head.
    public init(_ query: Range<Int>) {
        position = query.lowerBound
        end = query.upperBound
    }

    /// The next pair; nothing between two "&" is no pair.
    /// - Parameters:
    ///   - bytes: the same bytes that the head was parsed from.
    ///   - buffer: is emptied, and then holds the decoded name and value.
    public mutating func next(_ bytes: Span<UInt8>, into buffer: inout ByteBuffer) throws(HTTPError) -> Pair? {
        while position < end, bytes[position] == UInt8(ascii: "&") { position += 1 }
        guard position < end else { return nil }
        var stop = position
        var equals: Int?
        while stop < end, bytes[stop] != UInt8(ascii: "&") {
            if equals == nil, bytes[stop] == UInt8(ascii: "=") { equals = stop }
            stop += 1
        }
        defer { position = stop }
        buffer.removeAll()
        try buffer.append(percentDecoding: bytes.extracting(position..<(equals ?? stop)), plusIsSpace: true)
        let nameEnd = buffer.count
        if let equals { try buffer.append(percentDecoding: bytes.extracting(equals + 1..<stop), plusIsSpace: true) }
        return Pair(name: 0..<nameEnd, value: nameEnd..<buffer.count)
    }
}

extension ByteBuffer {
    /// Appends `bytes` with each "%41" made the byte it means (RFC 3986 §2.1). The result may be any bytes, not just UTF-8.
    /// - Parameter plusIsSpace: as in queries written by HTML forms (application/x-www-form-urlencoded).
    /// - Throws: `malformedEscape`; what was appended before it stays.
    public mutating func append(percentDecoding bytes: Span<UInt8>, plusIsSpace: Bool = false) throws(HTTPError) {
        reserve(bytes.count)
        var offset = 0
        while offset < bytes.count {
            let byte = bytes[offset]
            offset += 1
            switch byte {
            case UInt8(ascii: "%"):
                guard offset + 2 <= bytes.count, let high = bytes[offset].hexadecimalValue,
                    let low = bytes[offset + 1].hexadecimalValue
                else { throw .malformedEscape }
                append(high << 4 | low)
                offset += 2
            case UInt8(ascii: "+") where plusIsSpace:
                append(Octet.space)
            default:
                append(byte)
            }
        }
    }
}
