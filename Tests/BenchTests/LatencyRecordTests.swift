import Testing

@testable import Bench

@Suite struct LatencyRecordTests {
    private func record(answered: Int, unanswered: Int, waited: Int64) -> LatencyRecord {
        var record = LatencyRecord()
        for _ in 0..<answered { record.record(1_000_000, isMeasured: true) }
        record.recordUnanswered(waited, count: unanswered)
        return record
    }

    private func bounds(_ latency: Report.Latency) -> [Bool] {
        latency.percentiles.map { latency.isLowerBound(at: $0.percentile) }
    }

    /// p50, p75, p90, p95, p99, p99.9, p99.99.
    @Test func whatNeverCameIsLongerThanAllThatDid() throws {
        let latency = try #require(record(answered: 900, unanswered: 100, waited: 5_000_000).report("answer"))
        #expect(latency.count == 1_000 && latency.unanswered == 100)
        #expect(bounds(latency) == [false, false, false, true, true, true, true])
        #expect(latency.percentiles[2].nanoseconds < 1_010_000)
        #expect(latency.percentiles[3].nanoseconds >= 5_000_000)
        #expect(latency.max >= 5_000_000)
        #expect(latency.curve.last == .init(percentile: 100, nanoseconds: latency.max))
    }

    /// A connection that was reset at once has not waited long. That is no short answer.
    @Test func aShortWaitIsNoShortAnswer() throws {
        let latency = try #require(record(answered: 10, unanswered: 90, waited: 1).report("answer"))
        #expect(bounds(latency).allSatisfy { $0 })
        #expect(latency.percentiles.allSatisfy { $0.nanoseconds >= 1_000_000 })
    }

    @Test func oneOfManySpoilsThePercentilesItFallsAmong() throws {
        let latency = try #require(record(answered: 1_999, unanswered: 1, waited: 1).report("answer"))
        #expect(bounds(latency) == [false, false, false, false, false, false, true])
    }

    @Test func whereNothingCameEverythingIsABound() throws {
        let latency = try #require(record(answered: 0, unanswered: 3, waited: 7_000_000).report("answer"))
        #expect(bounds(latency).allSatisfy { $0 })
        #expect(latency.percentiles.allSatisfy { $0.nanoseconds >= 7_000_000 })
        #expect(LatencyRecord().report("answer") == nil)
    }

    /// An arrival that was never sent is one delivery less to each subscriber.
    @Test func whatIsMissedIsMissedByAll() throws {
        var deliveries = record(answered: 30, unanswered: 0, waited: 0)
        deliveries.addUnanswered(of: record(answered: 5, unanswered: 2, waited: 9_000_000), times: 5)
        let latency = try #require(deliveries.report("delivery"))
        #expect(latency.count == 40 && latency.unanswered == 10)
    }
}
