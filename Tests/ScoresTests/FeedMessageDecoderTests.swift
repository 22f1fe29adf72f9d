import Bytes
import JSON
import Scores
import Testing

@Suite struct FeedMessageDecoderTests {
    private let ada = Score(id: 7, user: [UInt8]("ada"), score: 3, createdAt: nil)
    private let bob = Score(id: 8, user: [UInt8]("bob"), score: -1, createdAt: nil)

    @Test(arguments: ["", "application/json", "application/json; charset=utf-8", "application/octet-stream", "x"])
    func readsOneObject(type: String) {
        #expect(decode(type, #"{"id":7,"user":"ada","score":3}"#) == [.success(ada)])
        #expect(decode(type, "{\n \"id\": 7,\n \"user\": \"ada\",\n \"score\": 3\n}\n") == [.success(ada)])
    }

    @Test func readsWhatThePythonPublisherSends() {
        let score = Score(id: nil, user: [UInt8]("Jörgen"), score: 7, createdAt: nil)
        #expect(decode("", #"{"user": "J\u00f6rgen", "score": 7}"#) == [.success(score)])
    }

    @Test(arguments: [
        "application/x-ndjson", "Application/X-NDJSON", "application/x-ndjson;charset=utf-8",
        " application/x-ndjson ; a=b",
    ])
    func readsOneObjectALine(type: String) {
        let lines = #"{"id":7,"user":"ada","score":3}"# + "\n" + #"{"id":8,"user":"bob","score":-1}"#
        #expect(decode(type, lines) == [.success(ada), .success(bob)])
        #expect(decode(type, lines + "\n") == [.success(ada), .success(bob)])
        #expect(
            decode(type, "\n\r\n" + lines.split(separator: "\n").joined(separator: "\r\n\n \n") + "\r\n")
                == [.success(ada), .success(bob)])
    }

    @Test func aBadLineCostsOnlyItself() {
        let body = [UInt8](
            #"{"id":7,"user":"ada","score":3}"# + "\n" + #"{"user":"x"}"# + "\n\n]\n"
                + #"{"id":8,"user":"bob","score":-1}"#)
        var decoder = FeedMessageDecoder(contentType: [UInt8]("application/x-ndjson").span, body: body.span)
        var results: [Result<Score, ScoreError>] = []
        var lines: [Int] = []
        while let result = decoder.next() {
            results.append(result)
            lines.append(decoder.line)
        }
        #expect(
            results == [
                .success(ada), .failure(.missing(.score)), .failure(.json(JSONError(.unexpectedByte, at: 0))),
                .success(bob),
            ])
        #expect(lines == [1, 2, 4, 5])
    }

    @Test func whatIsNoScoreIsSaidOnce() {
        #expect(decode("", "") == [.failure(.json(JSONError(.unexpectedEnd, at: 0)))])
        #expect(decode("", "hello") == [.failure(.json(JSONError(.unexpectedByte, at: 0)))])
        #expect(decode("application/json", "[]") == [.failure(.notAnObject)])
        #expect(decode("application/json", "{}\n{}") == [.failure(.json(JSONError(.trailingBytes, at: 3)))])
        #expect(decode("application/x-ndjson", "") == [])
        #expect(decode("application/x-ndjson", "\n\n") == [])
    }

    private func decode(_ type: String, _ body: String) -> [Result<Score, ScoreError>] {
        let type = [UInt8](type)
        let body = [UInt8](body)
        var decoder = FeedMessageDecoder(contentType: type.span, body: body.span)
        var results: [Result<Score, ScoreError>] = []
        while let result = decoder.next() { results.append(result) }
        return results
    }
}
