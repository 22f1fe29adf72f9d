import Bytes
import Scores
import Testing

@Suite struct ProblemTests {
    @Test func leavesOutWhatIsEmpty() {
        var buffer = ByteBuffer()
        ProblemEncoder.append(status: 404, title: "Not Found", to: &buffer)
        let text = buffer.bytes.text
        #expect(text == #"{"type":"about:blank","title":"Not Found","status":404}"#)
    }

    @Test func writesSeveralFaultsEscaped() {
        let problem = Problem(unprocessable: [
            Problem.Fault(["body", 3, "user"], "say \"hi\"", type: "a"), Problem.Fault([], "all of it", type: "b"),
        ])
        var buffer = ByteBuffer()
        ProblemEncoder.append(problem, to: &buffer)
        let text = buffer.bytes.text
        let expected = #"""
            {"type":"about:blank","title":"Unprocessable Content","status":422,\#
            "detail":"user: say \"hi\"; all of it","errors":[\#
            {"loc":["body",3,"user"],"msg":"say \"hi\"","type":"a"},{"loc":[],"msg":"all of it","type":"b"}]}
            """#
        #expect(text == expected)
    }
}
