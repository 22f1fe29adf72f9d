import Bytes
import Testing

@testable import AMQP

@Suite struct MethodCodecTests {
    static let every: [Method] = [
        .connectionStart(
            version: ProtocolVersion(),
            serverProperties: [
                Field("product", .text("RabbitMQ")),
                Field("capabilities", .table([Field("publisher_confirms", .flag(true)), Field("none", .flag(false))])),
                Field("empty", .table([])),
            ], mechanisms: "AMQPLAIN PLAIN"),
        .connectionStartOK(
            clientProperties: [Field("product", .text("test"))], mechanism: "PLAIN", response: "\0user\0päss"),
        .connectionTune(Tuning(channelMax: 2047, frameMax: 131_072, heartbeat: 60)),
        .connectionTuneOK(Tuning(channelMax: 1, frameMax: 4096, heartbeat: 0)),
        .connectionOpen(virtualHost: "/"),
        .connectionOpenOK,
        .connectionClose(Reply(code: 320, text: "CONNECTION_FORCED")),
        .connectionCloseOK,
        .connectionBlocked(reason: "low on memory"),
        .connectionUnblocked,
        .channelOpen,
        .channelOpenOK,
        .channelFlow(active: false),
        .channelFlowOK(active: true),
        .channelClose(Reply(code: 406, text: "PRECONDITION_FAILED")),
        .channelCloseOK,
        .confirmSelect,
        .confirmSelectOK,
        .exchangeDeclare(name: "scores", type: "fanout", passive: false, durable: true),
        .exchangeDeclare(name: "scores", type: "fanout", passive: true, durable: false),
        .exchangeDeclareOK,
        .queueDeclare(
            name: "poster", passive: false, durable: true, exclusive: false, autoDelete: false,
            arguments: [
                Field("x-queue-type", .text("quorum")), Field("x-single-active-consumer", .flag(true)),
                Field("x-delivery-limit", .integer(.max)), Field("x-other", .integer(-2)),
            ]),
        .queueDeclare(
            name: "poster", passive: true, durable: true, exclusive: false, autoDelete: false, arguments: []),
        .queueDeclare(name: "", passive: false, durable: false, exclusive: true, autoDelete: true, arguments: []),
        .queueDeclareOK(name: "amq.gen-1", consumers: 3),
        .queueBind(queue: "poster", exchange: "scores"),
        .queueBindOK,
        .basicQoS(prefetch: 200),
        .basicQoSOK,
        .basicConsume(queue: "poster", noAck: true),
        .basicConsumeOK(consumerTag: "amq.ctag-1"),
        .basicCancel(consumerTag: "amq.ctag-1", noWait: true),
        .basicCancelOK(consumerTag: "amq.ctag-1"),
        .basicPublish(exchange: "scores", routingKey: "kolga"),
        .basicReturn(Reply(code: 312, text: "NO_ROUTE")),
        .basicDeliver(tag: 1 << 40, redelivered: true),
        .basicAck(tag: .max, multiple: true),
        .basicNack(tag: 1, multiple: false, requeue: true),
        .basicReject(tag: 2, requeue: false),
    ]

    private func decoded(_ payload: [UInt8], channel: UInt16) throws(AMQPError) -> Method {
        var decoder = MethodDecoder()
        return try decoder.decode(payload.span, channel: channel)
    }

    @Test(arguments: every) func whatOneSideEncodesTheOtherDecodes(_ method: Method) throws {
        let (pieces, error) = decode([try method.frame(channel: method.channel)])
        #expect(error == nil)
        try #require(pieces.count == 1)
        let result = try decoded(pieces[0].payload, channel: method.channel)
        #expect(result == method)
    }

    @Test(arguments: [
        (Method.basicAck(tag: 7, multiple: true), "01 0001 0000000D 003C0050 0000000000000007 01 CE"),
        (
            .connectionTuneOK(Tuning(channelMax: 1, frameMax: 131_072, heartbeat: 30)),
            "01 0000 0000000C 000A001F 0001 00020000 001E CE"
        ),
        (.channelOpen, "01 0001 00000005 0014000A 00 CE"),
        (
            .basicPublish(exchange: "scores", routingKey: "kolga"),
            "01 0001 00000014 003C0028 0000 06 73636F726573 05 6B6F6C6761 00 CE"
        ),
        (
            .exchangeDeclare(name: "e", type: "fanout", passive: false, durable: true),
            "01 0001 00000014 0028000A 0000 01 65 06 66616E6F7574 02 00000000 CE"
        ),
    ])
    func bytes(_ method: Method, _ expected: String) throws {
        let frame = try method.frame(channel: method.channel)
        #expect(frame == hex(expected))
    }

