import Bytes
import Testing

@testable import Gateway

@Suite struct LogThrottleTests {
    private func at(_ seconds: Int64) -> Instant {
        Instant(nanoseconds: seconds * 1_000_000_000)
    }

    @Test func atMostOnceInTheSpan() {
        var throttle = LogThrottle<String>(span: .seconds(10))
        #expect(throttle.admit("a", at: at(0)) == .write(suppressed: 0))
        #expect(throttle.admit("a", at: at(1)) == .suppress)
        #expect(throttle.admit("a", at: at(9)) == .suppress)
        #expect(throttle.admit("b", at: at(9)) == .write(suppressed: 0))
        #expect(throttle.admit("a", at: at(10)) == .write(suppressed: 2))
        #expect(throttle.admit("a", at: at(19)) == .suppress)
        #expect(throttle.admit("a", at: at(20)) == .write(suppressed: 1))
        #expect(throttle.admit("a", at: at(40)) == .write(suppressed: 0))
    }

    @Test func theLongestSilentIsForgotten() {
        var throttle = LogThrottle<Int>(span: .seconds(10), limit: 2)
        #expect(throttle.admit(1, at: at(0)) == .write(suppressed: 0))
        #expect(throttle.admit(2, at: at(1)) == .write(suppressed: 0))
        #expect(throttle.admit(3, at: at(2)) == .write(suppressed: 0))
        #expect(throttle.admit(2, at: at(3)) == .suppress)
        #expect(throttle.admit(1, at: at(3)) == .write(suppressed: 0))
    }
}
