// libFuzzer entry for the incremental decoder of submitted scores; Tests/Fuzz/run builds it and lets it run.
//
// Properties: how the bytes are cut never changes the rows or the problem; what an element is to the array, it is to a
// line. The first byte of the input chooses the form and seeds the cuts.

import Bytes
import Scores

@c(LLVMFuzzerTestOneInput)
public func fuzzScoreBatch(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: data, count: size))
    guard let seed = input.first else { return 0 }
    let form: ScoreBatchDecoder.Form = seed & 1 == 1 ? .array : .lines
    let text = Array(input.dropFirst())
    let whole = outcome(form, text) { text.count }
    precondition(whole == outcome(form, text) { 1 }, "byte by byte is another outcome")
    var state = UInt32(seed) + 1
    let cut = outcome(form, text) {
        state = state &* 1_664_525 &+ 1_013_904_223
        return Int(state >> 24) % 23 + 1
    }
    precondition(whole == cut, "cut at random is another outcome")
    precondition(whole.rows.count == whole.count, "rows and count disagree")

    // Rows that were taken, written as the other form, are the same rows.
    let other: ScoreBatchDecoder.Form = form == .array ? .lines : .array
    let written = written(whole.rows, other)
    let back = outcome(other, written) { written.count }
    precondition(back.problem == nil && back.rows == whole.rows, "what was written is read as something else")
    return 0
}

private struct Outcome: Equatable {
    var rows = ScoreRows()
    var count = 0
    var problem: Problem?
}

private func outcome(_ form: ScoreBatchDecoder.Form, _ text: [UInt8], cutting length: () -> Int) -> Outcome {
    var outcome = Outcome()
    var decoder = ScoreBatchDecoder(form)
    do throws(Problem) {
        var position = 0
        while position < text.count {
            let end = min(text.count, position + max(1, length()))
            try decoder.receive(text.span.extracting(position..<end), into: &outcome.rows)
            position = end
        }
        try decoder.finish(into: &outcome.rows)
    } catch {
        outcome.problem = error
    }
    outcome.count = decoder.count
    return outcome
}

private func written(_ rows: ScoreRows, _ form: ScoreBatchDecoder.Form) -> [UInt8] {
    var output = ByteBuffer()
    if form == .array { output.append(UInt8(ascii: "[")) }
    for index in 0..<rows.count {
        if index > 0 { output.append(form == .array ? "," : "\n") }
        let score = Score(id: nil, user: rows.user(at: index).copied, score: rows.scores[index], createdAt: nil)
        ScoreEncoder.append(score, to: &output)
    }
    if form == .array { output.append(UInt8(ascii: "]")) }
    return output.bytes.copied
}
