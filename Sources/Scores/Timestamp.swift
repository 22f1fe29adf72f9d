import Bytes

/// A moment in UTC, to the microsecond as PostgreSQL keeps it, from year 0000 to 9999 as RFC 3339 can write it.
///
///     2026-11-22T21:00:00.123Z
///     0    5  8  11 14 17 20 23
///
/// Days and dates are converted on the proleptic Gregorian calendar by counting years from March, so that the leap day
/// is a year's last, in eras of 400 years = 146,097 days.
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
            1...12 ~= month, 1...Self.days(in: month, of: year) ~= day, hour < 24, minute < 60, second < 60
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
        let minutes = (Self.daysSince1970(year, month, day) * 24 + hour) * 60 + minute - offset
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

    // MARK: - Calendar

    private static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static func daysSince1970(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        // 400 years are added first so that the division never meets a negative number.
        let marchYear = (month <= 2 ? year - 1 : year) + 400
        let monthFromMarch = (month + 9) % 12
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        let dayOfEra = marchYear % 400 * 365 + marchYear % 400 / 4 - marchYear % 400 / 100 + dayOfYear
        return (marchYear / 400 - 1) * 146_097 + dayOfEra - 719_468
    }

    /// The date of a count of days since 0000-03-01 that is not negative.
    private static func date(daysSinceMarch0: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let era = daysSinceMarch0 / 146_097
        let dayOfEra = daysSinceMarch0 % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }

    /// Writes the 24 bytes `2026-11-22T21:00:00.123Z`; what is below a millisecond is cut.
    func write(to output: UnsafeMutableRawBufferPointer) {
        // From -0001-03-01, one era before 0000-03-01, everything is positive.
        let sinceEra = microseconds + (719_468 + 146_097) * 86_400_000_000
        var (year, month, day) = Self.date(daysSinceMarch0: sinceEra / 86_400_000_000)
        year -= 400
        let milliseconds = sinceEra % 86_400_000_000 / 1000
        let seconds = milliseconds / 1000
        output.writeDigits(of: year, count: 4, at: 0)
        output[4] = UInt8(ascii: "-")
        output.writeDigits(of: month, count: 2, at: 5)
        output[7] = UInt8(ascii: "-")
        output.writeDigits(of: day, count: 2, at: 8)
        output[10] = UInt8(ascii: "T")
        output.writeDigits(of: seconds / 3600, count: 2, at: 11)
        output[13] = UInt8(ascii: ":")
        output.writeDigits(of: seconds / 60 % 60, count: 2, at: 14)
        output[16] = UInt8(ascii: ":")
        output.writeDigits(of: seconds % 60, count: 2, at: 17)
        output[19] = UInt8(ascii: ".")
        output.writeDigits(of: milliseconds % 1000, count: 3, at: 20)
        output[23] = UInt8(ascii: "Z")
    }
}

extension ByteBuffer {
    /// Appends `2026-11-22T21:00:00.123Z`.
    public mutating func append(rfc3339 timestamp: Timestamp) {
        append(atLeast: 24) { free in
            timestamp.write(to: free)
            return 24
        }
    }
}

extension UnsafeMutableRawBufferPointer {
    fileprivate func writeDigits(of value: Int64, count: Int, at offset: Int) {
        var rest = value
        for place in stride(from: offset + count - 1, through: offset, by: -1) {
            self[place] = UInt8(truncatingIfNeeded: 0x30 + rest % 10)
            rest /= 10
        }
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
