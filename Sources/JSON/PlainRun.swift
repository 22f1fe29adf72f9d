extension Span where Element == UInt8 {
    /// The offset, at or after `start`, of the first byte that ends a run of plain ASCII inside a JSON string: a quote, a
    /// backslash, a control character, or a byte over 0x7F; `count` when there is none.
    func firstSpecial(from start: Int) -> Int {
        firstIndex(from: start, flagging: 0x8080_8080_8080_8080)
    }

    /// The same where well-formed UTF-8 passes as it is, as in writing and in looking for the end of a string: a quote, a
    /// backslash or a control character.
    public func firstToEscape(from start: Int) -> Int {
        firstIndex(from: start, flagging: 0)
    }

    /// Eight bytes at once. The top bit of a byte in `found` is set when that byte is special; a borrow may set it falsely,
    /// but only above a byte that is truly special, and the lowest one counts.
    @inline(__always) private func firstIndex(from start: Int, flagging highBits: UInt64) -> Int {
        withUnsafeBytes { bytes in
            var index = start
            while index &+ 8 <= bytes.count {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                let quote = word ^ 0x2222_2222_2222_2222
                let backslash = word ^ 0x5C5C_5C5C_5C5C_5C5C
                let ones: UInt64 = 0x0101_0101_0101_0101
                let below = (word &- 0x2020_2020_2020_2020) & ~word
                let found =
                    (below | ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)) & 0x8080_8080_8080_8080
                    | word & highBits
                if found != 0 { return index &+ found.trailingZeroBitCount / 8 }
                index &+= 8
            }
            while index < bytes.count {
                let byte = bytes[index]
                if byte < 0x20 || byte == 0x22 || byte == 0x5C || (highBits != 0 && byte >= 0x80) { return index }
                index &+= 1
            }
            return index
        }
    }
}
