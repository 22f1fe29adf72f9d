import Bytes
import Testing
import WebSocket

@Suite struct MaskingKeyTests {
    /// RFC 6455, 5.3: every length and alignment of source and target, against the RFC's formula.
    @Test func masksAllLengthsAtAllAlignments() {
        let key = MaskingKey(0x37, 0xfa, 0x21, 0x3d)
        let source = (0..<96).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
        for alignment in 0..<9 {
            for length in 0...(96 - alignment) {
                for before in 0..<9 {
                    var target = ByteBuffer()
                    target.append([UInt8](repeating: 0xEE, count: before))
                    target.append(source.span.extracting(alignment..<(alignment + length)), masking: key)
                    let expected =
                        [UInt8](repeating: 0xEE, count: before)
                        + (0..<length).map { source[alignment + $0] ^ rfcKey[$0 & 3] }
                    let written = target.bytes.copied
                    if written != expected { Issue.record("alignment \(alignment), \(length) bytes after \(before)") }
                }
            }
        }
    }

    @Test func isNoUseTwice() {
        let key = MaskingKey.random()
        var once = ByteBuffer()
        var twice = ByteBuffer()
        let source = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
        once.append(source.span, masking: key)
        twice.append(once.bytes, masking: key)
        let plain = twice.bytes.copied
        #expect(plain == source)
    }

    @Test func isNewEachTime() {
        #expect(Set((0..<16).map { _ in "\(MaskingKey.random())" }).count > 8)
    }
}
