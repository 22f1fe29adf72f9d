import Bytes
import Testing
import WebSocket

@Suite struct FrameDecoderTests {
    private func events(_ decoder: inout FrameDecoder, _ bytes: [UInt8]) throws(WebSocketError) -> FrameDecoder.Event {
        try decoder.next(bytes.span)
    }

    /// A payload comes in the pieces in which it arrived, each with the key turned to its place.
    @Test func deliversPayloadInPieces() throws {
        var decoder = FrameDecoder(role: .server)
        let key = MaskingKey(1, 2, 3, 4)
        let header = FrameHeader(.text, payloadLength: 6, maskingKey: key)
        #expect(try events(&decoder, hex("8186 010203")) == .needMore)
        #expect(try events(&decoder, hex("8186 01020304 aa")) == .dataFrame(header, consumed: 6))
        #expect(try events(&decoder, hex("aa")) == .payload(consumed: 1, maskingKey: key, endsFrame: false))
        #expect(try events(&decoder, []) == .needMore)
        #expect(
            try events(&decoder, hex("bbcc"))
                == .payload(consumed: 2, maskingKey: MaskingKey(2, 3, 4, 1), endsFrame: false))
        #expect(
            try events(&decoder, hex("dddddd 8980"))
                == .payload(consumed: 3, maskingKey: MaskingKey(4, 1, 2, 3), endsFrame: true))
        #expect(try events(&decoder, hex("8980")) == .needMore)
    }

    @Test func anEmptyFrameHasOneEmptyPiece() throws {
        var decoder = FrameDecoder(role: .client)
        #expect(try events(&decoder, hex("8200")) == .dataFrame(FrameHeader(.binary, payloadLength: 0), consumed: 2))
        #expect(
            try events(&decoder, [])
                == .payload(consumed: 0, maskingKey: MaskingKey(0, 0, 0, 0), endsFrame: true))
        #expect(try events(&decoder, []) == .needMore)
    }

    /// Control frames wait in the receive buffer until they are whole: at most 139 bytes.
    @Test func deliversControlFramesWhole() throws {
        var decoder = FrameDecoder(role: .server)
        let bytes = frame(9, [UInt8](repeating: 7, count: 125))
        #expect(bytes.count == 131)
        for length in bytes.indices { #expect(try events(&decoder, Array(bytes[..<length])) == .needMore) }
        let header = FrameHeader(.ping, payloadLength: 125, maskingKey: MaskingKey(0x37, 0xfa, 0x21, 0x3d))
        #expect(try events(&decoder, bytes + [0]) == .controlFrame(header, consumed: 131))
    }

    @Test func takesTheBitsOfAnExtension() throws {
        var decoder = FrameDecoder(role: .client, allowedReservedBits: .rsv1)
        let header = FrameHeader(.text, payloadLength: 1, reservedBits: .rsv1)
        #expect(try events(&decoder, hex("c101")) == .dataFrame(header, consumed: 2))
    }
}
