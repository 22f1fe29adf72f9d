import Bytes
import Testing

@testable import AMQP

/// AMQP 0-9-1 section 4.2.3.
@Suite struct FrameDecoderTests {
    @Test func framesInEveryChunking() throws {
        let bytes =
            hex("08 0000 00000000 CE")  // heartbeat
            + hex("01 0001 0000000D 003C0050 0000000000000007 01 CE")  // basic.ack 7, multiple
            + hex("02 0001 0000000E 003C 0000 0000000000000003 0000 CE")  // content header, 3 bytes to come
            + hex("03 0001 00000003 61CE63 CE")  // body, with an end octet inside
            + hex("03 0001 00000000 CE")  // an empty body frame
            + hex("01 0000 00000004 000A0033 CE")  // connection.close-ok
        let expected = [
            Piece(kind: .heartbeat, channel: 0, payload: []),
            Piece(kind: .method, channel: 1, payload: hex("003C0050 0000000000000007 01")),
            Piece(kind: .header, channel: 1, payload: hex("003C 0000 0000000000000003 0000")),
            Piece(kind: .body, channel: 1, payload: hex("61CE63")),
            Piece(kind: .body, channel: 1, payload: []),
            Piece(kind: .method, channel: 0, payload: hex("000A0033")),
        ]
        everyChunking(bytes) { chunks in
            let (pieces, error) = decode(chunks)
            #expect(pieces == expected)
            #expect(error == nil)
        }
    }

    @Test(arguments: [
        ("a type that does not exist", "04 0001 00000000 CE", "frame of type 4"),
        ("another protocol's answer", "48545450 2F312E31", "frame of type 72"),
        (
            "the protocol header of another version, 4.2.2", "414D5150 00 00 09 00",
            "it speaks another version of the protocol"
        ),
        ("a method of 3 bytes", "01 0001 00000003 003C00 CE", "method frame of 3 bytes on channel 1"),
        ("a method over the limit, by 1", "01 0000 00003FF9", "method frame of 16377 bytes on channel 0"),
        ("an empty method", "01 0000 00000000 CE", "method frame of 0 bytes on channel 0"),
        (
            "a content header of 12 bytes, without property flags",
            "02 0001 0000000C 003C 0000 0000000000000003 CE", "header frame of 12 bytes on channel 1"
        ),
        (
            "a content header on channel 0", "02 0000 0000000E 003C 0000 0000000000000003 0000 CE",
            "header frame of 14 bytes on channel 0"
        ),
        ("a body on channel 0", "03 0000 00000001 61 CE", "body frame of 1 bytes on channel 0"),
        ("a heartbeat with a payload", "08 0000 00000001 00 CE", "heartbeat frame of 1 bytes on channel 0"),
        ("a heartbeat on a channel, 4.2.7", "08 0001 00000000 CE", "heartbeat frame of 0 bytes on channel 1"),
        ("a channel that is not open", "03 0002 00000001 61 CE", "frame on channel 2, not open"),
        ("the last channel", "01 FFFF 00000004 000A0033 CE", "frame on channel 65535, not open"),
        ("another end octet", "03 0001 00000001 61 CF", "frame without its end octet"),
        ("a size that overflows", "03 0001 FFFFFFFF", "frame of 4294967303 bytes, agreed: 131072"),
        ("a size over the agreed one, by 1", "03 0001 0001FFF9", "frame of 131073 bytes, agreed: 131072"),
    ])
    func refuses(_ what: String, _ bytes: String, _ text: String) {
        everyChunking(hex("08 0000 00000000 CE" + bytes)) { chunks in
            let (pieces, error) = decode(chunks)
            #expect(pieces == [Piece(kind: .heartbeat, channel: 0, payload: [])])
            #expect(error == .malformed(text), "\(what)")
        }
    }

    /// The header is enough: nobody waits for a payload that will not be taken.
    @Test func takesAFrameOfExactlyTheAgreedSize() {
        let decoder = FrameDecoder(frameMax: 4096)
        let payload = [UInt8](repeating: 1, count: 4096 - Frame.overhead)
        let frame = hex("03 0001 00000FF8") + payload + [0xCE]
        #expect(decode([frame], decoder).pieces == [Piece(kind: .body, channel: 1, payload: payload)])
        #expect(decode([hex("03 0001 00000FF9")], decoder).error != nil)
    }
}
