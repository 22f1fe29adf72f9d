import Bytes

/// Entity tags of our answers: the hash of the body in hexadecimal (RFC 9110 section 8.8.3).
enum EntityTag {
    /// Whether `If-None-Match` lists the tag, weakly compared (RFC 9110 section 13.1.2).
    /// - Parameter field: the field's value: `*`, or tags with commas between; empty when absent.
    static func isListed(_ hash: UInt64, in field: Span<UInt8>) -> Bool {
        guard field.count > 0 else { return false }
        if field.equals("*") { return true }
        var expected = ByteBuffer(capacity: 16)
        expected.append(hexadecimal: hash)
        let tag = expected.bytes
        var position = 0
        while position < field.count {
            guard let open = field.extracting(droppingFirst: position).firstIndex(of: UInt8(ascii: "\"")) else {
                return false
            }
            let start = position + open + 1
            guard let length = field.extracting(droppingFirst: start).firstIndex(of: UInt8(ascii: "\"")) else {
                return false
            }
            if length == tag.count, isSame(field.extracting(start..<start + length), tag) { return true }
            position = start + length + 1
        }
        return false
    }

    private static func isSame(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        for index in left.indices where left[index] != right[index] { return false }
        return true
    }
}
