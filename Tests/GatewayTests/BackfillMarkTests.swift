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
            seen.formUnion(page.filter { $0 <= mark.place.highest })
            after = page.last ?? after
            if page.count < 1000 || after > mark.place.highest { break }
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
