import Testing

@testable import Gateway

@Suite struct FeedCatchUpTests {
    @Test func theFirstFillingIsTheNewest() {
        #expect(FeedCatchUp.resuming(nil, highest: 0, isWarm: false) == .first)
        #expect(FeedCatchUp.resuming(.first, highest: 0, isWarm: false) == .first)
        #expect(FeedCatchUp.first.page == .newest)
    }

    @Test func anEmptyStoreIsReadFromItsBeginningAfterAnOutage() {
        #expect(FeedCatchUp.resuming(nil, highest: 0, isWarm: true).page == .after(0))
    }

    @Test func afterAnOutageItBeginsBelowTheHighest() {
        #expect(FeedCatchUp.resuming(nil, highest: 50_000, isWarm: true).page == .after(40_000))
        #expect(FeedCatchUp.resuming(nil, highest: 7, isWarm: true).page == .after(0))
        // Live without its history: what was missed counts more than a snapshot.
        #expect(FeedCatchUp.resuming(.first, highest: 50_000, isWarm: false).page == .after(40_000))
    }

    @Test func anInterruptedOneKeepsTheGapItHad() {
        var catchUp = FeedCatchUp.resuming(nil, highest: 50_000, isWarm: true)
        // Live scores went on to 90,000 meanwhile.
        #expect(FeedCatchUp.resuming(catchUp, highest: 90_000, isWarm: true) == catchUp)
        catchUp.advance(to: 41_000)
        #expect(FeedCatchUp.resuming(catchUp, highest: 90_000, isWarm: true).page == .after(40_000))
        catchUp.advance(to: 70_000)
        #expect(catchUp.origin == .after(40_000))
        #expect(FeedCatchUp.resuming(catchUp, highest: 90_000, isWarm: true).page == .after(60_000))
    }
}
