import Bytes
import Scores
import Testing

/// What comes out never depends on how the bytes were cut.
@Suite struct ScoreBatchDecoderTests {
    private static let ada = #"{"user":"ada","score":3}"#
    private static let bob = #"{"score" : -5, "x": [1, {"y": "]\\\""}], "user":"b]o,\"{\u0062"}"#

    // MARK: Arrays

    @Test(arguments: [
        ("[]", 0), (" [ \r\n\t] ", 0), ("[\(ada)]", 1), ("[\(ada),\(bob)]", 2),
        ("\n[ \(bob)\t, \(ada) , \(ada)\r\n]\n", 3),
    ])
    func takesAnArray(text: String, count: Int) {
        let outcome = expect(.array, text)
        #expect(outcome.problem == nil)
        #expect(outcome.count == count)
        #expect(outcome.rows.count == count)
    }

    @Test func takesTheRowsInTheirOrder() {
        for outcome in [expect(.array, "[\(Self.ada),\(Self.bob)]"), expect(.lines, "\(Self.ada)\n\(Self.bob)")] {
            #expect(outcome.rows.users == [UInt8](#"adab]o,"{b"#))
            #expect(outcome.rows.userEnds == [3, 10])
            #expect(outcome.rows.scores == [3, -5])
        }
    }

