/// A date of the proleptic Gregorian calendar, and its distance from the Unix epoch: for `Date` fields and timestamps.
///
/// Years are counted from the first of March, so that the leap day is a year's last, in eras of 400 years = 146,097 days.
public struct CivilDate: Equatable, Sendable {
    /// Days from 0000-03-01 to 1970-01-01.
    private static let epoch: Int64 = 719_468
    private static let daysOfEra: Int64 = 146_097

    public let year: Int64
    /// 1…12
    public let month: Int64
    /// 1…31
    public let day: Int64

    /// - Returns: nil for a day that the calendar does not have.
    public init?(year: Int64, month: Int64, day: Int64) {
        guard 1...12 ~= month, 1...CivilDate.days(in: month, of: year) ~= day else { return nil }
        self.year = year
        self.month = month
        self.day = day
    }

    /// The date so many days after 1970-01-01; any year from -400 on.
    public init(daysSince1970: Int64) {
        // One era more, so that the division never meets a negative number.
        let days = daysSince1970 + CivilDate.epoch + CivilDate.daysOfEra
        let era = days / CivilDate.daysOfEra - 1
        let dayOfEra = days % CivilDate.daysOfEra
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
    }

    public var daysSince1970: Int64 {
        let marchYear = (month <= 2 ? year - 1 : year) + 400
        let monthFromMarch = (month + 9) % 12
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        let yearOfEra = marchYear % 400
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return (marchYear / 400 - 1) * CivilDate.daysOfEra + dayOfEra - CivilDate.epoch
    }

    private static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}
