import Bytes
import Testing

@testable import Gateway

@Suite struct BackfillMarkTests {
    private typealias Place = BackfillMark.Place

    @Test func movesOnWhileAllThatComesIsAhead() {
        var mark = BackfillMark(Place(position: 500, highest: 9000))
        mark.asking(after: 1010, Place(position: 600, highest: 9100), lowest: 8900)
        #expect(mark.place == Place(position: 600, highest: 9100))
        mark.asking(after: 2010, Place(position: 700, highest: 9200), lowest: 2011)
        #expect(mark.position == 700)
        mark.asking(after: 3010, Place(position: 800, highest: 9300), lowest: 3010)
        #expect(mark.position == 700, "3010 came after its page")
        mark.asking(after: 4010, Place(position: 900, highest: 9400), lowest: 3010)
        #expect(mark.position == 700)
    }

    @Test func whereTheLogDoesNotKnowTheStoreSaysWhereThePagesEnd() {
        var mark = BackfillMark(Place(position: 500, highest: nil))
        #expect(mark.end == nil)
        mark.end(with: 9000)
        #expect(mark.end == 9000)
        mark.asking(after: 1010, Place(position: 600, highest: nil), lowest: 0)
        #expect(mark.position == 500 && mark.end == 9000)
        var other = BackfillMark(Place(position: 500, highest: 8000))
        #expect(other.end == 8000)
        other.asking(after: 1010, Place(position: 600, highest: 8100), lowest: 7900)
        #expect(other.end == 8100)
    }

    /// Found by review: what the replaced publisher sends has no id, so its rows are above the highest the log knows of.
    @Test func oneWithoutAnIdLeavesTheHighestUnknown() throws {
        func log(_ gap: FeedGap? = nil) throws -> FeedLog {
            let log = try FeedLog(bytes: 1 << 16)
            log.filled(FeedFilling(floor: 0, lateIDs: 0, since: .distantPast))
            [UInt8(0)].withUnsafeBytes { _ = log.append($0, id: 1000, .history, seen: .distantPast) }
            if let gap { log.skip(gap) }
            return log
        }
        let plain = try log()
        let before = plain.noteBackfill()
        #expect(before == Place(position: 1, highest: 1000))
        #expect(plain.lowest(since: before) == 872)
        [UInt8(0)].withUnsafeBytes { _ = plain.append($0, id: 0, .bus, seen: .distantPast) }
        #expect(plain.noteBackfill() == Place(position: 2, highest: nil))
        #expect(plain.lowest(since: before) == 0, "the mark stays")
        #expect(try FeedLog(copy: plain).noteBackfill() == Place(position: 2, highest: nil))

        var gap = FeedGap()
        gap.add(id: 1001, seen: .distantPast)
        #expect(try log(gap).noteBackfill().highest == 1001)
        gap.add(id: 0, seen: .distantPast)
        #expect(try log(gap).noteBackfill().highest == nil)
    }

    /// 990 was committed after its page was read, and 1200 long after it. Who had 1200 from a page, and left before the
    /// log gave him 990, would not be given that by any log.
    @Test func withoutIdsThePagesEndWhereTheStoreDidAtTheMark() throws {
        let log = try FeedLog(bytes: 1 << 16)
        func append(_ id: Int64, at seconds: Int64) {
            let now = Instant(nanoseconds: seconds * 1_000_000_000)
            log.begin(now)
            [UInt8(0)].withUnsafeBytes { _ = log.append($0, id: id, .bus, seen: now) }
        }
        log.filled(FeedFilling(floor: 0, lateIDs: 0, since: .distantPast))
        append(0, at: 1)
        var mark = BackfillMark(log.noteBackfill())
        mark.end(with: 1100)
        append(990, at: 10)
        append(1200, at: 100)
        let now = Instant(nanoseconds: 101_000_000_000)
        guard let end = mark.end, case .log(let position) = log.resume(after: 1200, now) else {
            Issue.record("1200 has a place")
            return
        }
        #expect(position > mark.position, "behind 990")
        #expect(end < 1200, "so no page gives it")
    }

    /// Against any order of commits: what the pages lacked is in the log behind the mark.
    @Test(arguments: [UInt64](1...20)) func whatThePagesLackedIsBehindTheMark(seed: UInt64) throws {
        var generator = SplitMix(state: seed)
        let total: Int64 = 20_000
        let spread = [100, 1000, 15_000][Int(seed % 3)]
        // Committed, and on the bus at once, in an order that is off by so much; some are very late.
        let order = (1...total).map { id in
            let late = Int64.random(in: 0..<500, using: &generator) == 0 ? Int64(spread) : 100
            return (id + Int64.random(in: 0..<late, using: &generator), id)
        }.sorted { $0 < $1 }.map(\.1)
        var committed = [Bool](repeating: false, count: Int(total) + 1)
        let log = try FeedLog(bytes: 1 << 20)
        log.filled(FeedFilling(floor: 0, lateIDs: 0, since: .distantPast))
        var appended: [Int64] = []
        func commit(_ count: Int) {
            for id in order[appended.count..<min(order.count, appended.count + count)] {
                committed[Int(id)] = true
                appended.append(id)
                [UInt8(0)].withUnsafeBytes { _ = log.append($0, id: id, .bus, seen: .distantPast) }
            }
        }
        func some() -> Int { Int.random(in: 0..<300, using: &generator) }
        commit(10_000)
        var mark = BackfillMark(log.noteBackfill())
        var seen = Set<Int64>()
        var after: Int64 = 0
        while true {
            let page = ((after + 1)..<(total + 1)).lazy.filter { committed[Int($0)] }.prefix(1000).map { $0 }
            commit(some())
            let end = try #require(mark.end)
            seen.formUnion(page.filter { $0 <= end })
            after = page.last ?? after
            if page.count < 1000 || after > end { break }
            mark.asking(after: after, log.noteBackfill(), lowest: log.lowest(since: mark.place))
            commit(some())
        }
        if spread <= 1000 { #expect(mark.position > 10_000, "it moved on") }
        commit(order.count)
        // Frames of one byte: a position is a count.
        seen.formUnion(appended[Int(mark.position)...])
        #expect(seen.count == Int(total))
    }
}
