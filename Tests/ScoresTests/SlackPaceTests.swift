import Bytes
import Scores
import Testing

@Suite struct SlackPaceTests {
    private func at(_ seconds: Double) -> Instant {
        Instant(nanoseconds: Int64(seconds * 1e9))
    }

    @Test func postsOneMessageASecondAtMost() {
        var pace = SlackPace()
        #expect(pace.postAt <= at(0), "the first one at once")
        pace.begin(at(10))
        #expect(pace.postAt == at(11))
        #expect(pace.finish(.posted, at(10.2), jitter: 0) == nil)
        #expect(pace.postAt == at(11.2), "from the answer: the message may have been long on its way")
        pace.begin(at(12))
        #expect(pace.finish(.posted, at(15), jitter: 0) == nil)
        #expect(pace.postAt == at(16))
    }

    @Test func restsAfterSomebodyElse() {
        var pace = SlackPace()
        pace.rest(at(5))
        #expect(pace.postAt == at(6))
        pace.begin(at(6))
        _ = pace.finish(.rateLimited(.seconds(30)), at(6), jitter: 0)
        pace.rest(at(7))
        #expect(pace.postAt == at(36), "never earlier for it")
    }

    @Test func obeysRetryAfter() {
        var pace = SlackPace()
        pace.begin(at(0))
        #expect(pace.finish(.rateLimited(.seconds(30)), at(0.5), jitter: 0) == .failing("rate limited"))
        #expect(pace.postAt == at(30.5))
        pace.begin(at(31))
        #expect(pace.finish(.rateLimited(.zero), at(31.5), jitter: 0) == nil)
        #expect(pace.postAt == at(32.5), "never faster than the pace")
        pace.begin(at(33))
        #expect(pace.finish(.rateLimited(.seconds(10)), at(33), jitter: 1) == nil)
        #expect(pace.postAt == at(44), "up to a second later: others wait for the same end")
    }

    @Test func backsOffFromTroubleAndComesBack() {
        var pace = SlackPace()
        var now = 0.0
        var waits: [Double] = []
        for attempt in 0..<9 {
            pace.begin(at(now))
            #expect((pace.finish(.unavailable("HTTP 503"), at(now), jitter: 1) != nil) == (attempt == 0 || now >= 60))
            waits.append(Double(pace.postAt.nanoseconds) / 1e9 - now)
            now += waits.last ?? 0
        }
        #expect(waits == [1, 2, 4, 8, 16, 32, 60, 60, 60])
        pace.begin(at(now))
        #expect(pace.finish(.posted, at(now), jitter: 0) == .recovered)
        now += 1
        pace.begin(at(now))
        _ = pace.finish(.unavailable("timeout"), at(now), jitter: 1)
        #expect(pace.postAt == at(now + 1), "from the start again")
    }

    @Test func jittersByHalf() {
        for (jitter, wait) in [(0.0, 4.0), (0.5, 6.0), (1.0, 8.0)] {
            var pace = SlackPace()
            for second in [0.0, 10, 20] {
                pace.begin(at(second))
                _ = pace.finish(.unavailable("x"), at(second), jitter: 0)
            }
            pace.begin(at(30))
            _ = pace.finish(.unavailable("x"), at(30), jitter: jitter)
            #expect(pace.postAt == at(30 + wait))
        }
    }

    @Test func logsALastingErrorOnceAMinute() {
        var pace = SlackPace()
        func post(_ outcome: SlackOutcome, _ begin: Double, _ end: Double) -> SlackPace.Log? {
            pace.begin(at(begin))
            return pace.finish(outcome, at(end), jitter: 0)
        }
        #expect(post(.refused("invalid_auth"), 0, 1) == .failing("invalid_auth"))
        #expect(pace.postAt == at(61))
        #expect(post(.refused("invalid_auth"), 61, 61) == .failing("invalid_auth"))
        #expect(pace.postAt == at(121))
        #expect(post(.unavailable("HTTP 500"), 121, 121) == .failing("HTTP 500"))
        #expect(post(.unavailable("HTTP 500"), 123, 123) == nil)
        #expect(post(.posted, 130, 130.5) == .recovered)
        #expect(pace.postAt == at(131.5))
        #expect(post(.unavailable("HTTP 500"), 132, 132) == nil, "once a minute, flapping or not")
        #expect(post(.posted, 140, 140) == nil, "what was not logged need not be taken back")
    }

    @Test func goesOnAfterAMessageThatCanNeverBePosted() {
        var pace = SlackPace()
        pace.begin(at(0))
        #expect(pace.finish(.unpostable("msg_too_long"), at(0), jitter: 0) == nil)
        #expect(pace.postAt == at(1))
    }
}
