import Bytes
import Scores
import Testing

@Suite struct SlackPaceTests {
    private typealias Verdict = SlackPace.Verdict

    private func at(_ seconds: Double) -> Instant {
        Instant(nanoseconds: Int64(seconds * 1e9))
    }

    @Test func postsOneMessageASecondAtMost() {
        var pace = SlackPace()
        #expect(pace.postAt <= at(0))
        pace.begin(at(10))
        #expect(pace.finish(.posted, at(10.2), jitter: 0) == Verdict(acknowledge: true, postAt: at(11), log: nil))
        pace.begin(at(11))
        let slow = pace.finish(.posted, at(14), jitter: 0)
        #expect(slow == Verdict(acknowledge: true, postAt: at(12), log: nil), "from its beginning: at once")
        #expect(pace.postAt == at(12))
    }

    @Test func obeysRetryAfter() {
        var pace = SlackPace()
        pace.begin(at(0))
        let limited = pace.finish(.rateLimited(.seconds(30)), at(0.1), jitter: 0)
        #expect(limited == Verdict(acknowledge: false, postAt: at(30.1), log: .failing("rate limited")))
        pace.begin(at(31))
        let short = pace.finish(.rateLimited(.zero), at(31.1), jitter: 0)
        #expect(short == Verdict(acknowledge: false, postAt: at(32), log: nil), "never faster than the pace")
    }

    @Test func backsOffFromTroubleAndComesBack() {
        var pace = SlackPace()
        var now = 0.0
        var waits: [Double] = []
        for _ in 0..<9 {
            pace.begin(at(now))
            let verdict = pace.finish(.unavailable("HTTP 503"), at(now), jitter: 1)
            #expect(!verdict.acknowledge)
            waits.append(Double(verdict.postAt.nanoseconds) / 1e9 - now)
            now += waits.last ?? 0
        }
        #expect(waits == [1, 2, 4, 8, 16, 32, 60, 60, 60])
        pace.begin(at(now))
        #expect(pace.finish(.posted, at(now), jitter: 0).log == .recovered)
        now += 1
        pace.begin(at(now))
        #expect(pace.finish(.unavailable("timeout"), at(now), jitter: 1).postAt == at(now + 1), "from the start again")
    }

    @Test func jittersByHalf() {
        for (jitter, wait) in [(0.0, 4.0), (0.5, 6.0), (1.0, 8.0)] {
            var pace = SlackPace()
            for second in [0.0, 10, 20] {
                pace.begin(at(second))
                _ = pace.finish(.unavailable("x"), at(second), jitter: 0)
            }
            pace.begin(at(30))
            #expect(pace.finish(.unavailable("x"), at(30), jitter: jitter).postAt == at(30 + wait))
        }
    }

    @Test func logsALastingErrorOnceAMinuteAndLosesNothing() {
        var pace = SlackPace()
        pace.begin(at(0))
        #expect(
            pace.finish(.refused("invalid_auth"), at(1), jitter: 0)
                == Verdict(acknowledge: false, postAt: at(61), log: .failing("invalid_auth")))
        pace.begin(at(61))
        #expect(
            pace.finish(.refused("invalid_auth"), at(61), jitter: 0)
                == Verdict(acknowledge: false, postAt: at(121), log: .failing("invalid_auth")))
        pace.begin(at(121))
        #expect(pace.finish(.unavailable("HTTP 500"), at(121), jitter: 0).log == .failing("HTTP 500"))
        pace.begin(at(122))
        #expect(pace.finish(.unavailable("HTTP 500"), at(122), jitter: 0).log == nil)
        pace.begin(at(130))
        #expect(
            pace.finish(.posted, at(130.5), jitter: 0) == Verdict(acknowledge: true, postAt: at(131), log: .recovered))
        pace.begin(at(131))
        #expect(pace.finish(.unavailable("HTTP 500"), at(131), jitter: 0).log == nil, "once a minute, flapping or not")
        pace.begin(at(140))
        #expect(pace.finish(.posted, at(140), jitter: 0).log == nil, "what was not logged need not be taken back")
    }

    @Test func givesUpOnlyWhatCanNeverBePosted() {
        var pace = SlackPace()
        pace.begin(at(0))
        #expect(
            pace.finish(.unpostable("msg_too_long"), at(0), jitter: 0)
                == Verdict(acknowledge: true, postAt: at(1), log: .dropped("msg_too_long")))
    }
}
