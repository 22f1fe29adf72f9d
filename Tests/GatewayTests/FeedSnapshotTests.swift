import Bytes
import Scores
import Testing

@testable import Gateway

/// Snapshots of a log whose history came late: behind what was live already.
@Suite struct FeedSnapshotTests {
    @Test func theNewestArePlacedInOrderBehindALateHistory() throws {
        let feed = try LateFeed()
        feed.live(101...110)
        feed.withoutHistory()
        feed.history(1...110)
        #expect(feed.newest(10) == Array(101...110))
        #expect(feed.newest(12) == Array(99...110))
        #expect(feed.newest(.max) == Array(1...110))
        feed.live(111...115)
        #expect(feed.newest(3) == Array(113...115))
        #expect(feed.newest(10) == Array(106...115))
        #expect(feed.newest(0) == [])
        #expect(LateFeed.newest(10, of: try FeedLog(copy: feed.log)) == Array(106...115))
    }

    /// Once as before: nothing is appended for those who come that others would see twice.
    @Test func whoIsThereSeesNoDouble() throws {
        let feed = try LateFeed()
        feed.live(101...110)
        feed.withoutHistory()
        feed.history(1...110)
        feed.live(111...112)
        #expect(feed.all == Array(101...110) + Array(1...100) + [111, 112])
    }

    /// What was missed in between, and came before others were live again, is newer than they are.
    @Test func anOutageBeforeTheHistoryCameLeavesTheOrder() throws {
        let feed = try LateFeed()
        feed.live(101...110)
        feed.withoutHistory()
        feed.outage()
        feed.live(121...125)
        feed.history(91...120)
        #expect(feed.newest(20) == Array(106...125))
        #expect(feed.newest(100) == Array(91...125))
    }

    @Test func whatCameWithoutAnIdIsInTheHistory() throws {
        let feed = try LateFeed()
        feed.live(101...105, nameless: true)
        feed.withoutHistory()
        feed.history(1...105)
        feed.live(106...107, nameless: true)
        #expect(feed.newest(4) == [104, 105, 0, 0])
    }

    @Test func whatIsBelowAnIdThatFellOutIsNotShown() throws {
        let feed = try LateFeed(bytes: 4096)
        feed.live(1001...1200)
        feed.withoutHistory()
        // 512 frames are kept: 1001…1088 fall out.
        feed.history(601...1000)
        #expect(feed.all.first == 1089)
        #expect(feed.newest(.max) == Array(1089...1200))
        feed.live(1201...1300)
        #expect(feed.newest(.max) == Array(1189...1300))
        #expect(feed.newest(105) == Array(1196...1300))
        feed.live(1301...1400)
        #expect(feed.newest(.max) == Array(1201...1400))
        feed.live(1401...2000)
        #expect(feed.newest(.max) == Array(1489...2000), "nothing of it is left")
        feed.live(2001...2001)
        #expect(feed.log.past == nil)
    }

    @Test func whoIsTooSlowForItFallsBehind() throws {
        let feed = try LateFeed(bytes: 4096)
        feed.live(101...110)
        feed.withoutHistory()
        feed.history(1...110)
        var snapshot = feed.log.snapshot(ofNewest: 20)
        var ids: [Int64] = []
        for _ in 0..<11 { if let frame = feed.log.next(&snapshot) { ids.append(frame.loadUnaligned(as: Int64.self)) } }
        #expect(ids == Array(91...101))
        feed.live(111...520)
        #expect(snapshot.isPast && feed.log.next(&snapshot) == nil)
    }
}

/// An intake and a log, with their history away for the first ten seconds. A frame is its id.
private final class LateFeed {
    let log: FeedLog
    private var intake = FeedIntake(at: LateFeed.at(1000))
    private var seconds: Int64 = 1000

    private static func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }
    private var now: Instant { Self.at(seconds) }

    init(bytes: Int = 1 << 20) throws {
        log = try FeedLog(bytes: bytes)
        intake.ready(at: now)
    }

    func live(_ ids: ClosedRange<Int64>, nameless: Bool = false) {
        seconds += 1
        for id in ids {
            var score = score(id)
            if nameless { score.id = nil }
            _ = intake.came(FeedItem(score, .bus, now: now, unixSeconds: seconds), at: now)
        }
        publish()
    }

    /// What comes from here on waits for the history.
    func outage() {
        intake.lost(at: now)
        seconds += 10
        intake.ready(at: now)
    }

    func withoutHistory() {
        seconds += 10
        let isFirst = intake.beginWithoutHistory(at: now)
        #expect(isFirst)
        publish()
        log.filled(.none)
    }

    func history(_ ids: ClosedRange<Int64>) {
        seconds += 10
        let scores = ids.map { score($0) }
        guard case .filled(let filling) = intake.answered(scores, isLast: true, at: now, unixSeconds: seconds) else {
            Issue.record("the log is not filled")
            return
        }
        publish()
        log.filled(filling)
    }

    /// As it stands in the log.
    var all: [Int64] {
        let frames = log.bytes(from: log.tail)
        return stride(from: 0, to: frames.count, by: 8).map { frames.loadUnaligned(fromByteOffset: $0, as: Int64.self) }
    }

    func newest(_ number: Int) -> [Int64] { Self.newest(number, of: log) }

    static func newest(_ number: Int, of log: FeedLog) -> [Int64] {
        var snapshot = log.snapshot(ofNewest: number)
        var ids: [Int64] = []
        while snapshot.isPast, let frame = log.next(&snapshot) {
            #expect(frame.count == 8, "whole frames")
            ids.append(frame.loadUnaligned(as: Int64.self))
        }
        #expect(!snapshot.isPast)
        let frames = log.bytes(from: snapshot.position)
        ids += stride(from: 0, to: frames.count, by: 8).map { frames.loadUnaligned(fromByteOffset: $0, as: Int64.self) }
        return ids
    }

    private func score(_ id: Int64) -> Score {
        Score(id: id, user: [], score: 1, createdAt: Timestamp(microseconds: seconds * 1_000_000))
    }

    private func publish() {
        log.begin(now)
        for item in intake.pending {
            let id = item.score.id ?? 0
            withUnsafeBytes(of: id) { _ = log.append($0, id: id, item.way, seen: item.seen) }
        }
        intake.removePending()
    }
}
