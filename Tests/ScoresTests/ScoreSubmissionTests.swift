import Bytes
import Scores
import Testing

@Suite struct ScoreSubmissionTests {
    @Test(
        arguments: [
            (#"{"user":"ada","score":3}"#, "ada", 3), (#" { "score" : -3 , "user" : "ada" } "#, "ada", -3),
            (#"{"user":"J\u00f6rgen \ud83d\ude00","score":0}"#, "Jörgen 😀", 0), (#"{"user":" ","score":-0}"#, " ", 0),
            (#"{"user":"a","score":2147483647}"#, "a", .max), (#"{"user":"a","score":-2147483648}"#, "a", .min),
            (#"{"\u0075ser":"a","s\u0063ore":1}"#, "a", 1),
            (#"{"id":5,"user":"a","x":[{"user":1}],"score":1,"x":null}"#, "a", 1),
            (#"{"user":"a","score":1,"\ud800":"\ud800\u0000"}"#, "a", 1),
            (#"{"User":"b","user":"a","SCORE":2,"score":1}"#, "a", 1),
            (#"{"user":"{}<&>\"\\","score":1}"#, "{}<&>\"\\", 1),
            ("{\"user\":\"\u{2028}\u{7F}\",\"score\":1}", "\u{2028}\u{7F}", 1),
        ] as [(String, String, Int32)])
    func takesWhatTheContractAllows(text: String, user: String, score: Int32) throws {
        let body = [UInt8](text)
        let submission = try ScoreSubmission.parse(body.span)
        #expect(submission.score == score)
        var rows = ScoreRows()
        rows.append(submission, from: body.span)
        #expect(rows.users == [UInt8](user))
    }

    @Test(arguments: [
        ("", 0), ("{", 1), ("not json", 1), (#"{"user":"a","score":1}x"#, 22), (#"{"user":"a","score":NaN}"#, 20),
        (#"{"user":"a","score":Infinity}"#, 20), (#"{"user":"a","score":01}"#, 20), (#"{"user":"a","score":1,}"#, 22),
        (#"{'user':'a','score':1}"#, 1), ("\u{FEFF}{}", 0), ("{\"user\":\"a\nb\",\"score\":1}", 10),
        ("{\"user\":\"\u{0}\",\"score\":1}", 9), (#"{"user":5,"score":"x""#, 21),
        (#"{"user":"a","user":"b","score":1,"#, 33),
        (#"{"user":"a","score":1,"x":"# + String(repeating: "[", count: 40), 57),
    ])
    func answers400ToWhatIsNoJSON(text: String, offset: Int) throws {
        let problem = try #require(refusal(of: [UInt8](text)))
        #expect(problem.status == 400)
        #expect(problem.faults.map(\.location) == [["body", .index(offset)]])
        #expect(problem.faults.map(\.type) == ["json_invalid"])
    }

    @Test func answers400ToBadUTF8() throws {
        let problem = try #require(refusal(of: [UInt8](#"{"user":""#) + [0xC3, 0x28] + [UInt8](#"","score":1}"#)))
        #expect(problem.status == 400)
        #expect(problem.detail == "not JSON at byte 9: malformed UTF-8")
    }

    @Test(arguments: [
        ("[]", ["body:model_attributes_type"]), ("7", ["body:model_attributes_type"]),
        ("null", ["body:model_attributes_type"]),
        ("{}", ["user:missing", "score:missing"]), (#"{"user":"a"}"#, ["score:missing"]),
        (#"{"score":1}"#, ["user:missing"]),
        (#"{"score":"5"}"#, ["user:missing", "score:int_type"]), (#"{"user":"a","score":1.5}"#, ["score:int_type"]),
        (#"{"user":"a","score":3.0}"#, ["score:int_type"]), (#"{"user":"a","score":3e0}"#, ["score:int_type"]),
        (#"{"user":"a","score":1e400}"#, ["score:int_type"]), (#"{"user":"a","score":true}"#, ["score:int_type"]),
        (#"{"user":"a","score":null}"#, ["score:int_type"]), (#"{"user":"a","score":[1]}"#, ["score:int_type"]),
        (#"{"user":"a","score":2147483648}"#, ["score:int_out_of_range"]),
        (#"{"user":"a","score":-2147483649}"#, ["score:int_out_of_range"]),
        (#"{"user":"a","score":99999999999999999999}"#, ["score:int_out_of_range"]),
        (#"{"user":"","score":1}"#, ["user:string_too_short"]), (#"{"user":5,"score":1}"#, ["user:string_type"]),
        (#"{"user":null,"score":1}"#, ["user:string_type"]), (#"{"user":{"a":"b"},"score":1}"#, ["user:string_type"]),
        (#"{"user":"a\u0000","score":1}"#, ["user:string_nul"]),
        (#"{"user":"\udc00","score":1}"#, ["user:string_unicode"]),
        (#"{"user":"\ud800\u0000","score":1}"#, ["user:string_nul", "user:string_unicode"]),
        (#"{"user":"a","user":"a","score":1}"#, ["user:duplicate_member"]),
        (#"{"user":"a","score":1,"score":2}"#, ["score:duplicate_member"]),
        (
            #"{"user":"a","score":1,"s\u0063ore":2,"user":"","user":3}"#,
            ["user:duplicate_member", "score:duplicate_member"]
        ),
        (#"{"user":5,"user":"a","score":1}"#, ["user:string_type", "user:duplicate_member"]),
        (#"{"user":"","score":9999999999}"#, ["user:string_too_short", "score:int_out_of_range"]),
    ])
    func answers422NamingEveryMember(text: String, faults: [String]) throws {
        let problem = try #require(refusal(of: [UInt8](text)))
        #expect(problem.status == 422)
        let found = problem.faults.map { fault in
            guard case .name(let member)? = fault.location.last else { return "?" }
            return "\(member):\(fault.type)"
        }
        #expect(found == faults)
    }

    @Test(arguments: ["a", "é", "😀", "\\u00e9", "\\ud83d\\ude00"])
    func countsCharactersAsPostgreSQLDoes(character: String) {
        let body = { (count: Int) in
            [UInt8](#"{"score":1,"user":""# + String(repeating: character, count: count) + #""}"#)
        }
        #expect(refusal(of: body(255)) == nil)
        #expect(refusal(of: body(256))?.faults.map(\.type) == ["string_too_long"])
    }

    @Test func saysItAsTheContractShows() throws {
        let problem = try #require(refusal(of: [UInt8](#"{"user":"ada","score":"3"}"#)))
        var buffer = ByteBuffer()
        ProblemEncoder.append(problem, to: &buffer)
        let text = buffer.bytes.text
        let expected = #"""
            {"type":"about:blank","title":"Unprocessable Content","status":422,\#
            "detail":"score: expected an integer from -2147483648 to 2147483647",\#
            "errors":[{"loc":["body","score"],"msg":"expected an integer from -2147483648 to 2147483647",\#
            "type":"int_type"}]}
            """#
        #expect(text == expected)
    }

    private func refusal(of body: [UInt8]) -> Problem? {
        do throws(Problem) {
            _ = try ScoreSubmission.parse(body.span)
            return nil
        } catch {
            return error
        }
    }
}
