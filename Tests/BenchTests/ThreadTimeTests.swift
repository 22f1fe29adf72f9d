import Bytes
import Testing

@testable import Bench

@Suite struct ThreadTimeTests {
    private func time(_ ran: Int64, _ waited: Int64, _ at: Int64) -> ThreadTime {
        ThreadTime(ran: ran, waited: waited, at: Instant(nanoseconds: at))
    }

    /// On a machine where three want one processor, a third is all it gets, and it is as busy as can be.
    @Test func whoWaitsForAProcessorIsNotIdle() {
        let before = time(1_000, 2_000, 5_000)
        #expect(time(1_300, 2_600, 6_000).busy(since: before) == 0.9)
        #expect(time(1_300, 2_000, 6_000).busy(since: before) == 0.3)
        #expect(time(1_900, 2_900, 6_000).busy(since: before) == 1)
        #expect(before.busy(since: before) == 0)
    }

    @Test(arguments: [("123456 789 42\n", 789), ("0 0 0\n", 0), ("", nil), ("12\n", nil), ("a b c", nil)])
    func schedstatIsRead(_ text: String, _ waited: Int64?) {
        #expect(ThreadTime.waited(text) == waited)
    }

    @Test func thisThreadHasRun() {
        #expect(ThreadTime.now().ran > 0)
    }
}
