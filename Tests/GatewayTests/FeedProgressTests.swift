import Bytes
import Testing

@testable import Gateway

private func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

@Suite struct FeedProgressTests {
    private func progress(base: Int64?, _ ids: [Int64], at seconds: Int64 = 0) -> FeedProgress {
        var progress = FeedProgress()
        if let base { progress.begin(above: base) }
        for id in ids { progress.insert(id, at: at(seconds)) }
        return progress
    }

    @Test func knowsWhatCame() {
        let progress = progress(base: 0, [5, 1, 2, 9, 7, 8, 3])
        #expect((0...10).filter { progress.contains($0) } == [1, 2, 3, 5, 7, 8, 9])
        #expect(progress.highest == 9)
    }

    /// Against a set, in any order.
    @Test(arguments: [UInt64](1...5)) func isASet(seed: UInt64) {
        var generator = SplitMix(state: seed)
        var progress = FeedProgress()
        progress.begin(above: 0)
        var model = Set<Int64>()
        for _ in 0..<2000 {
            let id = Int64.random(in: 1...1500, using: &generator)
            progress.insert(id, at: at(0))
            model.insert(id)
        }
        #expect((1...1500).allSatisfy { progress.contains($0) == model.contains($0) })
        #expect(progress.highest == model.max())
        progress.insert(200_000, at: at(0))
        #expect(progress.catchUpFrom(at(1)) == (1...1501).first { !model.contains($0) }.map { $0 - 1 })
    }

    @Test func knowsWhereThereIsAHole() {
        let progress = progress(base: 0, [5, 1, 2, 9, 7, 8, 3])
        #expect((0...10).map { progress.end(after: $0) } == [0, 3, 3, 3, 4, 5, 6, 9, 9, 9, 10])
    }

    @Test func theHistoryIsReadFromTheLowestHole() {
        let progress = progress(base: 0, [1, 2, 3, 50_000, 50_001, 99_999])
        #expect(progress.catchUpFrom(at(1)) == 3)
    }

    @Test func aHoleThatIsOldIsBurnt() {
        var progress = progress(base: 0, [1, 2, 3, 50_000])
        for id in Int64(50_001)...90_000 { progress.insert(id, at: at(400)) }
        progress.insert(90_002, at: at(500))
        #expect(progress.catchUpFrom(at(1799)) == 3)
        #expect(progress.catchUpFrom(at(1800)) == 80_002, "the overlap")
    }

    @Test func bothPartsOfAHoleAreAsOldAsItWas() {
        var progress = progress(base: 0, [1, 50_000])
        progress.insert(20_000, at: at(500))
        #expect(progress.catchUpFrom(at(1799)) == 1)
        #expect(progress.catchUpFrom(at(1800)) == 40_000)
    }

    @Test func belowItsBeginningNothingIsMissed() {
        var progress = progress(base: 70_000, Array(70_001...90_000))
        #expect(progress.catchUpFrom(at(1)) == 80_000)
        progress.insert(500, at: at(1))
        #expect(progress.catchUpFrom(at(2)) == 80_000, "a late one makes no hole of all that is old")
        #expect(!progress.contains(500))
        #expect(self.progress(base: 88_000, [88_001, 90_000]).catchUpFrom(at(1900)) == 88_000)
    }

    @Test func liveScoresWithoutAHistoryMakeNoHoleBelowThem() {
        var progress = progress(base: nil, [50_000, 50_001])
        #expect(progress.catchUpFrom(at(1)) == 40_001)
        progress.insert(30_000, at: at(5))
        #expect(progress.catchUpFrom(at(1804)) == 30_000)
        #expect(progress.catchUpFrom(at(1805)) == 40_001)
    }

    @Test func moreHolesThanItKeepsAreTakenForOne() {
        var progress = progress(base: 0, [])
        let count = Int64(FeedLimits.progressRanges) * 3
        for id in 1...count { progress.insert(id * 2, at: at(id / 100)) }
        let lowest = progress.catchUpFrom(at(count / 100))
        #expect(lowest <= 2)
        #expect(progress.contains(count * 2))
        #expect(!progress.contains(2), "it does not say so of what it gave up")
        #expect(progress.end(after: 2) == 2)
        #expect(progress.catchUpFrom(at(count / 100 + 1800)) == count * 2 - FeedLimits.overlap)
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
