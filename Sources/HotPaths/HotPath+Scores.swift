import Bytes
import JSON
import Scores

extension HotPath {
    static let scores: [HotPath] = [
        HotPath("score submission: judged", per: "score") { count in
            let body = Array(#"{"user":"ada lovelace","score":12345}"#.utf8)
            let bytes = body.span
            var found = 0
            for _ in 0..<count {
                do throws(Problem) {
                    found &+= Int(try ScoreSubmission.parse(bytes).score)
                } catch {
                    fatalError("a good score was refused: \(error)")
                }
            }
            return found
        },
        HotPath("score batch: a line judged and kept", per: "score") { count in
            let lines = Array(String(repeating: #"{"user":"ada lovelace","score":12345}"# + "\n", count: 100).utf8)
            var rows = ScoreRows()
            var found = 0
            // A hundred lines a piece, as one receive brings them.
            for _ in 0..<max(1, count / 100) {
                var decoder = ScoreBatchDecoder(.lines)
                do throws(Problem) {
                    try decoder.receive(lines.span, into: &rows)
                    try decoder.finish(into: &rows)
                } catch {
                    fatalError("good scores were refused: \(error)")
                }
                found += rows.count
                rows.removeAll()
            }
            return found
        },
        HotPath("score encoder: one score", per: "score") { count in
            let user = Array("ada lovelace".utf8)
            let createdAt = Timestamp(microseconds: 1_790_000_000_123_456)
            var output = ByteBuffer(capacity: 4096)
            var written = 0
            for index in 0..<count {
                output.removeAll()
                ScoreEncoder.append(
                    id: Int64(100_000 + index), user: user.span, score: 12345, createdAt: createdAt, to: &output)
                written += output.count
            }
            return written
        },
        HotPath("score decoder: one score", per: "score") { count in
            let text = Array(
                #"{"id":123456,"user":"ada lovelace","score":12345,"created_at":"2026-09-22T00:53:20.123Z"}"#.utf8)
            let bytes = text.span
            var found = 0
            for _ in 0..<count {
                do throws(ScoreError) {
                    found &+= Int(try ScoreDecoder.decode(bytes).score)
                } catch {
                    fatalError("a good score was refused: \(error)")
                }
            }
            return found
        },
        HotPath("JSON string: 1 KiB without escapes", per: "string") { write(String(repeating: "a", count: 1024), $0) },
        HotPath("JSON string: 1 KiB of quotes", per: "string") { write(String(repeating: "\"", count: 1024), $0) },
    ]

    private static func write(_ text: String, _ count: Int) -> Int {
        let bytes = Array(text.utf8)
        var output = ByteBuffer(capacity: 8192)
        var written = 0
        for _ in 0..<count {
            output.removeAll()
            output.append(jsonString: bytes.span)
            written += output.count
        }
        return written
    }
}
