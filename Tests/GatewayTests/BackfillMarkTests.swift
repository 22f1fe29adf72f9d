import Testing

@testable import Gateway

@Suite struct BackfillMarkTests {
    @Test func aShortBackfillGoesOnWhereTheLogWasAtItsBeginning() {
        var mark = BackfillMark(after: 10, head: 500)
        for page in Int64(1)...9 { mark.asking(after: 10 + page * 1000, head: 500 + UInt64(page) * 100) }
        #expect(mark.position == 500)
    }

    /// Against every order of commits in which no id is committed later than ids more than the overlap above it: what
    /// the pages lacked is in the log behind the mark.
    @Test(arguments: [UInt64](1...3)) func whatThePagesLackedIsBehindTheMark(seed: UInt64) {
        var generator = SplitMix(state: seed)
        let total: Int64 = 60_000
        // Committed in an order that is off by less than the overlap.
        let order = (1...total).map { ($0 + Int64.random(in: 0..<FeedLimits.overlap, using: &generator), $0) }
            .sorted { $0 < $1 }.map(\.1)
        var committed = [Bool](repeating: false, count: Int(total) + 1)
        var log: [Int64] = []
        var next = 0
        func commit(_ count: Int) {
            while next < order.count, next < count {
                committed[Int(order[next])] = true
                log.append(order[next])
                next += 1
            }
        }
        commit(30_000)
        var mark = BackfillMark(after: 0, head: UInt64(log.count))
        var seen = Set<Int64>()
        var after: Int64 = 0
        while true {
            mark.asking(after: after, head: UInt64(log.count))
            commit(next + Int.random(in: 0..<900, using: &generator))
            let page = ((after + 1)..<(total + 1)).lazy.filter { committed[Int($0)] }.prefix(1000).map { $0 }
            commit(next + Int.random(in: 0..<900, using: &generator))
            seen.formUnion(page)
            after = page.last ?? after
            if page.count < 1000 { break }
        }
        commit(order.count)
        seen.formUnion(log[Int(mark.position)...])
        #expect(seen.count == Int(total))
    }
}

private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
