import Bytes

/// The date format of HTTP, IMF-fixdate (RFC 9110 §5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`, always 29 bytes.
public enum HTTPDate {
    /// - Parameter unixSeconds: since 1970-01-01T00:00:00Z; held within the years 1970 to 9999, which are all it can show.
    public static func format(unixSeconds: Int64) -> InlineArray<29, UInt8> {
        let seconds = min(max(unixSeconds, 0), 253_402_300_799)
        let day = seconds / 86_400
        let second = Int(seconds % 86_400)
        let date = CivilDate(daysSince1970: day)
        // 1970-01-01 was a Thursday.
        let weekday = Int((day + 4) % 7)
        let weekdays: StaticString = "SunMonTueWedThuFriSat"
        let months: StaticString = "JanFebMarAprMayJunJulAugSepOctNovDec"
        var text = InlineArray<29, UInt8>(repeating: Octet.space)
        for index in 0..<3 {
            text[index] = weekdays.utf8Start[3 * weekday + index]
            text[8 + index] = months.utf8Start[3 * Int(date.month - 1) + index]
            text[26 + index] = ("GMT" as StaticString).utf8Start[index]
        }
        text[3] = UInt8(ascii: ",")
        write(Int(date.day), at: 5, &text)
        write(Int(date.year / 100), at: 12, &text)
        write(Int(date.year % 100), at: 14, &text)
        write(second / 3600, at: 17, &text)
        text[19] = UInt8(ascii: ":")
        write(second / 60 % 60, at: 20, &text)
        text[22] = UInt8(ascii: ":")
        write(second % 60, at: 23, &text)
        return text
    }

    private static func write(_ value: Int, at offset: Int, _ text: inout InlineArray<29, UInt8>) {
        text[offset] = UInt8(truncatingIfNeeded: 0x30 + value / 10)
        text[offset + 1] = UInt8(truncatingIfNeeded: 0x30 + value % 10)
    }
}

/// The `Date` field line of all responses of one second (RFC 9110 §6.6.1), formatted once.
public struct DateField: Sendable {
    public private(set) var unixSeconds: Int64
    @usableFromInline var line: InlineArray<37, UInt8>

    public init(unixSeconds: Int64) {
        self.unixSeconds = unixSeconds
        line = Self.format(unixSeconds)
    }

    /// Call it once a turn; does nothing while the second is the same.
    public mutating func update(unixSeconds: Int64) {
        guard unixSeconds != self.unixSeconds else { return }
        self.unixSeconds = unixSeconds
        line = Self.format(unixSeconds)
    }

    /// Appends `Date: … CR LF`.
    @inlinable public func append(to buffer: inout ByteBuffer) {
        buffer.append(line.span)
    }

    private static func format(_ unixSeconds: Int64) -> InlineArray<37, UInt8> {
        let date = HTTPDate.format(unixSeconds: unixSeconds)
        let name: StaticString = "Date: "
        var line = InlineArray<37, UInt8>(repeating: 0)
        for index in 0..<6 { line[index] = name.utf8Start[index] }
        for index in 0..<29 { line[6 + index] = date[index] }
        line[35] = Octet.carriageReturn
        line[36] = Octet.lineFeed
        return line
    }
}
