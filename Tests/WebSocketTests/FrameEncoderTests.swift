import Bytes
import Testing
import WebSocket

@Suite struct FrameEncoderTests {
    static let key = MaskingKey(0x37, 0xfa, 0x21, 0x3d)

    private func encoded(_ write: (inout ByteBuffer) -> Void) -> [UInt8] {
        var output = ByteBuffer()
        write(&output)
        return output.bytes.copied
    }

    /// RFC 6455, 5.7.
    @Test func writesTheExamplesOfTheRFC() {
        let hello = Array("Hello".utf8)
        #expect(encoded { FrameEncoder.append(text: hello.span, to: &$0) } == hex("8105 48656c6c6f"))
        #expect(
            encoded { FrameEncoder.append(text: hello.span, maskingKey: Self.key, to: &$0) }
                == hex("8185 37fa213d 7f9f4d5158"))
        #expect(
            encoded {
                FrameEncoder.append(.text, hello.span.extracting(0..<3), isFinal: false, to: &$0)
                FrameEncoder.append(.continuation, hello.span.extracting(3..<5), to: &$0)
            } == hex("0103 48656c 8002 6c6f"))
        #expect(encoded { FrameEncoder.append(.ping, hello.span, to: &$0) } == hex("8905 48656c6c6f"))
        #expect(
            encoded { FrameEncoder.append(.pong, hello.span, maskingKey: Self.key, to: &$0) }
                == hex("8a85 37fa213d 7f9f4d5158"))
    }

    @Test(arguments: [0, 1, 125, 126, 127, 256, 65_535, 65_536, 70_000])
    func writesAllLengths(length: Int) {
        let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        #expect(encoded { FrameEncoder.append(binary: payload.span, to: &$0) } == frame(2, payload, key: nil))
        #expect(
            encoded { FrameEncoder.append(binary: payload.span, maskingKey: Self.key, to: &$0) }
                == frame(2, payload))
    }

    /// 5.5.1.
    @Test func writesClose() {
        #expect(encoded { FrameEncoder.append(close: nil, to: &$0) } == hex("8800"))
        #expect(encoded { FrameEncoder.append(close: .normal, to: &$0) } == hex("8802 03e8"))
        #expect(
            encoded { FrameEncoder.append(close: .goingAway, reason: "bye", maskingKey: Self.key, to: &$0) }
                == frame(8, hex("03e9 627965")))
    }

    @Test func setsReservedBits() {
        let empty = encoded { FrameEncoder.append(.text, Span(), reservedBits: .rsv1, to: &$0) }
        #expect(empty == hex("c100"))
    }
}
