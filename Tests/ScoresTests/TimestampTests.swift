import Bytes
import Foundation
import Scores
import Testing

@Suite struct TimestampTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00.000Z", 0), ("2026-11-22T21:00:00.123Z", 1_795_381_200_123_000),
            ("2000-02-29T23:59:59.999Z", 951_868_799_999_000), ("1969-12-31T23:59:59.999Z", -1000),
            ("0000-01-01T00:00:00.000Z", -62_167_219_200_000_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999_000),
            ("1900-03-01T00:00:00.000Z", -2_203_891_200_000_000), ("2100-02-28T12:00:00.000Z", 4_107_499_200_000_000),
        ] as [(String, Int64)])
    func printsAndParses(text: String, microseconds: Int64) throws {
        let timestamp = try #require(Timestamp(microseconds: microseconds))
        #expect(printed(timestamp) == text)
        #expect(parsed(text) == timestamp)
    }

    @Test func cutsBelowTheMillisecondTowardsThePast() throws {
        #expect(printed(try #require(Timestamp(microseconds: 1_999))) == "1970-01-01T00:00:00.001Z")
        #expect(printed(try #require(Timestamp(microseconds: -1))) == "1969-12-31T23:59:59.999Z")
        #expect(printed(try #require(Timestamp(microseconds: -1_001))) == "1969-12-31T23:59:59.998Z")
    }

    @Test(
        arguments: [
            ("2026-11-22T21:00:00Z", 1_795_381_200_000_000), ("2026-11-22T21:00:00.1Z", 1_795_381_200_100_000),
            ("2026-11-22T21:00:00.123456Z", 1_795_381_200_123_456),
            ("2026-11-22T21:00:00.123456789Z", 1_795_381_200_123_456),
            ("2026-11-22T22:30:00.5+01:30", 1_795_381_200_500_000),
            ("2026-11-22T16:00:00-05:00", 1_795_381_200_000_000),
            ("2026-11-22T21:00:00.123456+00:00", 1_795_381_200_123_456),
            ("2026-11-22T21:00:00-00:00", 1_795_381_200_000_000),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000_000),
        ] as [(String, Int64)])
    func parsesWhatRFC3339Allows(text: String, microseconds: Int64) {
        #expect(parsed(text)?.microseconds == microseconds)
    }

    @Test(arguments: [
        "", "2026-11-22", "2026-11-22T21:00:00", "2026-11-22 21:00:00Z", "2026-11-22t21:00:00Z", "2026-11-22T21:00:00z",
        "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-04-31T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00.1234567890Z", "2026-01-01T00:00:00+0100", "2026-01-01T00:00:00+01",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+00:60", "2026-01-01T00:00:00Z ", "+026-01-01T00:00:00Z", "2026-1-01T00:00:00.0Z",
        "2026-01-01T00:00:00,5Z",
        "9999-12-31T23:59:59-00:01", "0000-01-01T00:00:00+00:01", "２026-01-01T00:00:00Z",
    ])
    func refusesTheRest(text: String) {
        #expect(parsed(text) == nil)
    }

    @Test func takesPostgresTime() {
        #expect(Timestamp(microsecondsSince2000: 0)?.microseconds == 946_684_800_000_000)
        #expect(Timestamp(microsecondsSince2000: .max) == nil, "infinity")
        #expect(Timestamp(microsecondsSince2000: .min) == nil, "-infinity")
    }

    @Test func agreesWithFoundation() throws {
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<2000 {
            // From 1600: Foundation switches to the Julian calendar before 1582.
            let milliseconds = Int64.random(in: -11_676_096_000_000..<253_402_300_800_000, using: &generator)
            let text = printed(try #require(Timestamp(microseconds: milliseconds * 1000)))
            let seconds = try #require(formatter.date(from: text)).timeIntervalSince1970
            #expect(Int64((seconds * 1000).rounded()) == milliseconds, "\(text)")
            #expect(parsed(text)?.microseconds == milliseconds * 1000)
        }
    }

    @Test func everyDayComesBackAfterTheOther() throws {
        var previous = "-"
        for day in 0..<Int64(3_652_425) where day % 61 == 0 || day < 1500 {
            let timestamp = try #require(Timestamp(microseconds: -62_167_219_200_000_000 + day * 86_400_000_000))
            let text = printed(timestamp)
            if text <= previous || parsed(text) != timestamp { Issue.record("\(previous) then \(text)") }
            previous = text
        }
        #expect(previous.hasPrefix("9999-1"))
    }

    private func printed(_ timestamp: Timestamp) -> String {
        var buffer = ByteBuffer()
        buffer.append(rfc3339: timestamp)
        return buffer.bytes.text
    }

    private func parsed(_ text: String) -> Timestamp? {
        Timestamp(rfc3339: [UInt8](text).span)
    }
}
