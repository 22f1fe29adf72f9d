import Testing

@testable import Gateway

@Suite struct FeedCatchUpTests {
    @Test func theFirstFillingIsTheNewest() {
        #expect(FeedCatchUp.resuming(nil, from: nil) == .first)
        #expect(FeedCatchUp.resuming(.first, from: nil) == .first)
        #expect(FeedCatchUp.first.page == .newest)
    }

    @Test func afterAnOutageItBeginsWhereSomethingMayBeMissing() {
        #expect(FeedCatchUp.resuming(nil, from: 0).page == .after(0))
        #expect(FeedCatchUp.resuming(nil, from: 40_000).page == .after(40_000))
        // Live without its history: what was missed counts more than a snapshot.
        #expect(FeedCatchUp.resuming(.first, from: 40_000).page == .after(40_000))
    }

    @Test func anInterruptedOneKeepsTheGapItHad() {
        var catchUp = FeedCatchUp.resuming(nil, from: 40_000)
        // Live scores went on to 90,000 meanwhile.
        #expect(FeedCatchUp.resuming(catchUp, from: 80_000) == catchUp)
        catchUp.advance(to: 41_000)
        #expect(FeedCatchUp.resuming(catchUp, from: 80_000).page == .after(40_000))
        catchUp.advance(to: 70_000)
        #expect(catchUp.origin == .after(40_000))
        #expect(FeedCatchUp.resuming(catchUp, from: 80_000).page == .after(60_000))
        #expect(FeedCatchUp.resuming(catchUp, from: 45_000).page == .after(45_000), "a hole below the pages read")
    }
}
