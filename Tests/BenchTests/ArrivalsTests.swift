import Bytes
import Testing

@testable import Bench

@Suite struct ArrivalsTests {
    private let origin = Instant(nanoseconds: 1_000)

    private func take(_ arrivals: inout Arrivals, until end: Instant) -> [Int64] {
        var taken: [Int64] = []
        while let due = arrivals.take(end) { taken.append(due.nanoseconds - 1_000) }
        return taken
    }

    @Test func comeAtTheRate() {
        var arrivals = Arrivals(rate: 1_000, burst: 1, from: origin)
        #expect(take(&arrivals, until: origin + .milliseconds(3)) == [0, 1_000_000, 2_000_000, 3_000_000])
        #expect(arrivals.next == origin + .milliseconds(4))
        #expect(take(&arrivals, until: origin + .microseconds(3_999)) == [])
    }

    @Test func comeInBurstsAtTheSameRate() {
        var arrivals = Arrivals(rate: 4_000, burst: 4, from: origin)
        #expect(
            take(&arrivals, until: origin + .milliseconds(1)) == [
                0, 0, 0, 0, 1_000_000, 1_000_000, 1_000_000, 1_000_000,
            ])
    }

    /// Who comes late finds all that were due meanwhile, each with its own instant: no coordinated omission.
    @Test func waitForNobody() {
        var arrivals = Arrivals(rate: 333, burst: 1, from: origin)
        let taken = take(&arrivals, until: origin + .seconds(60))
        #expect(taken.count == 333 * 60 + 1)
        #expect(zip(taken, taken.dropFirst()).allSatisfy { $1 - $0 >= 3_003_002 && $1 - $0 <= 3_003_004 })
    }

    /// Two load reactors of half the rate each: the bursts of one stand in the middle between those of the other.
    @Test func beginWhereTheyAreTold() {
        var arrivals = Arrivals(rate: 1_000, burst: 2, from: origin, phase: 0.5)
        #expect(take(&arrivals, until: origin + .milliseconds(3)) == [1_000_000, 1_000_000, 3_000_000, 3_000_000])
    }
}
