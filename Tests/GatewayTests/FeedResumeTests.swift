import Bytes
import Testing

@testable import Gateway

/// Frames of a hundred bytes; the clock stands at the second of the last coming.
private final class Log {
    let log: FeedLog
    var now = Instant(nanoseconds: 0)

    init(bytes: Int = 1 << 20, floor: Int64 = 0, lateIDs: Int64 = 0, since: Double = 0) throws {
        log = try FeedLog(bytes: bytes)
        log.filled(FeedFilling(floor: floor, lateIDs: lateIDs, since: Self.at(since)))
    }

    static func at(_ seconds: Double) -> Instant { Instant(nanoseconds: Int64(seconds * 1e9)) }

    /// - Parameter seen: when it was stored; nil: now.
    @discardableResult
    func append(_ ids: Int64..., way: FeedItem.Way = .bus, at seconds: Double, seen: Double? = nil) -> Int {
        now = Self.at(seconds)
        log.begin(now)
        let frame = [UInt8](repeating: 0, count: 100)
        return ids.count { id in
            frame.withUnsafeBytes { log.append($0, id: id, way, seen: Self.at(seen ?? seconds)) }
        }
    }

    func resume(_ id: Int64) -> FeedLog.Resume { log.resume(after: id, now) }
}

@Suite struct FeedResumeTests {
    // MARK: The id stands in the log

    @Test func goesBackByTheSkewOfTwoQueues() throws {
        let log = try Log()
        log.append(1001, at: 10)
        log.append(1002, at: 11)
        log.append(1003, at: 13)
        log.append(1004, at: 14)
        #expect(log.resume(1004) == .log(from: 200))
        #expect(log.resume(1003) == .log(from: 100))
        log.append(1005, at: 60)
        #expect(log.resume(1005) == .log(from: 400), "itself again, and no more")
    }

    @Test func whatIsNewerAndCameBeforeFollowsToo() throws {
        let log = try Log()
        log.append(1001, at: 10)
        log.append(1009, at: 20)
        log.append(1002, at: 30)
        #expect(log.resume(1002) == .log(from: 100))
    }

    @Test func aScoreWithoutIdIsSentAgainForTheSkewOnly() throws {
        let log = try Log()
        log.append(0, at: 10)
        log.append(1001, 0, at: 20)
        #expect(log.resume(1001) == .log(from: 100))
    }

    /// Another reporter's history showed 1005 before 1003 was committed; on the bus it was late.
    @Test func aLateOneMayHaveBeenSeenWhenItWasStored() throws {
        let log = try Log()
        log.append(1001, at: 10)
        log.append(1002, at: 20)
        log.append(1003, at: 30)
        log.append(1005, at: 40, seen: 25)
        #expect(log.resume(1005) == .log(from: 200))
    }

    @Test func belowTheFloorOnlyTheStoreHasAll() throws {
        let log = try Log(floor: 5000)
        log.append(1001, at: 10)
        #expect(log.resume(1001) == .store(after: 745))
    }

    /// Found by fuzzing: 1000 was committed after 9000 was seen elsewhere, and came here before the first reader did. How
    /// many ids are taken in the time by which it may be late, only the history could have told.
    @Test func withoutTheHistoryNobodyKnowsThePace() throws {
        let log = try FeedLog(bytes: 1 << 20)
        log.filled(.none)
        log.begin(Log.at(10))
        let frame = [UInt8](repeating: 0, count: 100)
        for id in [1000, 9500] { frame.withUnsafeBytes { _ = log.append($0, id: Int64(id), .bus, seen: Log.at(10)) } }
        #expect(log.resume(after: 9000, Log.at(11)) == .store(after: 0))
    }

    @Test func whatIsNewerMayHaveFallenOut() throws {
        let log = try Log(bytes: 4096)
        log.append(9000, at: 10)
        for id in Int64(1001)...1050 { log.append(id, at: Double(id)) }
        #expect(log.resume(1050) == .store(after: 794))
    }

    // MARK: Its place is not known

    @Test func whoseIdTheHistoryBroughtBeginsLowerByWhatMayBeLate() throws {
        let log = try Log(lateIDs: 300, since: 1000)
        for id in stride(from: Int64(100), through: 2000, by: 100) {
            log.append(id, way: .history, at: 1000, seen: 900)
        }
        log.append(2001, at: 1010)
        #expect(log.resume(2000) == .log(from: 1700), "1701 and more")
        #expect(log.resume(2001) == .log(from: 2000), "whose own place is known")
        #expect(log.resume(60) == .log(from: 0))
    }

    @Test func whatTheStoreHadAfterTheLogBeganHasAPlace() throws {
        let log = try Log(since: 1000)
        log.append(1000, 2000, way: .history, at: 1010, seen: 1005)
        log.append(2001, at: 1011)
        #expect(log.resume(2000) == .log(from: 0))
    }

    @Test func whoIsAheadBeginsLowerThanTheHighest() throws {
        let log = try Log(lateIDs: 256)
        for id in stride(from: Int64(100), through: 2000, by: 100) { log.append(id, at: Double(id) / 10) }
        #expect(log.resume(2001) == .log(from: 1700))
        #expect(log.resume(9_000_000) == .log(from: 1700), "the ids of a table that is no more")
        #expect(log.resume(1750) == .log(from: 1400), "not here yet")
    }

    @Test func beforeItIsFilledTheStoreIsAsked() throws {
        let log = try FeedLog(bytes: 4096)
        log.filled(.none)
        #expect(log.resume(after: 50_000, Instant(nanoseconds: 0)) == .store(after: 40_000))
    }

