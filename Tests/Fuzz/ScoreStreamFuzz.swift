// libFuzzer entry for the incremental decoder of score arrays; Tests/Fuzz/run builds it and lets it run.
//
// Property: how the bytes are cut never changes the scores or the error. The first byte of the input seeds the cuts.

import Bytes
import JSON
import Scores

@c(LLVMFuzzerTestOneInput)
public func fuzzScoreStream(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let input = Array(UnsafeBufferPointer(start: data, count: size))
    guard let seed = input.first else { return 0 }
    let text = Array(input.dropFirst())
    let whole = outcome(of: text) { _ in text.count }
    precondition(whole == outcome(of: text) { _ in 1 }, "byte by byte is another outcome")
    var state = UInt32(seed) + 1
    let cut = outcome(of: text) { _ in
        state = state &* 1_664_525 &+ 1_013_904_223
        return Int(state >> 24) % 23 + 1
    }
    precondition(whole == cut, "cut at random is another outcome")

    // What one element is to the stream, it is to the message: the same scores, one a line.
    for result in whole.results {
        guard case .success(let score) = result else { continue }
        var line = ByteBuffer()
        ScoreEncoder.append(score, to: &line)
        var message = FeedMessageDecoder(contentType: Array("application/x-ndjson".utf8).span, body: line.bytes)
        guard case .success(let back)? = message.next() else { preconditionFailure("what was written is no score") }
        precondition(back.id == score.id && back.user == score.user && back.score == score.score, "another score")
        precondition((back.createdAt == nil) == (score.createdAt == nil), "a time was lost or invented")
    }
    return 0
}

private struct Outcome: Equatable {
    var results: [Result<Score, ScoreError>] = []
    var error: ScoreError?
}

private func outcome(of text: [UInt8], cutting length: (Int) -> Int) -> Outcome {
    var outcome = Outcome()
    var decoder = ScoreStreamDecoder()
    do throws(ScoreError) {
        var position = 0
        while position < text.count {
            let end = min(text.count, position + max(1, length(position)))
            decoder.receive(text.span.extracting(position..<end))
            while let result = try decoder.next() { outcome.results.append(result) }
            position = end
        }
        try decoder.finish()
    } catch {
        outcome.error = error
    }
    return outcome
}
