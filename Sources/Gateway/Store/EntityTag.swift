import Bytes

/// Entity tags of our answers: the hash of the body in hexadecimal (RFC 9110 section 8.8.3).
enum EntityTag {
    /// A strong validator of a body: it needs to differ when the bytes do, not to withstand an attacker. FNV-1a over words
    /// instead of bytes, as a page of scores is some kilobytes long and every byte's multiplication waits for the last
    /// one; what a word's high bits say is folded down, for FNV carries it up only.
    static func hash(_ body: Span<UInt8>) -> UInt64 {
        body.withUnsafeBytes { bytes in
            var hash: UInt64 = 0xcbf2_9ce4_8422_2325
            var index = 0
            while index &+ 8 <= bytes.count {
                hash = mixed(hash, bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                index &+= 8
            }
            var rest: UInt64 = 0
            while index < bytes.count {
                rest = rest << 8 | UInt64(bytes[index])
                index &+= 1
            }
            return mixed(mixed(hash, rest), UInt64(bytes.count))
        }
    }

    @inline(__always) private static func mixed(_ hash: UInt64, _ word: UInt64) -> UInt64 {
        let product = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
        return product ^ product >> 32
    }

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
