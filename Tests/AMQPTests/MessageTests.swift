import Bytes
import Testing

@testable import AMQP

/// A message put together, as a value.
struct Message: Equatable {
    var contentType = ""
    var messageID = ""
    var timestamp: Int64?
    var body: [UInt8] = []
}

/// Content headers and bodies, both ways: AMQP 0-9-1 section 4.2.6.
@Suite struct MessageTests {
    private func encoded(
        _ body: [UInt8], contentType: StaticString? = nil, messageID: String = "", timestamp: Int64 = 1,
        frameMax: Int = 4096
    ) throws -> [UInt8] {
        var encoder = ContentEncoder(exchange: "scores")
        encoder.frameMax = frameMax
        var output = ByteBuffer()
        let id = Array(messageID.utf8)
        try encoder.append(
            routingKey: "kolga", contentType: contentType, messageID: id.span, timestamp: timestamp, body: body.span,
            into: &output)
        return output.bytes.copied
    }

    /// Feeds the frames after a basic.publish or basic.deliver to an assembler.
    private func assemble(
        _ pieces: [Piece], limit: Int = 1 << 20, isWanted: Bool = true
    ) throws(AMQPError) -> (progress: [MessageAssembler.Progress], message: Message) {
        var assembler = MessageAssembler(limit: limit)
        assembler.begin(deliveryTag: 5, redelivered: true, isWanted: isWanted)
        var progress: [MessageAssembler.Progress] = []
        var message = Message()
        for piece in pieces {
            let payload = piece.payload.span
            let step = piece.kind == .header ? try assembler.header(payload) : try assembler.body(payload)
            progress.append(step)
            let take: (borrowing Delivery) -> Void = { delivery in
                message = Message(
                    contentType: delivery.contentType.text, messageID: delivery.messageID.text,
                    timestamp: delivery.timestamp, body: delivery.body.copied)
                let (tag, redelivered) = (delivery.deliveryTag, delivery.redelivered)
                #expect(tag == 7 << 48 | 5)
                #expect(redelivered)
            }
            switch step {
            case .whole: assembler.withDelivery(payload, epoch: 7 << 48, take)
            case .assembled: assembler.withDelivery(nil, epoch: 7 << 48, take)
            default: break
            }
            let isExpecting = assembler.isExpectingContent
            #expect(isExpecting == (step == .needMore))
        }
        return (progress, message)
    }

