import Testing

@testable import HTTPClient

@Suite struct RetryAfterTests {
    /// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110 section 5.6.7.
    private static let example: Int64 = 784_111_777

    private func parse(_ value: String, now: Int64 = example) -> Duration? {
        RetryAfter.parse(value.utf8Span.span, now: now)
    }

    @Test("delay-seconds, RFC 9110 10.2.3", arguments: [("0", 0), ("7", 7), ("007", 7), ("120", 120), ("3600", 3600)])
    func seconds(value: String, seconds: Int) {
        #expect(parse(value) == .seconds(seconds))
    }

    @Test(
        "HTTP-date in its three forms, RFC 9110 5.6.7",
        arguments: [
            "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
        ])
    func date(value: String) {
        #expect(parse(value, now: Self.example - 90) == .seconds(90))
        #expect(parse(value, now: Self.example) == .zero)
        #expect(parse(value, now: Self.example + 1) == .zero)
    }

    @Test(arguments: ["3601", "99999999999", "9223372036854775807", "184467440737095516160"])
    func isNeverLongerThanTheLimit(value: String) {
        #expect(parse(value) == Limits.retryAfter)
    }

    @Test func aDateFarAheadIsHeldAtTheLimit() {
        #expect(parse("Fri, 31 Dec 9999 23:59:59 GMT") == Limits.retryAfter)
    }

    @Test(arguments: [
        "", " ", "-1", "+5", "1.5", "5 s", "soon", "0x10", "Sun, 99 Nov 1994 08:49:37 GMT", "20 Nov 2030",
        "Sun, 06 Nov 1994", "Sun, 06 Nov 1994 08:49:37 GMT and then some",
    ])
    func neitherOfThem(value: String) {
        #expect(parse(value) == nil)
    }
}
