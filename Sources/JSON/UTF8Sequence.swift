extension Span where Element == UInt8 {
    /// How long the well-formed UTF-8 sequence that starts at `index` is (1…4), or nil when there is none.
    ///
    /// RFC 3629, section 4:
    ///
    ///     00–7F
    ///     C2–DF  80–BF
    ///     E0     A0–BF  80–BF            below A0: overlong
    ///     E1–EF  80–BF  80–BF            ED 80–9F only: above are the surrogates
    ///     F0     90–BF  80–BF  80–BF     below 90: overlong
    ///     F1–F4  80–BF  80–BF  80–BF     F4 80–8F only: above is nothing
    public func utf8SequenceLength(at index: Int) -> Int? {
        let lead = self[index]
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0x00...0x7F: return 1
        case 0xC2...0xDF: length = 2
        case 0xE0...0xEF:
            length = 3
            if lead == 0xE0 { second = 0xA0...0xBF }
            if lead == 0xED { second = 0x80...0x9F }
        case 0xF0...0xF4:
            length = 4
            if lead == 0xF0 { second = 0x90...0xBF }
            if lead == 0xF4 { second = 0x80...0x8F }
        default: return nil
        }
        guard count - index >= length, second.contains(self[index + 1]) else { return nil }
        for next in (index + 2)..<max(index + 2, index + length) where self[next] & 0xC0 != 0x80 { return nil }
        return length
    }

    /// How many Unicode scalar values the bytes hold, or nil when they are not UTF-8.
    /// It is the length that PostgreSQL counts for `varchar(n)`.
    public var utf8CharacterCount: Int? {
        var index = 0
        var characters = 0
        while index < count {
            guard let length = utf8SequenceLength(at: index) else { return nil }
            index += length
            characters += 1
        }
        return characters
    }
}
