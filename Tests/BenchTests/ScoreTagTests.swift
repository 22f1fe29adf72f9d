import Bytes
import Testing

@testable import Bench

@Suite struct ScoreTagTests {
    private func text(_ tag: ScoreTag) -> String {
        var buffer = ByteBuffer()
        tag.append(to: &buffer)
        return buffer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }

    @Test func isReadAsItWasWritten() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<1_000 {
            let tag = ScoreTag(
                run: .random(in: 0...UInt16.max, using: &random), due: .random(in: 0...Int64.max, using: &random),
                serial: .random(in: 0...UInt32.max, using: &random))
            let bytes = Array(text(tag).utf8)
            #expect(bytes.count == ScoreTag.length)
            #expect(ScoreTag(bytes.span) == tag)
        }
    }

    @Test func saysWhoSentItAndTheHowManiethItIs() {
        let tag = ScoreTag(run: 0x3f2a, due: 0x0a1b_2c3d_4e5f, serial: 0x1000_002a)
        #expect(text(tag) == "bench-3f2a-00000a1b2c3d4e5f-1000002a")
        #expect(tag.worker == 1 && tag.count == 42)
    }

    @Test(arguments: [
        "", "ada", "bench-3f2a-00000a1b2c3d4e5f-1000002", "bench-3f2a-00000a1b2c3d4e5f-1000002A",
        "bench-3f2a_00000a1b2c3d4e5f-1000002a", "bunch-3f2a-00000a1b2c3d4e5f-1000002a",
        "bench-3f2a-00000a1b2c3d4e5f-1000002a ",
    ]) func isNoOtherName(_ name: String) {
        #expect(ScoreTag(Array(name.utf8).span) == nil)
    }
}

@Suite struct ScoreBodyTests {
    private func text(_ body: ScoreBody, _ count: Int) -> String {
        var buffer = ByteBuffer()
        body.append(ScoreTag(run: 1, due: 2, serial: 3), count: count, to: &buffer)
        return buffer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }

    private let first = #"{"user":"bench-0001-0000000000000002-00000003","score":103}"#
    private let second = #"{"user":"bench-0001-0000000000000002-00000004","score":104}"#

    @Test func isWrittenInThreeWays() {
        #expect(text(.single, 1) == first)
        #expect(text(.array, 2) == "[\(first),\(second)]")
        #expect(text(.array, 1) == "[\(first)]")
        #expect(text(.ndjson, 2) == "\(first)\n\(second)\n")
    }

    /// The Content-Length is written once for all requests of a run.
    @Test func hasOneLengthWhateverTheSerial() {
        for body in ScoreBody.allCases {
            let count = body == .single ? 1 : 7
            let lengths = [0, 9, 899, 900, 1_000_000, UInt32.max - 9].map { (serial: UInt32) in
                var buffer = ByteBuffer()
                body.append(ScoreTag(run: 1, due: .max, serial: serial), count: count, to: &buffer)
                return buffer.count
            }
            #expect(Set(lengths).count == 1)
        }
    }
}
