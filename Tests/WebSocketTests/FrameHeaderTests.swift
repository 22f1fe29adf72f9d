import Bytes
import Testing
import WebSocket

@Suite struct FrameHeaderTests {
    private enum Outcome: Equatable {
        case header(FrameHeader)
        case needMore
        case failed(WebSocketError)
    }

    private func decode(
        _ bytes: [UInt8], _ role: WebSocketRole, allowed: ReservedBits = []
    ) -> Outcome {
        do throws(WebSocketError) {
            let header = try FrameHeader.decode(bytes.span, receivedBy: role, allowedReservedBits: allowed)
            return header.map { .header($0) } ?? .needMore
        } catch {
            return .failed(error)
        }
    }

    static let key = MaskingKey(0x37, 0xfa, 0x21, 0x3d)

    /// The headers of RFC 6455, 5.7, and every boundary of the length's three forms.
    static let vectors: [(String, WebSocketRole, FrameHeader)] = [
        ("8105", .client, FrameHeader(.text, payloadLength: 5)),
        ("818537fa213d", .server, FrameHeader(.text, payloadLength: 5, maskingKey: key)),
        ("0103", .client, FrameHeader(.text, payloadLength: 3, isFinal: false)),
        ("8002", .client, FrameHeader(.continuation, payloadLength: 2)),
        ("8905", .client, FrameHeader(.ping, payloadLength: 5)),
        ("8a8537fa213d", .server, FrameHeader(.pong, payloadLength: 5, maskingKey: key)),
        ("827e0100", .client, FrameHeader(.binary, payloadLength: 256)),
        ("827f0000000000010000", .client, FrameHeader(.binary, payloadLength: 65_536)),
        ("8800", .client, FrameHeader(.close, payloadLength: 0)),
        ("8200", .client, FrameHeader(.binary, payloadLength: 0)),
        ("827d", .client, FrameHeader(.binary, payloadLength: 125)),
        ("827e007e", .client, FrameHeader(.binary, payloadLength: 126)),
        ("827effff", .client, FrameHeader(.binary, payloadLength: 65_535)),
        ("82fe007e37fa213d", .server, FrameHeader(.binary, payloadLength: 126, maskingKey: key)),
        ("82ff000000000001000037fa213d", .server, FrameHeader(.binary, payloadLength: 65_536, maskingKey: key)),
        ("827f7fffffffffffffff", .client, FrameHeader(.binary, payloadLength: .max)),
    ]

    @Test(arguments: vectors)
    func decodesAndEncodes(text: String, role: WebSocketRole, header: FrameHeader) {
        let bytes = hex(text)
        #expect(decode(bytes, role) == .header(header))
        #expect(header.encodedLength == bytes.count)
        for length in bytes.indices { #expect(decode(Array(bytes[..<length]), role) == .needMore) }
        var memory = [UInt8](repeating: 0xEE, count: 14)
        let written = memory.withUnsafeMutableBytes { header.encode(into: $0) }
        #expect(Array(memory[..<written]) == bytes)
    }

    /// What is wrong, and after how many bytes it is known.
    static let faults: [(String, WebSocketRole, WebSocketError, Int)] = [
        ("c180", .server, .reservedBits, 1), ("a180", .server, .reservedBits, 1), ("9180", .server, .reservedBits, 1),
        ("b280", .server, .reservedBits, 1), ("c980", .server, .reservedBits, 1), ("c080", .server, .reservedBits, 1),
        ("8380", .server, .reservedOpcode, 1), ("8780", .server, .reservedOpcode, 1),
        ("8b80", .server, .reservedOpcode, 1), ("8f80", .server, .reservedOpcode, 1),
        ("0980", .server, .fragmentedControlFrame, 1), ("0880", .server, .fragmentedControlFrame, 1),
        ("8105", .server, .unmaskedFrame, 2), ("8800", .server, .unmaskedFrame, 2),
        ("818537fa213d", .client, .maskedFrame, 2),
        ("89fe007e", .server, .controlFrameTooLong, 2), ("887e007e", .client, .controlFrameTooLong, 2),
        ("8a7f", .client, .controlFrameTooLong, 2),
        ("827e0000", .client, .lengthNotMinimal, 4), ("827e007d", .client, .lengthNotMinimal, 4),
        ("827f000000000000007d", .client, .lengthNotMinimal, 10),
        ("827f000000000000ffff", .client, .lengthNotMinimal, 10),
        ("827f8000000000000000", .client, .lengthOverflow, 3), ("827fffffffffffffffff", .client, .lengthOverflow, 3),
    ]

    @Test(arguments: faults)
    func refusesAsSoonAsItIsKnown(text: String, role: WebSocketRole, error: WebSocketError, known: Int) {
        let bytes = hex(text)
        for length in 0...bytes.count {
            let outcome = decode(Array(bytes[..<length]), role)
            #expect(outcome == (length < known ? .needMore : .failed(error)), "\(length) bytes")
        }
    }

    /// RFC 7692, 6: RSV1 has a meaning in the first frame of a message only.
    @Test func allowsNegotiatedBitsWhereAMessageBegins() {
        #expect(
            decode(hex("c100"), .client, allowed: .rsv1)
                == .header(FrameHeader(.text, payloadLength: 0, reservedBits: .rsv1)))
        #expect(
            decode(hex("4200"), .client, allowed: .rsv1)
                == .header(FrameHeader(.binary, payloadLength: 0, isFinal: false, reservedBits: .rsv1)))
        #expect(decode(hex("e100"), .client, allowed: .rsv1) == .failed(.reservedBits))
        #expect(decode(hex("c000"), .client, allowed: .rsv1) == .failed(.reservedBits))
        #expect(decode(hex("c900"), .client, allowed: .rsv1) == .failed(.reservedBits))
    }
}
