/// What a parser said, as one number (FNV-1a): two ways to feed it can be compared without keeping what came out.
struct Digest {
    private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func add(_ byte: UInt8) {
        value = (value ^ UInt64(byte)) &* 0x100_0000_01b3
    }

    mutating func add(_ number: Int) {
        for shift in 0..<8 { add(UInt8(truncatingIfNeeded: number >> (8 * shift))) }
    }

    /// The bytes of a range that has to lie within them.
    mutating func add(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "a range outside the bytes")
        add(range.count)
        for index in range { add(bytes[index]) }
    }

    mutating func add(_ bytes: Span<UInt8>, _ range: Range<Int>?) {
        if let range { add(bytes, range) } else { add(-1) }
    }
}
