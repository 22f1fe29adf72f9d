import Bytes
import Scores
import Testing

@testable import Gateway

@Suite struct FeedIntakeTests {
    /// Wall clock and monotonic clock are one here.
    private func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }

    private func score(_ id: Int64?, created: Int64? = 0) -> Score {
        Score(id: id, user: [], score: 1, createdAt: created.flatMap { Timestamp(microseconds: $0 * 1_000_000) })
    }

    private func came(_ intake: inout FeedIntake, _ ids: [Int64], at seconds: Int64) {
        for id in ids {
            let score = score(id, created: seconds)
            _ = intake.came(FeedItem(score, .bus, now: at(seconds), unixSeconds: seconds), at: at(seconds))
        }
    }

    private func answer(
        _ intake: inout FeedIntake, _ ids: [Int64], isLast: Bool = true, created: Int64? = nil, at seconds: Int64
    ) -> FeedIntake.Step {
        let scores = ids.map { score($0, created: created ?? seconds) }
        return intake.answered(scores, isLast: isLast, at: at(seconds), unixSeconds: seconds)
    }

    private func take(_ intake: inout FeedIntake) -> [String] {
        defer { intake.removePending() }
        return intake.pending.map { "\($0.way) \($0.score.id ?? 0)" }
    }

    @Test func theHistoryGoesFirst() {
        var intake = FeedIntake(at: at(1000))
        intake.ready(at: at(1001))
        #expect(intake.catchUp?.page == .newest)
        came(&intake, [7, 9], at: 1001)
        #expect(take(&intake) == [])
        #expect(
            answer(&intake, [6, 7, 8], at: 1002)
                == .filled(FeedFilling(floor: 0, lateIDs: 256, since: at(1001))))
        #expect(take(&intake) == ["history 6", "bus 7", "history 8", "bus 9"])
        came(&intake, [10, 9, 8, 8], at: 1003)
        #expect(take(&intake) == ["bus 10", "busAgain 8"])
    }

    @Test func withoutABusReadersSeeTheHistory() {
        var intake = FeedIntake(at: at(1000))
        intake.beginWithoutBus()
        intake.asked(at: at(1005))
        #expect(
            answer(&intake, [6, 7], isLast: false, created: -5000, at: 1006)
                == .filled(FeedFilling(floor: 5, lateIDs: 256, since: at(1005))))
        intake.ready(at: at(1100))
        #expect(intake.catchUp?.page == .after(5))
    }

    @Test func anOutageIsFilledFromTheLowestHole() {
        var intake = FeedIntake(at: at(1000))
        intake.ready(at: at(1000))
        _ = answer(&intake, Array(1...9), created: -5000, at: 1000)
        came(&intake, [11, 90_000], at: 1001)
        _ = take(&intake)
        intake.lost(at: at(1600))
        intake.ready(at: at(2000))
        #expect(intake.catchUp?.page == .after(9), "10 was open when the bus was lost")
        came(&intake, [50, 90_001], at: 2000)
        #expect(answer(&intake, [10, 11, 49, 51], isLast: false, at: 2000) == .more)
        #expect(take(&intake) == ["history 10", "history 49", "bus 50", "history 51"])
        #expect(intake.catchUp?.page == .after(51))
        #expect(answer(&intake, [90_000, 90_001], at: 2000) == .done)
        #expect(take(&intake) == ["bus 90001"])
        intake.lost(at: at(4000))
        intake.ready(at: at(4001))
        #expect(intake.catchUp?.page == .after(80_001), "what is open by now is burnt")
    }

    /// Found by review: an upload took 1001…2000 and was committed after eleven minutes, while the bus was away.
    @Test func aLongUploadIsFilledInHoweverMuchCameSince() {
        var intake = FeedIntake(at: at(1000))
        intake.ready(at: at(1000))
        _ = answer(&intake, Array(1...1000), created: -5000, at: 1000)
        came(&intake, Array(2001...40_000), at: 1001)
        _ = take(&intake)
        intake.lost(at: at(1690))
        intake.ready(at: at(1710))
        #expect(intake.catchUp?.page == .after(1000))
        #expect(answer(&intake, Array(1001...2000), isLast: false, created: 1000, at: 1710) == .more)
        #expect(take(&intake).count == 1000)
        #expect(intake.catchUp?.page == .after(30_000), "and what came is not read again")
        #expect(answer(&intake, Array(30_001...40_000), at: 1711) == .done)
        #expect(take(&intake) == [])
    }

    @Test func whatIsMissingIsReadAndWhatCameIsPassedOver() {
        var intake = FeedIntake(at: at(1000))
        intake.ready(at: at(1000))
        _ = answer(&intake, [1], created: -5000, at: 1000)
        came(&intake, Array(3...5000) + Array(5002...9000) + Array(9002...30_000), at: 1001)
        intake.lost(at: at(1100))
        intake.ready(at: at(1101))
        var asked: [FeedCatchUp.Question?] = [intake.catchUp?.page]
        for page in [Int64(2)...1001, 5001...6000, 9001...10_000] {
            _ = answer(&intake, Array(page), isLast: false, at: 1101)
            asked.append(intake.catchUp?.page)
        }
        #expect(asked == [.after(1), .after(5000), .after(9000), .after(20_000)])
        #expect(take(&intake).suffix(3) == ["history 2", "history 5001", "history 9001"])
    }

    @Test func whatTheBusStillOwedWhenItWasLostIsLookedAtAgain() {
        var intake = FeedIntake(at: at(1000))
        intake.ready(at: at(1000))
        _ = answer(&intake, Array(1...50_000), created: -5000, at: 1000)
        _ = answer(&intake, [], at: 1000)
        intake.lost(at: at(1100))
        intake.ready(at: at(1101))
        #expect(intake.catchUp?.page == .after(40_000), "all that was read is old")
        _ = answer(&intake, [50_001, 50_002] + Array(50_003...70_000), created: 1100, at: 1101)
        came(&intake, [50_002], at: 1102)
        _ = take(&intake)
        intake.lost(at: at(1200))
        intake.ready(at: at(1201))
        #expect(intake.catchUp?.page == .after(50_000))
        _ = answer(&intake, [50_000, 50_001, 50_002, 50_003], created: 1100, at: 1201)
        #expect(take(&intake).prefix(3) == ["historyAgain 50000", "historyAgain 50001", "historyAgain 50003"])
    }

    @Test func liveGoesOnWithoutAFirstFillingOnly() {
        var intake = FeedIntake(at: at(1000))
        intake.ready(at: at(1000))
        came(&intake, [7], at: 1001)
        let isFirst = intake.beginWithoutHistory(at: at(1010))
        #expect(isFirst)
        came(&intake, [8], at: 1011)
        #expect(take(&intake) == ["bus 7", "bus 8"])
        intake.lost(at: at(1020))
        intake.ready(at: at(1030))
        #expect(intake.catchUp?.page == .after(0), "what was missed counts more than a snapshot")
        came(&intake, [20], at: 1031)
        let isFirstAgain = intake.beginWithoutHistory(at: at(1040))
        #expect(!isFirstAgain)
        #expect(take(&intake) == [])
        #expect(
            answer(&intake, [6, 7, 9, 20], created: 0, at: 1050)
                == .filled(FeedFilling(floor: 0, lateIDs: FeedLimits.overlap, since: at(1000))))
        #expect(take(&intake) == ["history 6", "history 9", "bus 20"])
    }

    @Test func whenTooManyWaitTheHistoryIsAskedForThem() {
        var intake = FeedIntake(at: at(1000))
        intake.ready(at: at(1000))
        _ = answer(&intake, [1, 2], at: 1000)
        intake.lost(at: at(1001))
        intake.ready(at: at(1002))
        _ = answer(&intake, [3, 4], isLast: false, at: 1002)
        #expect(intake.catchUp?.page == .after(4))
        _ = take(&intake)
        var isAsked = false
        for id in 1...Int64(FeedLimits.heldScores) {
            let item = FeedItem(score(10 + id, created: 1002), .bus, now: at(1002), unixSeconds: 1002)
            if !intake.came(item, at: at(1002)) { isAsked = true }
        }
        #expect(isAsked && take(&intake) == [])
        #expect(intake.catchUp?.page == .after(4), "what was read is not read again")
        _ = answer(&intake, [11, 12, 13], at: 1003)
        #expect(take(&intake) == ["history 11", "history 12", "history 13"])
    }

    @Test func whatWaitsAndIsKnownGoesWhenThereIsNoRoomAndNothingIsReadAgainForIt() {
        var intake = FeedIntake(at: at(1000))
        intake.ready(at: at(1000))
        _ = answer(&intake, [1, 2], at: 1000)
        intake.lost(at: at(1001))
        intake.ready(at: at(1002))
        let page = (3...2000).map { Int64($0) }
        _ = answer(&intake, page, isLast: false, at: 1002)
        _ = take(&intake)
        // The backlog of an outbox: what the page has brought just now, many times over; and one that it has not.
        var wasAsked = 0
        for index in 0..<FeedLimits.heldScores - 1 {
            let id = page[index % page.count]
            if !intake.came(FeedItem(score(id, created: 1002), .bus, now: at(1002), unixSeconds: 1002), at: at(1002)) {
                wasAsked += 1
            }
        }
        let late = FeedItem(score(2500, created: 1002), .bus, now: at(1002), unixSeconds: 1002)
        if !intake.came(late, at: at(1002)) { wasAsked += 1 }
        #expect(wasAsked == 1)
        #expect(intake.catchUp?.page == .after(2000))
        #expect(take(&intake).count == page.count, "each once as a double, for whoever resumed meanwhile")
    }

    @Test func anAbsurdIdHidesNothing() {
        var intake = FeedIntake(at: at(1000))
        intake.ready(at: at(1000))
        _ = answer(&intake, [1, 2], at: 1000)
        _ = intake.came(FeedItem(score(.max, created: 1000), .bus, now: at(1000), unixSeconds: 1000), at: at(1000))
        intake.lost(at: at(2000))
        intake.ready(at: at(2001))
        #expect(intake.catchUp?.page == .after(0))
    }

    @Test func aStoreWhoseClockIsAheadMakesNothingYounger() {
        var intake = FeedIntake(at: at(1000))
        intake.ready(at: at(1000))
        _ = answer(&intake, [1], at: 1000)
        intake.removePending()
        _ = intake.came(FeedItem(score(2, created: 1006), .bus, now: at(1000), unixSeconds: 1000), at: at(1000))
        _ = intake.came(FeedItem(score(3, created: 1007), .bus, now: at(1010), unixSeconds: 1010), at: at(1010))
        #expect(intake.pending.map(\.seen) == [at(1000), at(1001)], "the second one was stored nine seconds before")
    }

    /// Found by review: a row with such an id ended the process at every start.
    @Test(arguments: [Int64](arrayLiteral: .min, -7, 0)) func anIdBelowOneIsNone(id: Int64) {
        var intake = FeedIntake(at: at(1000))
        intake.ready(at: at(1000))
        #expect(
            answer(&intake, [id, 3], isLast: false, created: -5000, at: 1000)
                == .filled(FeedFilling(floor: 0, lateIDs: 256, since: at(1000))))
        came(&intake, [id, 4, id], at: 1001)
        #expect(take(&intake) == ["history \(id)", "history 3", "bus \(id)", "bus 4", "bus \(id)"])
        intake.lost(at: at(1002))
        intake.ready(at: at(1003))
        #expect(intake.catchUp?.page == .after(0))
        let batch = FeedBatch([FeedItem(score(id), .bus, now: at(1), unixSeconds: 1)], compressedBy: nil)
        #expect(batch.entries[0].id == 0)
        #expect(batch.events.starts(with: "data: ".utf8), "a browser would ask for what comes after it")
    }

    /// Found by review: one message of the year 2099, or a step of our own clock, made everything old until the next start.
    @Test func aTimeFarAheadMakesNothingOlder() {
        var intake = FeedIntake(at: at(1000))
        intake.ready(at: at(1000))
        _ = answer(&intake, [1], at: 1000)
        intake.removePending()
        for (id, created) in [(Int64(2), Int64(4_000_000_000)), (3, 1700), (4, 1001)] {
            _ = intake.came(FeedItem(score(id, created: created), .bus, now: at(1001), unixSeconds: 1001), at: at(1001))
        }
        #expect(intake.pending.map(\.seen) == [at(1001), at(1001), at(1001)])
    }

    @Test func theLeadOfAClockIsForgotten() {
        var intake = FeedIntake(at: at(1000))
        intake.ready(at: at(1000))
        _ = answer(&intake, [1], at: 1000)
        intake.removePending()
        for (id, created, now) in [(Int64(2), Int64(1040), Int64(1000)), (3, 2000, 2000), (4, 9000, 9000)] {
            _ = intake.came(FeedItem(score(id, created: created), .bus, now: at(now), unixSeconds: now), at: at(now))
        }
        #expect(intake.pending.map(\.seen) == [at(1000), at(1960), at(9000)])
    }

    /// A browser comes again behind the last id it was given.
    @Test func anEventHasTheIdOfItsScoreUnlessThatIsLate() {
        var intake = FeedIntake(at: at(1000))
        intake.ready(at: at(1000))
        _ = answer(&intake, [1, 3], at: 1000)
        came(&intake, [5, 4, 6, 3, .max, 7], at: 1001)
        let events = String(decoding: FeedBatch(intake.pending, compressedBy: nil).events, as: UTF8.self)
        let ids = events.split(separator: "\n").compactMap { $0.hasPrefix("id: ") ? Int64($0.dropFirst(4)) : nil }
        #expect(ids == [1, 3, 5, 6, 7])
        #expect(intake.pending.map(\.score.id) == [1, 3, 5, 4, 6, 3, .max, 7])
    }

    @Test func scoresWithoutAnIdPass() {
        var intake = FeedIntake(at: at(0))
        for _ in 0..<2 {
            _ = intake.came(FeedItem(score(nil, created: nil), .bus, now: at(1), unixSeconds: 1), at: at(1))
        }
        #expect(take(&intake) == ["bus 0", "bus 0"])
    }

    @Test func whenAScoreMayHaveBeenSeen() {
        func seen(_ way: FeedItem.Way, created: Int64?) -> Instant {
            FeedItem(score(1, created: created), way, now: at(500), unixSeconds: 1500).seen
        }
        #expect(seen(.bus, created: 1500) == at(500))
        #expect(seen(.bus, created: 1600) == at(500), "clocks differ")
        #expect(seen(.bus, created: 1440) == at(440), "it was late")
        #expect(seen(.bus, created: nil) == at(500))
        #expect(seen(.history, created: 1300) == at(300))
        #expect(seen(.history, created: nil) == .distantPast)
        #expect(seen(.history, created: -60_000_000_000) < at(-3_000_000_000))
    }

    @Test func lateIdsAreCountedByTheirAge() {
        #expect(LateSpan.measure([]) == FeedLimits.unknownLateIDs)
        #expect(LateSpan.measure([score(5, created: nil)]) == FeedLimits.unknownLateIDs)
        // Ten ids a second.
        let steady = (Int64(1)...10_000).map { score($0, created: $0 / 10) }
        #expect(LateSpan.measure(steady) == 301)
        // A row of a long transaction looks old.
        var mixed = steady
        mixed[9_990] = score(9_991, created: 100)
        #expect(LateSpan.measure(mixed) == 301)
        #expect(LateSpan.measure(Array(steady.suffix(10))) == FeedLimits.leastLateIDs)
        #expect(LateSpan.measure((Int64(1)...20_000).map { score($0, created: 5) }) == FeedLimits.overlap)
    }
}

@Suite struct RecentIDsTests {
    @Test func remembersTheLastOnes() {
        var recent = RecentIDs(capacity: 3)
        let isNew = [1, 2, 3, 1, 4, 2, 3, 1].map { recent.insert($0, by: .bus) == nil }
        // The last 1 is new again: it was the oldest when 4 came, and is forgotten.
        #expect(isNew == [true, true, true, false, true, false, false, true])
    }

    @Test func theBusCountsForMore() {
        var recent = RecentIDs(capacity: 3)
        #expect(recent.insert(1, by: .history) == nil)
        #expect(recent.insert(1, by: .history) == .history)
        #expect(recent.insert(1, by: .bus) == .history)
        #expect(recent.insert(1, by: .bus) == .bus)
        #expect(recent.insert(1, by: .history) == .bus)
    }
}
