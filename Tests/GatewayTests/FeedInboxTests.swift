import Bytes
import Scores
import Testing

@testable import Gateway

@Suite struct FeedInboxTests {
    private func batch(_ ids: ClosedRange<Int64>) -> FeedBatch {
        FeedBatch(
            ids.map { id in
                FeedItem(
                    Score(id: id, user: Array("ada".utf8), score: 1, createdAt: nil), .bus,
                    now: Instant(nanoseconds: id), unixSeconds: 0)
            }, compressedBy: nil)
    }

    private func take(_ inbox: FeedInbox) -> (gap: FeedGap?, batches: [FeedBatch]) {
        var batches: [FeedBatch] = []
        let gap = inbox.take(into: &batches)
        return (gap, batches)
    }

    @Test func whatIsTakenInTimeIsWhole() {
        let inbox = FeedInbox(limit: 10_000)
        #expect(inbox.post(batch(1...3)), "the first one wakes the reactor")
        #expect(!inbox.post(batch(4...6)))
        let taken = take(inbox)
        #expect(taken.gap == nil)
        #expect(taken.batches.flatMap { $0.entries.map(\.id) } == [1, 2, 3, 4, 5, 6])
        #expect(inbox.post(batch(7...7)))
    }

    /// A reactor that does not look holds so many bytes and no more, and has the newest.
    @Test func beyondTheLimitTheOldestBecomeAGap() {
        let limit = 100_000
        let inbox = FeedInbox(limit: limit)
        var woken = 0
        for start in stride(from: Int64(1), to: 100_000, by: 10) where inbox.post(batch(start...start + 9)) {
            woken += 1
        }
        #expect(woken == 1)
        let (gap, batches) = take(inbox)
        let kept = batches.flatMap { $0.entries.map(\.id) }
        #expect(batches.reduce(0) { $0 + $1.bytes } <= limit)
        #expect(batches.reduce(0) { $0 + $1.bytes } > limit / 3)
        #expect(kept == Array((kept.first ?? 0)...100_000), "without a hole up to the newest")
        #expect(gap?.lowest == 1 && gap?.highest == (kept.first ?? 0) - 1)
        #expect(gap.map { $0.scores + kept.count } == 100_000 && gap?.hasUnknown == false)
        #expect(take(inbox).gap == nil)
    }

    @Test func oneThatIsLargerThanTheLimitStays() {
        let inbox = FeedInbox(limit: 100)
        _ = inbox.post(batch(1...50))
        _ = inbox.post(batch(51...100))
        let (gap, batches) = take(inbox)
        #expect(gap?.highest == 50 && batches.count == 1)
    }

    /// A gap is to a log as if all of it had come, and fallen out.
    @Test func whoIsInFrontOfAGapComesAgainAndIsGivenItByTheStore() throws {
        let log = try FeedLog(bytes: 1 << 16)
        log.filled(FeedFilling(floor: 0, lateIDs: 0, since: .distantPast))
        let frame = [UInt8](repeating: 1, count: 100)
        func append(_ ids: ClosedRange<Int64>) {
            for id in ids {
                log.begin(Instant(nanoseconds: id * 1_000_000_000))
                frame.withUnsafeBytes {
                    _ = log.append($0, id: id, .bus, seen: Instant(nanoseconds: id * 1_000_000_000))
                }
            }
        }
        append(1...20)
        let upToDate = log.head
        var gap = FeedGap()
        for id in Int64(21)...5000 { gap.add(id: id, seen: Instant(nanoseconds: id * 1_000_000_000)) }
        log.begin(Instant(nanoseconds: 5000 * 1_000_000_000))
        log.skip(gap)
        #expect(upToDate < log.tail, "also who had everything has fallen behind")
        append(5001...5020)
        let now = Instant(nanoseconds: 5021 * 1_000_000_000)
        for id in [Int64](arrayLiteral: 1, 20, 21, 4000, 4999) {
            guard case .store(let after) = log.resume(after: id, now) else {
                Issue.record("\(id) was given a hole")
                continue
            }
            #expect(after <= id)
        }
        guard case .log(let position) = log.resume(after: 5010, now) else {
            Issue.record("the log has what came since 5010")
            return
        }
        #expect(position >= log.tail && position <= log.position(ofNewest: 10))
        #expect(log.count == 20)
    }

    @Test func aGapWithoutIdsSendsEverybodyToTheStore() throws {
        let log = try FeedLog(bytes: 1 << 16)
        log.filled(FeedFilling(floor: 0, lateIDs: 0, since: .distantPast))
        var gap = FeedGap()
        gap.add(id: 0, seen: .distantPast)
        log.skip(gap)
        #expect(log.position(after: 7) == nil)
    }
}