    @Test(
        arguments: [
            ("", 0, 0, "the text ends inside a value"), ("[", 0, 1, "the text ends inside a value"),
            ("[\(ada)", 1, 25, "the text ends inside a value"), ("[\(ada),", 1, 26, "the text ends inside a value"),
            (#"[{"user":"#, 0, 9, "the text ends inside a value"), ("[7", 0, 2, "the text ends inside a value"),
            ("\(ada)", 0, 0, "unexpected character"), ("\u{FEFF}[]", 0, 0, "unexpected character"),
            ("[,]", 0, 1, "unexpected character"), ("[}", 0, 1, "unexpected character"),
            ("[\(ada),]", 1, 26, "unexpected character"), ("[\(ada) \(ada)]", 1, 26, "unexpected character"),
            ("[\(ada)]]", 1, 26, "something follows the value"), ("[]x", 0, 2, "something follows the value"),
        ] as [(String, Int, Int, String)])
    func answers400ToWhatIsNoArray(text: String, count: Int, offset: Int, message: String) {
        let outcome = expect(.array, text)
        #expect(outcome.count == count)
        #expect(outcome.problem?.status == 400)
        #expect(outcome.problem?.detail == "not JSON at byte \(offset): \(message)")
        #expect(outcome.problem?.faults.map(\.location) == [["body", .index(offset)]])
    }

    // MARK: Lines

    @Test(
        arguments: [
            ("", 0), ("\n \r\n\t\n\r", 0), (ada, 1), ("\(ada)\n", 1), ("\(ada)\r\n\(bob)\r\n", 2),
            ("\n\(ada)\n \n\r\n\(bob)", 2), (" \(ada) \n\t\(bob)\t\r\n\(ada)\r", 3),
            ("{\r\"user\":\"a\",\"score\":1}", 1),
        ] as [(String, Int)])
    func takesLines(text: String, count: Int) {
        let outcome = expect(.lines, text)
        #expect(outcome.problem == nil)
        #expect(outcome.count == count)
        #expect(outcome.rows.count == count)
    }

    @Test(
        arguments: [
            ("\u{FEFF}\(ada)", 1, 0, "a byte order mark is not allowed"),
            ("[\(ada)", 1, 25, "the text ends inside a value"),
            ("\(ada)\n\n{\"user\":\r\n", 3, 8, "the text ends inside a value"),
            ("\(ada)\n{\"user\":\n\"ada\",\"score\":3}", 2, 8, "the text ends inside a value"),
            ("\(ada)\(ada)\n", 1, 24, "something follows the value"),
            ("\(ada),\n\(ada)", 1, 24, "something follows the value"),
            ("\n\(ada)\n{\"user\":\"a", 3, 10, "the text ends inside a value"),
        ] as [(String, Int, Int, String)])
    func answers400ToALineThatIsNoJSON(text: String, line: Int, offset: Int, message: String) {
        let outcome = expect(.lines, text)
        #expect(outcome.problem?.status == 400)
        #expect(outcome.problem?.detail == "line \(line): not JSON at byte \(offset): \(message)")
        #expect(outcome.problem?.faults.map(\.location) == [["body", .index(line), .index(offset)]])
    }

    // MARK: Elements

    @Test func namesTheWrongElementWhereverItStands() {
        for place in 0..<4 {
            var elements = [String](repeating: Self.ada, count: 4)
            elements[place] = #"{"user":"","score":"5"}"#
            let message = "expected an integer from -2147483648 to 2147483647"
            for (form, text, name, number) in [
                (.array, "[\(elements.joined(separator: ","))]", "element", place),
                (.lines, elements.joined(separator: "\n"), "line", place + 1),
            ] as [(ScoreBatchDecoder.Form, String, String, Int)] {
                let outcome = expect(form, text)
                #expect(outcome.count == place)
                #expect(outcome.problem?.status == 422)
                #expect(outcome.problem?.title == "Unprocessable Content")
                #expect(
                    outcome.problem?.detail
                        == "\(name) \(number): user: expected at least 1 character; score: \(message)")
                #expect(
                    outcome.problem?.faults == [
                        .init(
                            ["body", .index(number), "user"], "expected at least 1 character", type: "string_too_short"),
                        .init(["body", .index(number), "score"], message, type: "int_type"),
                    ])
            }
        }
    }

    @Test(
        arguments: [
            ("7", 422, "expected a JSON object"), ("null", 422, "expected a JSON object"),
            (#""a],""#, 422, "expected a JSON object"), ("[[]]", 422, "expected a JSON object"),
            ("{}", 422, "user: member required; score: member required"),
            ("nul", 400, "not JSON at byte 3: the text ends inside a value"),
            ("{]", 400, "not JSON at byte 1: unexpected character"),
            ("01", 400, "not JSON at byte 0: malformed number"),
            ("{\"a\nb\":1}", 400, "not JSON at byte 3: control character in a string"),
        ] as [(String, Int, String)])
    func judgesAnElementStrictly(element: String, status: Int, detail: String) {
        for end in [",\(Self.ada)]", " ]", "]"] {
            let outcome = expect(.array, "[\(Self.ada),\(element)\(end)")
            #expect(outcome.problem?.status == status)
            #expect(outcome.problem?.detail == "element 1: \(detail)")
        }
    }

    @Test func judgesOneAsTheSingleSubmissionIsJudged() {
        var generator = SeededGenerator(seed: 17)
        let alphabet = [UInt8](#"{}[]",:\ue0159.-ax \#t"#) + [0x00, 0xC3, 0xA9, 0xED, 0xF0]
        for _ in 0..<20_000 {
            var text = [UInt8](Bool.random(using: &generator) ? Self.ada : Self.bob)
            for _ in 0..<Int.random(in: 0...3, using: &generator) {
                let index = text.indices.randomElement(using: &generator) ?? 0
                text[index] = alphabet.randomElement(using: &generator) ?? 0
            }
            let one = single(text)
            let line = run(.lines, [text + [0x0A]])
            let element = run(.array, [[0x5B] + text + [0x5D]])
            #expect(line.rows == one.rows && line.problem?.status == one.problem?.status)
            if let problem = one.problem {
                let isObject = problem.detail != "body: expected a JSON object"
                let detail = isObject ? problem.detail : "expected a JSON object"
                #expect(line.problem?.detail == "line 1: \(detail)")
                // A comma that a mutation set free is the array's: of what is no JSON the first part may be no score.
                if problem.status == 422 { #expect(element.problem?.detail == "element 0: \(detail)") }
                if problem.status == 400 { #expect(element.problem != nil) }
            } else {
                #expect(element.rows == one.rows && element.problem == nil)
            }
        }
    }

    // MARK: Limits

    @Test(arguments: [ScoreBatchDecoder.Form.array, .lines], [1, 1000, 16_384, 200_000])
    func limitsAnElement(form: ScoreBatchDecoder.Form, size: Int) {
        let isArray = form == .array
        let start = isArray ? "[\(Self.ada),\n" : "\(Self.ada)\n\n"
        let members = #"{"user":"bob","score":5,"x":""#
        for (excess, end) in [(0, isArray ? "\"}]" : "\"}\n"), (1, isArray ? "\"}]" : "\"}"), (1, "")] {
            let filler = ScoreLimits.elementBytes + excess - members.utf8.count - 2
            let text = [UInt8](start + members) + [UInt8](repeating: 0x61, count: filler) + [UInt8](end)
            // What is longer is refused also when it does not end.
            let endless = end.isEmpty ? [UInt8](repeating: 0x61, count: 10) : []
            let outcome = run(form, (text + endless).pieces(of: size))
            #expect(outcome.count == 2 - excess)
            #expect(outcome.problem?.status == (excess == 0 ? nil : 422))
            guard excess == 1 else { continue }
            #expect(outcome.problem?.detail == (isArray ? "element 1" : "line 3") + ": longer than 65536 bytes")
            #expect(outcome.problem?.faults.map(\.location) == [["body", .index(isArray ? 1 : 3)]])
        }
    }

    @Test func takesManyInAnyPieces() {
        let count = 30_000
        let elements = (0..<count).map { #"{"user":"p\#($0)","score":\#($0)}"# }
        for (form, text) in [
            (.array, "[\(elements.joined(separator: ","))]"), (.lines, elements.joined(separator: "\r\n")),
        ] as [(ScoreBatchDecoder.Form, String)] {
            for size in [997, 65_536, 1 << 20] {
                let outcome = run(form, [UInt8](text).pieces(of: size))
                #expect(outcome.problem == nil)
                #expect(outcome.count == count)
                #expect(outcome.rows.scores == (0..<Int32(count)).map { $0 })
            }
        }
    }

    @Test(arguments: [ScoreBatchDecoder.Form.array, .lines])
    func sticksToItsFirstProblem(form: ScoreBatchDecoder.Form) {
        var decoder = ScoreBatchDecoder(form)
        var rows = ScoreRows()
        let first = #expect(throws: Problem.self) { try decoder.receive([UInt8]("[x]\n").span, into: &rows) }
        let second = #expect(throws: Problem.self) {
            try decoder.receive([UInt8]("[\(Self.ada)]").span, into: &rows)
        }
        let third = #expect(throws: Problem.self) { try decoder.finish(into: &rows) }
        #expect(first != nil && first == second && first == third)
        #expect(rows.count == 0)
    }

    // MARK: Openings

    @Test(
        arguments: [
            ("", .undecided), (" \t\r\n", .undecided), ("[", .array), ("\n [1]", .array), ("{\"a\":[]}", .other),
            (" {", .other), ("\u{FEFF}[", .other), ("x[", .other),
        ] as [(String, ScoreBatchDecoder.Opening)])
    func tellsWhatABodyIs(text: String, opening: ScoreBatchDecoder.Opening) {
        #expect(ScoreBatchDecoder.opening(of: [UInt8](text).span) == opening)
    }

    // MARK: -

    private struct Outcome: Equatable {
        var rows = ScoreRows()
        var count = 0
        var problem: Problem?
    }

    private func expect(
        _ form: ScoreBatchDecoder.Form, _ text: String, sourceLocation: SourceLocation = #_sourceLocation
    ) -> Outcome {
        let whole = run(form, [[UInt8](text)])
        everyChunking([UInt8](text)) { pieces in
            #expect(run(form, pieces) == whole, "\(pieces.map(\.count))", sourceLocation: sourceLocation)
        }
        return whole
    }

    private func run(_ form: ScoreBatchDecoder.Form, _ pieces: [[UInt8]]) -> Outcome {
        var outcome = Outcome()
        var decoder = ScoreBatchDecoder(form)
        do throws(Problem) {
            for piece in pieces { try decoder.receive(piece.span, into: &outcome.rows) }
            try decoder.finish(into: &outcome.rows)
        } catch {
            outcome.problem = error
        }
        outcome.count = decoder.count
        return outcome
    }

    private func single(_ text: [UInt8]) -> Outcome {
        var outcome = Outcome()
        do throws(Problem) {
            outcome.rows.append(try ScoreSubmission.parse(text.span), from: text.span)
            outcome.count = 1
        } catch {
            outcome.problem = error
        }
        return outcome
    }
}

extension [UInt8] {
    fileprivate func pieces(of size: Int) -> [[UInt8]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}