    @Test func bytesOfAPublishedMessage() throws {
        let bytes = try encoded(
            Array("{}".utf8), contentType: "application/json", messageID: "m1", timestamp: 0x6553_F100)
        #expect(
            bytes
                == hex("01 0001 00000014 003C0028 0000 06 73636F726573 05 6B6F6C6761 00 CE")
                + hex("02 0001 0000002B 003C 0000 0000000000000002")  // flags follow:
                // content-type, delivery-mode, message-id, timestamp
                + hex("90C0") + hex("10") + Array("application/json".utf8) + hex("02")
                + hex("02") + Array("m1".utf8) + hex("000000006553F100") + hex("CE")
                + hex("03 0001 00000002 7B7D CE"))
    }

    @Test(arguments: [0, 1, 4087, 4088, 4089, 8176, 20_000]) func bodiesInFramesOfTheAgreedSize(_ size: Int) throws {
        let body = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
        let pieces = decode([try encoded(body, contentType: "a/b", messageID: "id")], FrameDecoder(frameMax: 4096))
            .pieces
        #expect(pieces.count == 2 + (size + 4087) / 4088)
        let (progress, message) = try assemble(Array(pieces.dropFirst()))
        #expect(message == Message(contentType: "a/b", messageID: "id", timestamp: 1, body: body))
        #expect(progress.dropLast().allSatisfy { $0 == .needMore })
        // A body in one frame is not copied.
        #expect(progress.last == (pieces.count == 3 ? .whole : .assembled))
    }

    @Test func everyChunkingGivesTheSameFrames() throws {
        let bytes = try encoded([1, 2, 3], contentType: "text/plain") + encoded([], messageID: "x")
        let expected = decode([bytes]).pieces
        #expect(expected.count == 5)
        everyChunking(bytes) { chunks in #expect(decode(chunks).pieces == expected) }
    }

    @Test func bodiesOverTheLimitAreReadToTheirEndAndReported() throws {
        let pieces = decode([try encoded([UInt8](repeating: 0, count: 10_000))]).pieces.dropFirst()
        #expect(try assemble(Array(pieces), limit: 10_000).progress.last == .assembled)
        #expect(
            try assemble(Array(pieces), limit: 9_999).progress == [.needMore, .needMore, .needMore, .tooLarge(10_000)])
    }

    @Test func contentNobodyWantsIsReadToItsEnd() throws {
        let pieces = decode([try encoded([1])]).pieces.dropFirst()
        #expect(try assemble(Array(pieces), isWanted: false).progress == [.needMore, .discarded])
        let empty = decode([try encoded([])]).pieces.dropFirst()
        #expect(try assemble(Array(empty), isWanted: false).progress == [.discarded])
    }

    /// A header for a body of one byte.
    private func header(_ flagsAndList: [UInt8]) -> Piece {
        Piece(kind: .header, channel: 1, payload: hex("003C 0000 0000000000000001") + flagsAndList)
    }

    private let one = Piece(kind: .body, channel: 1, payload: [9])

    @Test func everyPropertyBeforeTheTimestampIsSteppedOver() throws {
        let list =
            hex("FFFC") + hex("01 74")  // all fourteen; content-type "t"
            + hex("04") + Array("gzip".utf8)  // content-encoding
            + hex("0000000A 01 6B 53 00000003 FFFFFF")  // headers: a table, looked into by nobody
            + hex("02 09")  // delivery-mode, priority
            + hex("01 63 00 02 3939")  // correlation-id, reply-to, expiration
            + hex("03 696431") + hex("000000000000002A")  // message-id "id1", timestamp 42
            + hex("00 00 00 00")  // type, user-id, app-id, and the reserved one
        let message = try assemble([header(list), one]).message
        #expect(message == Message(contentType: "t", messageID: "id1", timestamp: 42, body: [9]))
        // None at all, as the replaced publishers send them.
        #expect(try assemble([header(hex("0000")), one]).message == Message(body: [9]))
    }

    @Test func propertyListsThatAreCutOffAreRefused() throws {
        let list =
            hex("B0C0") + hex("01 74") + hex("00000002 0102") + hex("02") + hex("02 6964") + hex("0000000000000001")
        #expect(try assemble([header(list), one]).message.messageID == "id")
        for length in 2..<list.count {
            #expect(throws: AMQPError.malformed("property list is cut off"), "\(length) bytes") {
                try assemble([header(Array(list[..<length]))])
            }
        }
        #expect(throws: AMQPError.malformed("property list is cut off"), "a table of 4 GiB") {
            try assemble([header(hex("2000 FFFFFFFF 00"))])
        }
        #expect(throws: AMQPError.malformed("property flags"), "a second word of flags") {
            try assemble([header(hex("8001 0000 00"))])
        }
    }

    @Test func contentOutOfOrderIsRefused() throws {
        #expect(throws: AMQPError.malformed("content body without its header")) { try assemble([one]) }
        #expect(throws: AMQPError.malformed("content header without its method")) {
            try assemble([header(hex("0000")), header(hex("0000"))])
        }
        #expect(throws: AMQPError.malformed("body longer than announced")) {
            try assemble([header(hex("0000")), Piece(kind: .body, channel: 1, payload: [1, 2])])
        }
        #expect(throws: AMQPError.malformed("content body without its header")) {
            try assemble([header(hex("0000")), one, one])
        }
    }

    @Test func aBodyOfManyFramesLeavesNothingBehindForTheNext() throws {
        var assembler = MessageAssembler()
        let large = [UInt8](repeating: 3, count: 500_000)
        var bodies: [[UInt8]] = []
        for body in [large, [1], large, []] {
            assembler.begin(deliveryTag: 1, redelivered: false)
            for piece in decode([try encoded(body, frameMax: 131_072)]).pieces.dropFirst() {
                let payload = piece.payload.span
                switch piece.kind == .header ? try assembler.header(payload) : try assembler.body(payload) {
                case .whole: assembler.withDelivery(payload, epoch: 0) { bodies.append($0.body.copied) }
                case .assembled: assembler.withDelivery(nil, epoch: 0) { bodies.append($0.body.copied) }
                default: break
                }
            }
        }
        let arrived = bodies == [large, [1], large, []]
        #expect(arrived)
    }
}
