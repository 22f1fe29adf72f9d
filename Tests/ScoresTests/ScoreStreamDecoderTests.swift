import Bytes
import JSON
import Scores
import Testing

/// What comes out never depends on how the bytes were cut.
@Suite struct ScoreStreamDecoderTests {
    private let ada = Score(id: 1, user: [UInt8]("ada"), score: 3, createdAt: nil)
    private let bob = Score(id: 2, user: [UInt8]("b]o,\"{b"), score: 5, createdAt: Timestamp(microseconds: 0))

    @Test func readsOursAndThePythonService() {
        for text in [
            #"[{"user":"ada","id":1,"score":3},{"id":2,"user":"b]o,\"{b","score":5,"created_at":"1970-01-01T00:00:00.000Z"}]"#,
            """
             [ {"user": "ada", "x": [1, {"y": "]"}], "id": 1, "score": 3}\t,
             {"created_at": "1970-01-01T00:00:00Z", "user": "\\u0062]o,\\"{b", "id": 2, "score": 5} ]\r\n
            """,
        ] {
            expect([UInt8](text), [.success(ada), .success(bob)], nil)
        }
    }

    @Test func takesAnEmptyArray() {
        expect([UInt8]("[]"), [], nil)
        expect([UInt8](" [ \n] "), [], nil)
    }

    @Test func passesOverWhatIsNoScore() {
        expect(
            [UInt8](#"[{"user":null,"id":1,"score":null},{"user":"ada","id":1,"score":3},7,"a]",[[]],true,{} ]"#),
            [
                .failure(.invalid(.user)), .success(ada), .failure(.notAnObject), .failure(.notAnObject),
                .failure(.notAnObject),
                .failure(.notAnObject), .failure(.missing(.user)),
            ], nil)
    }

    @Test(
        arguments: [
            ("", 0, .unexpectedEnd, 0), ("  ", 0, .unexpectedEnd, 2), ("[", 0, .unexpectedEnd, 1),
            ("[{}", 1, .unexpectedEnd, 3),
            (#"[{"user":"#, 0, .unexpectedEnd, 9), ("[{},", 1, .unexpectedEnd, 4), ("[7", 0, .unexpectedEnd, 2),
            ("{}", 0, .unexpectedByte, 0), (#"{"detail":"Not Found"}"#, 0, .unexpectedByte, 0),
            ("<html>", 0, .unexpectedByte, 0),
            ("[,]", 0, .unexpectedByte, 1), ("[}", 0, .unexpectedByte, 1), ("[{},]", 1, .unexpectedByte, 4),
            ("[{} {}]", 1, .unexpectedByte, 4),
            ("[{}]]", 1, .trailingBytes, 4), ("[]x", 0, .trailingBytes, 2), ("[{]}", 0, .unexpectedByte, 2),
            ("[[}]", 0, .unexpectedByte, 2),
            ("[nul,{}]", 0, .unexpectedEnd, 4), ("[{},{\"a\":01}]", 1, .badNumber, 9),
            ("[{}, tru]", 1, .unexpectedEnd, 8),
        ] as [(String, Int, JSONError.Kind, Int)])
    func refusesWhatIsNoArray(text: String, elements: Int, kind: JSONError.Kind, offset: Int) {
        expect(
            [UInt8](text), .init(repeating: .failure(.missing(.user)), count: elements),
            .json(JSONError(kind, at: offset)))
    }

    @Test(arguments: [1, 1000, 16_384, 200_000])
    func passesOverAnElementThatIsTooLong(size: Int) {
        let start = [UInt8](#"[{"user":"ada","id":1,"score":3},{"user":""#)
        let long = [UInt8](repeating: 0x61, count: 2 * ScoreLimits.elementBytes)
        let end = [UInt8](#"","id":2,"score":3} , {"user":"ada","id":1,"score":3}]"#)
        func pieces(_ text: [UInt8]) -> [[UInt8]] {
            stride(from: 0, to: text.count, by: size).map { Array(text[$0..<min($0 + size, text.count)]) }
        }
        let whole = run(pieces(start + long + end))
        #expect(whole.results == [.success(ada), .failure(.tooLong), .success(ada)])
        #expect(whole.error == nil)
        let cut = run(pieces(start + long))
        #expect(cut.results == [.success(ada)])
        #expect(cut.error == .json(JSONError(.unexpectedEnd, at: start.count + long.count)))
    }

    private func expect(
        _ text: [UInt8], _ results: [Result<Score, ScoreError>], _ error: ScoreError?,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        everyChunking(text) { pieces in
            let outcome = run(pieces)
            #expect(outcome.results == results, "\(pieces.map(\.count))", sourceLocation: sourceLocation)
            #expect(outcome.error == error, "\(pieces.map(\.count))", sourceLocation: sourceLocation)
        }
    }

    private func run(_ pieces: [[UInt8]]) -> (results: [Result<Score, ScoreError>], error: ScoreError?) {
        var results: [Result<Score, ScoreError>] = []
        var decoder = ScoreStreamDecoder()
        do throws(ScoreError) {
            for piece in pieces {
                decoder.receive(piece.span)
                while let result = try decoder.next() { results.append(result) }
            }
            try decoder.finish()
            return (results, nil)
        } catch {
            return (results, error)
        }
    }
}