    @Test(arguments: every) func argumentsThatAreCutOffAreRefused(_ method: Method) throws {
        let payload = decode([try method.frame(channel: method.channel)]).pieces[0].payload
        for length in 4..<payload.count {
            #expect(throws: AMQPError.self, "\(length) of \(payload.count) bytes") {
                try decoded(Array(payload[..<length]), channel: method.channel)
            }
        }
    }

    /// Whatever the bytes are, they are a method or an error. The generator is fixed, so that a failure comes again.
    @Test func changedArgumentsNeverBreakTheDecoder() throws {
        var generator = Generator(state: 4)
        var decoder = MethodDecoder()
        var accepted = 0
        for method in Self.every {
            let payload = decode([try method.frame(channel: method.channel)]).pieces[0].payload
            guard payload.count > 4 else { continue }
            for _ in 0..<300 {
                var changed = payload
                for _ in 0...Int.random(in: 0...2, using: &generator) {
                    changed[Int.random(in: 4..<changed.count, using: &generator)] = .random(
                        in: 0...255, using: &generator)
                }
                do throws(AMQPError) {
                    _ = try decoder.decode(changed.span, channel: method.channel)
                    accepted += 1
                } catch {
                    guard case .malformed = error else {
                        Issue.record("\(error)")
                        return
                    }
                }
            }
        }
        #expect(accepted > 0)
    }

    @Test(
        arguments: [
            ("basic.ack on channel 0", "003C0050 0000000000000007 01", 0, "method 60.80 on channel 0"),
            ("connection.close-ok on channel 1", "000A0033", 1, "method 10.51 on channel 1"),
            ("a method nobody knows", "003C00FF", 1, "arguments of method 60.255"),
            ("a class nobody knows", "00FF0001 00", 1, "arguments of method 255.1"),
        ] as [(String, String, UInt16, String)])
    func refuses(_ what: String, _ payload: String, _ channel: UInt16, _ text: String) {
        #expect(throws: AMQPError.malformed(text), "\(what)") { try decoded(hex(payload), channel: channel) }
    }

    /// Found by fuzzing: nested as deep as a frame of 128 KiB allows, both the library and we ran out of stack.
    @Test func tablesNestedAsDeepAsAMethodAllows() throws {
        let level = 6
        let depth = (Limits.method - 64) / level
        let sizes = (0...depth).reversed().map {
            Swift.withUnsafeBytes(of: UInt32($0 * level).bigEndian) { [UInt8]($0) }
        }
        let table = sizes.joined(separator: hex("00 46"))  // no name, and the kind of a table
        let start = hex("000A000A 00 09") + table + hex("00000005 504C41494E 00000000")
        guard case .connectionStart(_, var fields, "PLAIN") = try decoded(start, channel: 0) else {
            Issue.record("another method")
            return
        }
        var kept = 0
        while case .table(let inner)? = fields.first?.value {
            fields = inner
            kept += 1
        }
        #expect(kept == Limits.tableDepth)
    }

    @Test func aMethodWithNoPlaceHereIsNamedByItsNumber() throws {
        #expect(try decoded(hex("005A000B"), channel: 1) == .other(0x005A_000B))
    }

    @Test func theLibrarysMemoryIsUsedAgainForEachMethod() throws {
        var encoder = FrameEncoder()
        var decoder = MethodDecoder()
        var output = ByteBuffer()
        for round in 0..<2000 {
            for method in Self.every {
                try encoder.append(method, channel: method.channel, into: &output)
                let end = output.count - 1
                _ = try decoder.decode(
                    output.bytes.extracting(Frame.headerSize..<end), channel: method.channel)
                output.removeAll()
            }
            let blocks = encoder.arena.blocks + decoder.arena.blocks
            if blocks > 2 {
                Issue.record("\(blocks) blocks after round \(round)")
                return
            }
        }
    }

    @Test func whatDoesNotFitIsRefusedAndLeavesNothing() {
        let long = String(repeating: "n", count: 256)
        var encoder = FrameEncoder()
        var output = ByteBuffer()
        #expect(throws: AMQPError.self) {
            try encoder.append(.connectionOpen(virtualHost: long), channel: 0, into: &output)
        }
        let response = Method.connectionStartOK(
            clientProperties: [], mechanism: "PLAIN", response: String(repeating: "p", count: 5000))
        #expect(throws: AMQPError.self) { try encoder.append(response, channel: 0, into: &output) }
        let written = output.count
        #expect(written == 0)
    }
}

/// SplitMix64: the same numbers every time.
struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
