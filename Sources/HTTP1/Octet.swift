import Bytes

/// What a byte may be part of, in the terms of the grammars of RFC 9110 §5.6.2 and RFC 9112: one table for all of them.
enum Octet {
    /// `tchar`: methods, field names, transfer codings (RFC 9110 §5.6.2).
    static let token: UInt8 = 1
    /// Visible ASCII except `?` and `#`: the request-target up to its next landmark (RFC 9112 §3.2).
    static let target: UInt8 = 2
    /// `field-vchar`, SP and HTAB; obs-text is let through as opaque data (RFC 9110 §5.5).
    static let fieldValue: UInt8 = 4
    /// The bytes of a `reg-name`, an IPv4 address among them (RFC 3986 §3.2.2).
    static let host: UInt8 = 8

    static let tab = UInt8(ascii: "\t")
    static let lineFeed = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")
    static let space = UInt8(ascii: " ")

    /// A literal, so that the compiler lays it out as constant data.
    private static let table: InlineArray<256, UInt8> = [
        0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0,  // 00
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  // 10
        4, 15, 6, 5, 15, 15, 15, 15, 14, 14, 15, 15, 14, 15, 15, 6,  // 20
        15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 14, 6, 14, 6, 4,  // 30
        6, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  // 40
        15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 6, 6, 7, 15,  // 50
        7, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  // 60
        15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 7, 6, 15, 0,  // 70
        4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,  // 80
        4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,  // 90
        4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,  // a0
        4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,  // b0
        4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,  // c0
        4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,  // d0
        4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,  // e0
        4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,  // f0
    ]

    @inline(__always) static func `is`(_ byte: UInt8, _ members: UInt8) -> Bool {
        classes(byte) & members != 0
    }

    @inline(__always) static func classes(_ byte: UInt8) -> UInt8 {
        table[Int(byte)]
    }

    @inline(__always) static func isBlank(_ byte: UInt8) -> Bool {
        byte == space || byte == tab
    }
}

extension Span where Element == UInt8 {
    /// The offset of the first byte in `start..<end` that is none of `members`, or `end`.
    @inline(__always) func end(of members: UInt8, from start: Int, to end: Int) -> Int {
        // Checked once here and not for each byte: half of a small head's cost is this loop.
        precondition(start >= 0 && end <= count)
        var offset = start
        // Four bytes a step: one branch for them.
        while offset &+ 4 <= end {
            let classes =
                unsafe Octet.classes(self[unchecked: offset]) & Octet.classes(self[unchecked: offset &+ 1])
                & Octet.classes(self[unchecked: offset &+ 2]) & Octet.classes(self[unchecked: offset &+ 3])
            if classes & members == 0 { break }
            offset &+= 4
        }
        while offset < end, Octet.is(unsafe self[unchecked: offset], members) { offset &+= 1 }
        return offset
    }

    /// The offset of the first byte in `start..<end` that may not stand in a field value, or `end`; eight bytes a step.
    func endOfFieldValue(from start: Int, to end: Int) -> Int {
        var offset = start
        while offset &+ 8 <= end {
            let word = word(at: offset)
            // Per byte the top bit is set: below 0x20; equal to 0x7f. A borrow can only come from a byte that is itself
            // a hit, so the lowest hit is exact.
            let control = (word &- 0x2020_2020_2020_2020) & ~word
            let difference = word ^ 0x7f7f_7f7f_7f7f_7f7f
            let delete = (difference &- 0x0101_0101_0101_0101) & ~difference
            let hits = (control | delete) & 0x8080_8080_8080_8080
            if hits == 0 {
                offset &+= 8
                continue
            }
            offset &+= hits.trailingZeroBitCount / 8
            guard self[offset] == Octet.tab else { return offset }
            offset &+= 1
        }
        return self.end(of: Octet.fieldValue, from: offset, to: end)
    }

    /// The eight bytes at `offset`, the first one in the lowest place.
    @inline(__always) func word(at offset: Int) -> UInt64 {
        unsafe UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// The four bytes at `offset`, the first one in the lowest place.
    @inline(__always) func halfWord(at offset: Int) -> UInt32 {
        unsafe UInt32(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    /// Whether the bytes, all of them `tchar`, are `lowercased` (at least four bytes) when case is ignored.
    ///
    /// Setting bit 5 folds the case of letters and leaves digits and `-` alone; no other `tchar` becomes one of those.
    @inline(__always) func isToken(_ lowercased: StaticString) -> Bool {
        let count = lowercased.utf8CodeUnitCount
        guard self.count == count else { return false }
        let constant = UnsafeRawPointer(lowercased.utf8Start)
        if count < 8 {
            let first = unsafe UInt32(littleEndian: constant.loadUnaligned(as: UInt32.self))
            let last = unsafe UInt32(
                littleEndian: constant.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
            return halfWord(at: 0) | 0x2020_2020 == first && halfWord(at: count - 4) | 0x2020_2020 == last
        }
        var offset = 0
        while true {
            let word = unsafe UInt64(
                littleEndian: constant.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            guard self.word(at: offset) | 0x2020_2020_2020_2020 == word else { return false }
            if offset == count - 8 { return true }
            // The last step overlaps the one before it instead of reading single bytes.
            offset = Swift.min(offset + 8, count - 8)
        }
    }

    /// `range` without the blanks at its ends (OWS, RFC 9110 §5.6.3).
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var lower = range.lowerBound
        var upper = range.upperBound
        while lower < upper, Octet.isBlank(self[lower]) { lower += 1 }
        while lower < upper, Octet.isBlank(self[upper - 1]) { upper -= 1 }
        return lower..<upper
    }
}
