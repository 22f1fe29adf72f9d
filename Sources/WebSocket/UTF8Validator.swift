/// Checks a text that comes in pieces, and fails at the very byte that cannot belong to UTF-8 any more: overlong
/// forms, surrogates and what lies beyond U+10FFFF are known from the second byte (RFC 3629, 4; Unicode 3.9, table 3-7).
///
///     first byte   bytes that follow   the next one must be in
///     00…7F        0
///     C2…DF        1                   80…BF
///     E0           2                   A0…BF   (else overlong)
///     E1…EC EE EF  2                   80…BF
///     ED           2                   80…9F   (else a surrogate)
///     F0           3                   90…BF   (else overlong)
///     F1…F3        3                   80…BF
///     F4           3                   80…8F   (else beyond U+10FFFF)
public struct UTF8Validator: Equatable, Sendable {
    /// How many bytes of the code point under way are missing.
    private var missing: UInt8 = 0
    /// What the next of them may be.
    private var lowest: UInt8 = 0x80
    private var highest: UInt8 = 0xBF

    public init() {}

    /// Whether the text so far ends where a code point ends.
    public var isComplete: Bool { missing == 0 }

    /// Takes the next piece of the text.
    /// - Returns: false if the text is not UTF-8 whatever follows; the validator is of no use then.
    public mutating func validate(_ bytes: Span<UInt8>) -> Bool {
        bytes.withUnsafeBytes { validate($0) }
    }

    private mutating func validate(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress else { return true }
        let count = bytes.count
        var index = 0
        while true {
            if missing == 0 {
                while index &+ 8 <= count {
                    let word = base.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                    if word & 0x8080_8080_8080_8080 != 0 { break }
                    index &+= 8
                }
            }
            if index == count { return true }
            let byte = base.load(fromByteOffset: index, as: UInt8.self)
            index &+= 1
            if missing == 0 {
                if byte < 0x80 { continue }
                guard begin(byte) else { return false }
            } else {
                guard byte >= lowest, byte <= highest else { return false }
                missing &-= 1
                lowest = 0x80
                highest = 0xBF
            }
        }
    }

    /// The first byte of a code point of two or more.
    @inline(__always) private mutating func begin(_ byte: UInt8) -> Bool {
        switch byte {
        case 0xC2...0xDF:
            missing = 1
        case 0xE0...0xEF:
            missing = 2
            if byte == 0xE0 { lowest = 0xA0 }
            if byte == 0xED { highest = 0x9F }
        case 0xF0...0xF4:
            missing = 3
            if byte == 0xF0 { lowest = 0x90 }
            if byte == 0xF4 { highest = 0x8F }
        default:
            return false
        }
        return true
    }
}
