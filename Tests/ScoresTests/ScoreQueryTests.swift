import Bytes
import Scores
import Testing

@Suite struct ScoreQueryTests {
    @Test func takesEverythingAtOnce() throws {
        let query = try parse([
            ("limit", "1000000"), ("after", "0"), ("before", "9223372036854775807"), ("user", "Jörgen & co"),
            ("order", "desc"),
            ("page", "7"), ("page", "8"), ("Limit", "x"),
        ])
        var expected = ScoreQuery()
        expected.limit = 1_000_000
        expected.after = 0
        expected.before = .max
        expected.user = [UInt8]("Jörgen & co")
        expected.order = .descending
        #expect(query == expected)
    }

    @Test func nothingMeansEverythingInOrder() throws {
        #expect(try parse([]) == ScoreQuery())
        #expect(try parse([("order", "asc"), ("", ""), ("x", "y")]) == ScoreQuery())
        #expect(try parse([("user", "")]).user == [])
    }

    @Test(arguments: [
        ("limit", "0"), ("limit", "1000001"), ("limit", ""), ("limit", "-1"), ("limit", "+1"), ("limit", " 1"),
        ("limit", "1.0"),
        ("limit", "99999999999999999999"), ("after", "-1"), ("after", "9223372036854775808"), ("after", "x"),
        ("before", ""),
        ("before", "1 "), ("user", "a\u{0}b"), ("user", String(repeating: "é", count: 256)), ("order", "ASC"),
        ("order", ""),
        ("order", "descending"),
    ])
    func namesTheParameter(name: String, value: String) throws {
        let problem = try #require(refusal(of: [(name, value)]))
        #expect(problem.status == 422)
        #expect(problem.faults.map(\.location) == [["query", .name(name)]])
    }

    @Test func refusesAKnownParameterGivenTwice() throws {
        for (name, value) in [("limit", "1"), ("after", "1"), ("before", "1"), ("user", "a"), ("order", "asc")] {
            let problem = try #require(refusal(of: [(name, value), (name, value)]))
            #expect(problem.faults.map(\.type) == ["duplicate_parameter"])
            #expect(problem.detail == "\(name): given twice")
        }
    }

    @Test func namesAllThatIsWrong() throws {
        let problem = try #require(refusal(of: [("limit", "0"), ("after", "1"), ("order", "up")]))
        #expect(problem.faults.map(\.location) == [["query", "limit"], ["query", "order"]])
    }

    @Test func refusesAUserThatIsNoUTF8() {
        var parser = ScoreQueryParser()
        parser.take(name: [UInt8]("user").span, value: ([0x61, 0xC3] as [UInt8]).span)
        #expect(throws: Problem.self) { _ = try parser.finish() }
    }

    private func parse(_ parameters: [(String, String)]) throws(Problem) -> ScoreQuery {
        var parser = ScoreQueryParser()
        for (name, value) in parameters {
            parser.take(name: [UInt8](name).span, value: [UInt8](value).span)
        }
        return try parser.finish()
    }

    private func refusal(of parameters: [(String, String)]) -> Problem? {
        do throws(Problem) {
            _ = try parse(parameters)
            return nil
        } catch {
            return error
        }
    }
}
