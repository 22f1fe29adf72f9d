import Bytes
import Testing

@Suite struct CivilDateTests {
    @Test(
        arguments: [
            (0, 1970, 1, 1), (-1, 1969, 12, 31), (11_016, 2000, 2, 29), (11_017, 2000, 3, 1), (20_780, 2026, 11, 23),
            (-719_528, 0, 1, 1), (2_932_896, 9999, 12, 31),
        ] as [(Int64, Int64, Int64, Int64)])
    func countsDays(days: Int64, year: Int64, month: Int64, day: Int64) throws {
        let date = try #require(CivilDate(year: year, month: month, day: day))
        #expect(CivilDate(daysSince1970: days) == date)
        #expect(date.daysSince1970 == days)
    }

    @Test func everyDayOfFourCenturiesFollowsTheLast() throws {
        var previous = CivilDate(daysSince1970: -1)
        for days in Int64(0)..<146_097 {
            let date = CivilDate(daysSince1970: days)
            #expect(date.daysSince1970 == days)
            let isNext = date.day == previous.day + 1 && date.month == previous.month
            #expect(
                isNext
                    || date.day == 1
                        && CivilDate(year: previous.year, month: previous.month, day: previous.day + 1) == nil
            )
            previous = date
        }
    }

    @Test(
        arguments: [(2026, 2, 29), (1900, 2, 29), (2026, 13, 1), (2026, 0, 1), (2026, 4, 31), (2026, 1, 0)]
            as [(Int64, Int64, Int64)])
    func refusesDaysThatAreNot(year: Int64, month: Int64, day: Int64) {
        #expect(CivilDate(year: year, month: month, day: day) == nil)
    }
}
