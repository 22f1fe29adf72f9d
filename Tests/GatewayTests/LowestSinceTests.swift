import Bytes
import Testing

@testable import Gateway

private func at(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

@Suite struct LowestSinceTests {
    @Test func givesTheLowestBehindAKey() {
        var lowest = LowestSince<UInt64, Int64>(capacity: 8)
        #expect(lowest.isEmpty && lowest.lowest(since: 0) == nil)
        for (key, value) in [(10, 5), (20, 3), (20, 9), (30, 8), (40, 8)] as [(UInt64, Int64)] {
            lowest.note(value, at: key)
        }
        #expect([0, 20, 21, 40, 41].map { lowest.lowest(since: $0) } == [3, 3, 8, 8, nil])
    }

    /// Against all that was noted: exact with room, never too high without.
    @Test(arguments: [UInt64](1...5)) func isNeverTooHigh(seed: UInt64) {
        var generator = SplitMix(state: seed)
        var exact = LowestSince<Int64, Int64>(capacity: 1000)
        var small = LowestSince<Int64, Int64>(capacity: 8)
        var model: [(Int64, Int64)] = []
        var key: Int64 = 0
        for index in Int64(0)..<300 {
            key += Int64.random(in: 0...3, using: &generator)
            let value = index + Int64.random(in: 0...80, using: &generator)
            model.append((key, value))
            exact.note(value, at: key)
            small.note(value, at: key)
            let since = Int64.random(in: 0...(key + 2), using: &generator)
            let truth = model.filter { $0.0 >= since }.map(\.1).min()
            #expect(exact.lowest(since: since) == truth)
            if let truth { #expect(small.lowest(since: since) ?? .max <= truth) }
        }
    }
}

@Suite struct FeedMomentsTests {
    @Test func findsWhereTheHeadWas() {
        var moments = FeedMoments()
        moments.complete(since: at(1000))
        let begun = [(2000, 0), (2100, 100), (2260, 200), (9000, 300)].map { time, head in
            moments.note(at(Int64(time)), head: UInt64(head), tail: 0, highest: Int64(head / 10))
        }
        #expect(begun == [true, false, true, true])
        #expect(moments.position(at: at(999), head: 400) == nil, "before it knew")
        #expect(
            [1000, 2000, 2100, 2101, 2260, 2261, 9000, 9001].map { moments.position(at: at($0), head: 400) }
                == [0, 0, 0, 200, 200, 300, 300, 400])
        #expect(moments.highest(at: at(2500)) == 30)
        #expect(moments.highest(at: at(9001)) == nil)
    }

    @Test func itKnowsNothingBeforeItIsComplete() {
        var moments = FeedMoments()
        _ = moments.note(at(5), head: 0, tail: 0, highest: 0)
        #expect(moments.position(at: at(5), head: 10) == nil)
        moments.complete(since: .distantFuture)
        #expect(moments.position(at: at(5), head: 10) == nil)
    }

    /// However many there are, a position is never behind what came at that time or later.
    @Test func growsCoarserAndNeverWrong() {
        var moments = FeedMoments()
        moments.complete(since: at(0))
        let count = FeedLimits.moments * 3
        for index in 0..<count {
            _ = moments.note(at(Int64(index) * 300), head: UInt64(index), tail: UInt64(index / 2), highest: 0)
        }
        for index in stride(from: 0, to: count, by: 7) {
            if let position = moments.position(at: at(Int64(index) * 300), head: UInt64(count)) {
                #expect(position <= UInt64(index) && position + 16 > UInt64(index))
            } else {
                #expect(index < count / 2)
            }
        }
        #expect(moments.position(at: at(Int64(count - 1) * 300), head: UInt64(count)) == UInt64(count - 1))
    }
}
