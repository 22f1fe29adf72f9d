import Bytes
import Testing

@testable import Gateway

@Suite struct BatchPaceTests {
    private func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

    private func opened() -> BatchPace {
        var pace = BatchPace(at: at(0))
        pace.connected()
        pace.opened(at: at(0))
        return pace
    }

    @Test func itsTurnIsWaitedForSoLong() {
        let pace = BatchPace(at: at(0))
        #expect(pace.verdict(at: at(29), isClientsTurn: false) == .inTime)
        #expect(pace.verdict(at: at(30), isClientsTurn: true) == .late, "not for want of its client")
    }

    @Test func aClientMustNotBeSilentNorSlow() {
        var pace = opened()
        #expect(pace.verdict(at: at(10), isClientsTurn: true) == .inTime)
        #expect(pace.verdict(at: at(11), isClientsTurn: true) == .tooSlow)
        #expect(pace.verdict(at: at(11), isClientsTurn: false) == .inTime)
        for second in Int64(1)...100 { pace.received(StoreLimits.slowestLargeBatch, at: at(second)) }
        #expect(pace.verdict(at: at(101), isClientsTurn: true) == .inTime)
        for second in Int64(101)...120 { pace.received(StoreLimits.slowestLargeBatch / 4, at: at(second)) }
        #expect(pace.verdict(at: at(121), isClientsTurn: true) == .tooSlow)
    }

    /// The largest batch at the slowest pace is in time.
    @Test func thePaceIsEnough() {
        var pace = opened()
        for second in Int64(1)...1024 { pace.received(StoreLimits.slowestLargeBatch, at: at(second)) }
        #expect(pace.verdict(at: at(1033), isClientsTurn: true) == .inTime)
    }

    /// Found by review: time in which a client was held back had no bound, and the feed took its ids for burnt.
    @Test func noTransactionIsOpenForLonger() {
        var pace = opened()
        for step in Int64(1)...149 {
            pace.resumed(at: at(10 * step))
            pace.received(1 << 20, at: at(10 * step))
            #expect(pace.verdict(at: at(10 * step), isClientsTurn: true) == .inTime)
        }
        #expect(pace.verdict(at: at(1499), isClientsTurn: true) == .inTime)
        #expect(pace.verdict(at: at(1500), isClientsTurn: true) == .tooSlow)
        #expect(pace.verdict(at: at(1500), isClientsTurn: false) == .late)
        pace.committing()
        #expect(pace.verdict(at: at(1510), isClientsTurn: false) == .inTime)
        pace.lost(at: at(1520))
        #expect(pace.verdict(at: at(1534), isClientsTurn: false) == .inTime)
        #expect(pace.verdict(at: at(1535), isClientsTurn: false) == .late)
    }

    /// What is committed at the last moment must still be missed by the feed.
    @Test func aHoleIsFilledBeforeItCountsAsBurnt() {
        let commit = StoreLimits.largeBatchTransaction + StoreLimits.largeBatchTick + StoreLimits.answer
        #expect(commit + StoreLimits.outcome + FeedLimits.late < FeedLimits.holeAge)
    }
}
