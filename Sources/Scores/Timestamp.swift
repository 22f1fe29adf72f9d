import Bytes

/// A moment in UTC, to the microsecond as PostgreSQL keeps it, from year 0000 to 9999 as RFC 3339 can write it.
///
///     2026-11-22T21:00:00.123Z
///     0    5  8  11 14 17 20 23
public struct Timestamp: Comparable, Hashable, Sendable {
    /// Since 1970-01-01T00:00:00Z.
    public let microseconds: Int64

    /// - Returns: nil outside of the years 0000…9999.
    public init?(microseconds: Int64) {
        guard (-62_167_219_200_000_000..<253_402_300_800_000_000).contains(microseconds) else { return nil }
        self.microseconds = microseconds
    }

    /// - Parameter microsecondsSince2000: as a `timestamptz` is sent in binary.
    /// - Returns: nil outside of the years 0000…9999, `infinity` and `-infinity` included.
    public init?(microsecondsSince2000: Int64) {
        let (sum, overflow) = microsecondsSince2000.addingReportingOverflow(946_684_800_000_000)
        guard !overflow else { return nil }
        self.init(microseconds: sum)
    }

    /// Parses an RFC 3339 `date-time` (section 5.6): `T` and `Z` in upper case, any offset, any fraction down to
    /// nanoseconds, of which microseconds are kept. No leap second: no clock of ours produces one.
    public init?(rfc3339 text: Span<UInt8>) {
        guard text.count >= 20, text[4] == UInt8(ascii: "-"), text[7] == UInt8(ascii: "-"),
            text[10] == UInt8(ascii: "T"), text[13] == UInt8(ascii: ":"), text[16] == UInt8(ascii: ":"),
            let year = text.digits(0..<4), let month = text.digits(5..<7), let day = text.digits(8..<10),
            let hour = text.digits(11..<13), let minute = text.digits(14..<16), let second = text.digits(17..<19),
            let date = CivilDate(year: year, month: month, day: day), hour < 24, minute < 60, second < 60
        else { return nil }
        var index = 19
        var fraction: Int64 = 0
        if text[index] == UInt8(ascii: ".") {
            index += 1
            let start = index
            while index < text.count, text[index] &- 0x30 <= 9 {
                if index - start < 6 { fraction = fraction * 10 + Int64(text[index] - 0x30) }
                index += 1
            }
            guard 1...9 ~= index - start else { return nil }
            for _ in 0..<max(0, 6 - (index - start)) { fraction *= 10 }
        }
        guard let offset = Self.offsetMinutes(text.extracting(index...)) else { return nil }
        let minutes = (date.daysSince1970 * 24 + hour) * 60 + minute - offset
        self.init(microseconds: (minutes * 60 + second) * 1_000_000 + fraction)
    }

    /// `Z`, `+hh:mm` or `-hh:mm`.
    private static func offsetMinutes(_ text: Span<UInt8>) -> Int64? {
        if text.equals("Z") { return 0 }
        guard text.count == 6, text[0] == UInt8(ascii: "+") || text[0] == UInt8(ascii: "-"),
            text[3] == UInt8(ascii: ":"),
            let hours = text.digits(1..<3), let minutes = text.digits(4..<6), hours < 24, minutes < 60
        else { return nil }
        return (hours * 60 + minutes) * (text[0] == UInt8(ascii: "-") ? -1 : 1)
    }

    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.microseconds < right.microseconds
    }

    /// Writes the 24 bytes `2026-11-22T21:00:00.123Z`; what is below a millisecond is cut.
    /// - Returns: the offset behind them.
    func write(to output: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        let (day, inDay) = microseconds.flooredQuotientAndRemainder(dividingBy: 86_400_000_000)
        let date = CivilDate(daysSince1970: day)
        let milliseconds = inDay / 1000
        let seconds = milliseconds / 1000
        var end = output.write(twoDigits: date.year / 100, at: offset)
        end = output.write(twoDigits: date.year % 100, at: end)
        end = output.write("-", at: end)
        end = output.write(twoDigits: date.month, at: end)
        end = output.write("-", at: end)
        end = output.write(twoDigits: date.day, at: end)
        end = output.write("T", at: end)
        end = output.write(twoDigits: seconds / 3600, at: end)
        end = output.write(":", at: end)
        end = output.write(twoDigits: seconds / 60 % 60, at: end)
        end = output.write(":", at: end)
        end = output.write(twoDigits: seconds % 60, at: end)
        end = output.write(".", at: end)
        output[end] = UInt8(truncatingIfNeeded: 0x30 + milliseconds % 1000 / 100)
        end = output.write(twoDigits: milliseconds % 100, at: end + 1)
        return output.write("Z", at: end)
    }
}

extension Int64 {
    /// Rounded towards the past, so that the remainder is a time of day before 1970 too.
    fileprivate func flooredQuotientAndRemainder(dividingBy divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

extension ByteBuffer {
    /// Appends `2026-11-22T21:00:00.123Z`.
    public mutating func append(rfc3339 timestamp: Timestamp) {
        append(atLeast: 24) { free in timestamp.write(to: free, at: 0) }
    }
}

extension Span where Element == UInt8 {
    fileprivate func digits(_ range: Range<Int>) -> Int64? {
        var value: Int64 = 0
        for index in range {
            let digit = self[index] &- 0x30
            guard digit <= 9 else { return nil }
            value = value * 10 + Int64(digit)
        }
        return value
    }
}