    /// Live scores stand before those of a history that came late: whoever began there and left again would lack some below
    /// the highest id he had.
    @Test func whatStandsBeforeALateHistoryIsReadFromTheStore() throws {
        let log = try FeedLog(bytes: 1 << 16)
        let frame = [UInt8](repeating: 1, count: 100)
        func append(_ ids: ClosedRange<Int64>, _ way: FeedItem.Way, at second: Int64) {
            let now = Instant(nanoseconds: second * 1_000_000_000)
            log.begin(now)
            for id in ids { frame.withUnsafeBytes { _ = log.append($0, id: id, way, seen: now) } }
        }
        log.filled(.none)
        append(500...510, .bus, at: 100)
        append(1...499, .history, at: 110)
        log.filled(FeedFilling(floor: 0, lateIDs: 256, since: Instant(nanoseconds: 110_000_000_000)))
        let now = Instant(nanoseconds: 200_000_000_000)
        for id in [Int64](arrayLiteral: 0, 300, 505) {
            guard case .store(let after) = log.resume(after: id, now) else {
                Issue.record("\(id) begins in the log")
                continue
            }
            #expect(after <= id)
        }
        append(511...600, .bus, at: 300)
        guard case .log = log.resume(after: 600, Instant(nanoseconds: 400_000_000_000)) else {
            Issue.record("what came afterwards is in order")
            return
        }
    }

    @Test func whatCameLateIsTakenAsLacking() throws {
        let log = try Log(bytes: 4096, lateIDs: 256)
        log.append(5000, at: 100)
        log.append(700, at: 200)
        for id in Int64(5001)...5100 { log.append(id, at: Double(id)) }
        log.append(9000, at: 6000)
        // Both fell out. Who had 5000 may have left before 700 came, who had more had 700 too.
        #expect(log.resume(5000) == .store(after: 699))
        #expect(log.resume(5050) == .store(after: 699), "or a little later, elsewhere")
        #expect(log.resume(600) == .store(after: 344))
        #expect(log.resume(8999) == .log(from: log.log.head - 100))
    }

    /// 5000 was seen in a history before 700 was stored, and came on the bus after it.
    @Test func whatCameBeforeALateOneIsTakenAsLacking() throws {
        let log = try Log(bytes: 4096, lateIDs: 256)
        log.append(2000, at: 100)
        log.append(700, at: 200)
        log.append(5000, at: 300, seen: 150)
        for id in Int64(5001)...5100 { log.append(id, at: Double(id)) }
        #expect(log.resume(5000) == .store(after: 699))
        let other = try Log(bytes: 4096, lateIDs: 256)
        other.append(2000, at: 100)
        other.append(700, at: 200)
        other.append(5000, at: 300, seen: 250)
        for id in Int64(5001)...5100 { other.append(id, at: Double(id)) }
        #expect(other.resume(5000) == .store(after: 4744))
    }

    // MARK: What the history had before the bus

    @Test func aDoubleThatNobodyLacksIsLeftOut() throws {
        let log = try Log(since: 100)
        log.append(1050, 1100, way: .history, at: 100, seen: 50)
        #expect(log.append(1050, way: .busAgain, at: 110) == 0)
        #expect(log.append(900, way: .busAgain, at: 110) == 0, "of which it knows nothing, and nobody resumed")
        #expect(log.log.position(ofNewest: 9) == 0)
    }

    @Test func whoResumedBehindItGetsItAgain() throws {
        let log = try Log(since: 100)
        log.append(1050, 1100, way: .history, at: 100, seen: 50)
        log.append(1101, at: 150)
        #expect(log.resume(1101) == .log(from: 200))
        #expect(log.append(1050, way: .busAgain, at: 160) == 1)
        #expect(log.append(900, way: .busAgain, at: 160) == 1, "which may have been there, and fell out")
        #expect(log.append(1100, way: .historyAgain, at: 170) == 1)
    }

    @Test func whoResumedBeforeItDoesNot() throws {
        let log = try Log(since: 100)
        log.append(1050, 1100, way: .history, at: 100, seen: 50)
        #expect(log.resume(1050) == .log(from: 0))
        #expect(log.append(1050, way: .busAgain, at: 110) == 0)
        #expect(log.append(1100, way: .historyAgain, at: 110) == 0)
    }

    @Test func whoReadsTheStoreFirstGetsItAgain() throws {
        let log = try Log(since: 100)
        log.append(1050, way: .history, at: 100, seen: 50)
        _ = log.log.noteBackfill()
        #expect(log.append(1050, way: .busAgain, at: 110) == 1)
    }

    @Test func aDoubleThatWasLeftOutIsNotLostToWhoComesLater() throws {
        let log = try Log(since: 100)
        log.append(1050, 1060, 1100, way: .history, at: 100, seen: 50)
        log.append(1101, at: 150)
        log.append(1060, way: .busAgain, at: 160)
        log.append(1102, at: 170)
        log.append(1103, at: 180)
        // 1101 came before 1060 did, 1103 after it.
        #expect(log.resume(1103) == .log(from: 500))
        #expect(log.resume(1101) == .log(from: 100))
    }

    @Test func aDoubleWhoseFrameFellOutComesFromTheStore() throws {
        let log = try Log(bytes: 4096, since: 100)
        log.append(4950, 5000, way: .history, at: 100, seen: 50)
        for id in Int64(5001)...5030 { log.append(id, at: Double(id)) }
        log.append(4950, way: .busAgain, at: 5030.1)
        for id in Int64(5031)...5042 { log.append(id, at: Double(id)) }
        #expect(log.log.tail > 0)
        #expect(log.resume(5030) == .store(after: 4774))
        #expect(log.resume(5040) == .log(from: 3900))
    }
}
