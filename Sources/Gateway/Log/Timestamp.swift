import Bytes

/// A moment in UTC as RFC 3339 writes it, to the millisecond: `2026-11-22T21:00:00.123Z`.
enum Timestamp {
    /// - Parameter milliseconds: since 1970-01-01T00:00:00Z; the years 0 to 9999.
    static func append(milliseconds: Int64, to line: inout ByteBuffer) {
        let (day, inDay) = floorDivide(milliseconds, by: 86_400_000)
        // Days to civil date by eras of 400 years that begin on March 1st, so that the leap day is the last of a year.
        let shifted = day + 719_468
        let (era, dayOfEra) = floorDivide(shifted, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let march = (5 * dayOfYear + 2) / 153
        let month = march < 10 ? march + 3 : march - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)

        append(year, digits: 4, to: &line)
        line.append("-")
        append(month, digits: 2, to: &line)
        line.append("-")
        append(dayOfYear - (153 * march + 2) / 5 + 1, digits: 2, to: &line)
        line.append("T")
        append(inDay / 3_600_000, digits: 2, to: &line)
        line.append(":")
        append(inDay / 60_000 % 60, digits: 2, to: &line)
        line.append(":")
        append(inDay / 1000 % 60, digits: 2, to: &line)
        line.append(".")
        append(inDay % 1000, digits: 3, to: &line)
        line.append("Z")
    }

    private static func floorDivide(_ value: Int64, by divisor: Int64) -> (Int64, Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    private static func append(_ value: Int64, digits: Int, to line: inout ByteBuffer) {
        var divisor: Int64 = 1
        for _ in 1..<digits { divisor *= 10 }
        while divisor > 0 {
            line.append(UInt8(truncatingIfNeeded: 0x30 + value / divisor % 10))
            divisor /= 10
        }
    }
}
