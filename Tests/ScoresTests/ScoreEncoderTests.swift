import Bytes
import Scores
import Testing

@Suite struct ScoreEncoderTests {
    static let time = Timestamp(microseconds: 1_795_381_200_123_456)

    @Test(arguments: [
        (
            Score(id: 7, user: [UInt8]("ada"), score: 3, createdAt: time),
            #"{"id":7,"user":"ada","score":3,"created_at":"2026-11-22T21:00:00.123Z"}"#
        ),
        (Score(id: nil, user: [UInt8]("Jörgen"), score: -7, createdAt: nil), #"{"user":"Jörgen","score":-7}"#),
        (
            Score(id: .max, user: [], score: .min, createdAt: nil),
            #"{"id":9223372036854775807,"user":"","score":-2147483648}"#
        ),
        (
            Score(id: nil, user: [UInt8]("a\"\\\n\u{1}"), score: 0, createdAt: time),
            #"{"user":"a\"\\\n\u0001","score":0,"created_at":"2026-11-22T21:00:00.123Z"}"#
        ),
    ])
    func leavesOutWhatIsUnknown(score: Score, text: String) throws {
        var buffer = ByteBuffer()
        ScoreEncoder.append(score, to: &buffer)
        let written = buffer.bytes.text
        #expect(written == text)
        var back = try ScoreDecoder.decode(buffer.bytes)
        // The wire has milliseconds, the database microseconds.
        if back.createdAt != nil { back.createdAt = Self.time }
        #expect(back == score)
    }
}
