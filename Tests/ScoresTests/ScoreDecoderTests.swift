import Bytes
import JSON
import Scores
import Testing

@Suite struct ScoreDecoderTests {
    @Test(
        arguments: [
            (#"{"user": "J\u00f6rgen", "score": 7}"#, nil, "Jörgen", 7),
            (#"{"user": "p1 \u00e9", "id": 1, "score": 1}"#, 1, "p1 é", 1),
            (#"{"score":-5,"extra":{"id":[9]},"id":0,"user":""}"#, 0, "", -5),
            (#"{"id":null,"user":"a","score":2147483647,"created_at":null}"#, nil, "a", .max),
            (#" {"\u0075ser":"a","score":-0} "#, nil, "a", 0),
        ] as [(String, Int64?, String, Int32)])
    func readsWhatServicesWrite(text: String, id: Int64?, user: String, score: Int32) throws {
        let decoded = try ScoreDecoder.decode([UInt8](text).span)
        #expect(decoded == Score(id: id, user: [UInt8](user), score: score, createdAt: nil))
    }

    @Test func readsTheTime() throws {
        let decoded = try ScoreDecoder.decode(
            [UInt8](#"{"id":7,"user":"ada","score":3,"created_at":"2026-11-22T21:00:00.123456+00:00"}"#).span)
        #expect(decoded.createdAt == Timestamp(microseconds: 1_795_381_200_123_456))
    }

    @Test(
        arguments: [
            ("", .json(JSONError(.unexpectedEnd, at: 0))), ("\u{1}\u{2}", .json(JSONError(.unexpectedByte, at: 0))),
            (#"{"user":"a","score":1} x"#, .json(JSONError(.trailingBytes, at: 23))), ("[]", .notAnObject),
            ("7", .notAnObject),
            ("{}", .missing(.user)), (#"{"user":"a"}"#, .missing(.score)), (#"{"score":1}"#, .missing(.user)),
            (#"{"user":null,"score":1}"#, .invalid(.user)), (#"{"user":5,"score":1}"#, .invalid(.user)),
            (#"{"user":"\u0000","score":1}"#, .invalid(.user)), (#"{"user":"\ud800","score":1}"#, .invalid(.user)),
            (#"{"user":"a","score":null}"#, .invalid(.score)), (#"{"user":"a","score":"1"}"#, .invalid(.score)),
            (#"{"user":"a","score":1.0}"#, .invalid(.score)), (#"{"user":"a","score":2147483648}"#, .invalid(.score)),
            (#"{"user":"a","score":1,"id":-1}"#, .invalid(.id)), (#"{"user":"a","score":1,"id":"1"}"#, .invalid(.id)),
            (#"{"user":"a","score":1,"created_at":"now"}"#, .invalid(.createdAt)),
            (#"{"user":"a","score":1,"created_at":5}"#, .invalid(.createdAt)),
            (#"{"user":"a","score":1,"user":"b"}"#, .duplicate(.user)),
            (#"{"user":"a","score":1,"score":1}"#, .duplicate(.score)),
            (#"{"id":null,"user":"a","score":1,"id":1}"#, .duplicate(.id)),
            (#"{"user":5,"user":6}"#, .invalid(.user)),
            (#"{"user":5,"score":1]"#, .json(JSONError(.unexpectedByte, at: 19))),
        ] as [(String, ScoreError)])
    func saysWhyItIsNone(text: String, expected: ScoreError) {
        #expect(error(of: [UInt8](text)) == expected)
    }

    @Test func countsCharactersAndNotBytes() {
        let name = { (count: Int) in #"{"score":1,"user":""# + String(repeating: "😀", count: count) + #""}"# }
        #expect(error(of: [UInt8](name(255))) == nil)
        #expect(error(of: [UInt8](name(256))) == .invalid(.user))
    }

    @Test func limitsTheLength() {
        let text = [UInt8](#"{"user":"a","score":1}"#)
        let blanks = ScoreLimits.elementBytes - text.count
        #expect(error(of: text + [UInt8](repeating: 0x20, count: blanks)) == nil)
        #expect(error(of: text + [UInt8](repeating: 0x20, count: blanks + 1)) == .tooLong)
    }

    private func error(of text: [UInt8]) -> ScoreError? {
        do throws(ScoreError) {
            _ = try ScoreDecoder.decode(text.span)
            return nil
        } catch {
            return error
        }
    }
}
