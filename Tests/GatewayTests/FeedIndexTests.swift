import Bytes
import Testing

@testable import Gateway

/// The same by looking at every entry.
private struct PlainIndex {
    var entries: [(id: Int64, start: UInt64)] = []

    func first(_ matches: (Int64) -> Bool) -> UInt64? { entries.first { matches($0.id) }?.start }
}

@Suite struct FeedIndexTests {
    /// Ids rise on the whole, fall back, come twice, or are unknown, while the oldest leave in bursts.
    @Test(arguments: [UInt64](1...8))
    func findsWhatAWalkOverAllEntriesFinds(seed: UInt64) {
        var random = SplitMix(state: seed)
        func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }
        var index = FeedIndex()
        var plain = PlainIndex()
        var next: Int64 = 1
        var start: UInt64 = 0
        for _ in 0..<6000 {
            let id: Int64
            switch below(20) {
            case 0: id = 0
            case 1: id = max(1, next - Int64(below(2000)))
            case 2: id = max(1, next - Int64(below(10)))
            case 3: id = next + Int64(below(300))
            default: id = next
            }
            next = max(next, id) + 1
            index.append(FeedIndex.Entry(id: id, start: start, seen: .distantPast, isHistory: false))
            plain.entries.append((id, start))
            start += 100
            if below(500) == 0 {
                for _ in 0..<below(min(800, index.count + 1)) {
                    index.removeFirst()
                    plain.entries.removeFirst()
                }
            }
            guard below(8) == 0 else { continue }
            #expect(index.count == plain.entries.count)
            let asked = below(10) == 0 ? 0 : Int64(below(Int(next) + 20))
            #expect(index.first(withID: asked)?.start == plain.first { $0 == asked })
            #expect(index.first(above: asked)?.start == plain.first { $0 > asked })
            #expect(index.first(aboveOrUnknown: asked)?.start == plain.first { $0 > asked || $0 == 0 })
        }
    }

    @Test func emptiedAndFilledAgainItFindsTheNewOnesOnly() {
        var index = FeedIndex()
        for id in Int64(1)...1000 {
            index.append(FeedIndex.Entry(id: id, start: UInt64(id), seen: .distantPast, isHistory: false))
        }
        for _ in 0..<1000 { index.removeFirst() }
        #expect(index.first(withID: 1000) == nil)
        #expect(index.first(aboveOrUnknown: 0) == nil)
        index.append(FeedIndex.Entry(id: 5, start: 7, seen: .distantPast, isHistory: false))
        #expect(index.first(above: 4)?.start == 7)
        #expect(index.first(above: 5) == nil)
    }
}
