import Bytes

@testable import AMQP

/// A message of the broker's, or of ours.
struct BrokerMessage: Equatable {
    var tag: UInt64
    var redelivered = false
    var contentType: [UInt8] = []
    var messageID: [UInt8] = []
    var timestamp: Int64?
    var body: [UInt8] = []
}

/// The broker's side, in one byte a method and some for its arguments.
struct BrokerScript: ~Copyable {
    var stream: [UInt8] = []
    private(set) var messages: [BrokerMessage] = []
    /// All of it was written here, and no bytes of the input's.
    private(set) var isSound = false
    private var input: ArraySlice<UInt8>
    private var tag: UInt64 = 0
    private var encoder = FrameEncoder()
    private var output = ByteBuffer()

    init(_ input: ArraySlice<UInt8>) { self.input = input }

    private mutating func next() -> Int { Int(input.popFirst() ?? 0) }

    private mutating func take(_ count: Int) -> [UInt8] {
        defer { input = input.dropFirst(count) }
        return Array(input.prefix(count))
    }

    mutating func play() {
        isSound = true
        while !input.isEmpty { step(next() % 25) }
        let played = output.bytes.copied
        stream = played
    }

    private mutating func step(_ what: Int) {
        switch what {
        case 0: logIn()
        case 1: say(.connectionTune(tuning()), channel: 0)
        case 2: say(.connectionOpenOK, channel: 0)
        case 3: say(.channelOpenOK)
        case 4: say(.confirmSelectOK)
        case 5: say(.exchangeDeclareOK)
        case 6: say(.queueDeclareOK(name: "amq.gen-1", consumers: UInt32(next())))
        case 7: say(.queueBindOK)
        case 8: say(.basicQoSOK)
        case 9: say(.basicConsumeOK(consumerTag: "c"))
        case 10: deliver(.basicDeliver(tag: nextTag(), redelivered: next() & 1 == 1))
        case 11: say(.basicAck(tag: UInt64(next() % 16), multiple: next() & 1 == 1))
        case 12: say(.basicNack(tag: UInt64(next() % 16), multiple: next() & 1 == 1, requeue: false))
        case 13: say(.basicCancel(consumerTag: "c", noWait: next() & 1 == 1))
        case 14: say(.channelClose(reply()))
        case 15: say(.channelCloseOK)
        case 16: say(.connectionClose(reply()), channel: 0)
        case 17: say(.connectionCloseOK, channel: 0)
        case 18: say(.connectionBlocked(reason: "low on memory"), channel: 0)
        case 19: say(.connectionUnblocked, channel: 0)
        case 20: say(.channelFlow(active: next() & 1 == 1))
        case 21: deliver(.basicReturn(Reply(code: 312, text: "NO_ROUTE")))
        case 22: FrameEncoder.heartbeat(into: &output)
        case 23:
            isSound = false
            output.append(take(next()).span)
        default: declareAgain()
        }
    }

    /// From connection.start to connection.open-ok, and the whole topology.
    private mutating func logIn() {
        let capabilities = Field("capabilities", .table([Field("publisher_confirms", .flag(next() < 250))]))
        let start = Method.connectionStart(
            version: ProtocolVersion(), serverProperties: [capabilities, Field("product", .text("RabbitMQ"))],
            mechanisms: "AMQPLAIN PLAIN")
        say(start, channel: 0)
        say(.connectionTune(tuning()), channel: 0)
        say(.connectionOpenOK, channel: 0)
        declareAgain()
    }

    /// Which of these are due depends on the topology: the next byte leaves some out.
    private mutating func declareAgain() {
        let without = next()
        say(.channelOpenOK)
        if without & 1 == 0 { say(.confirmSelectOK) }
        say(.exchangeDeclareOK)
        if without & 2 == 2 { return }
        say(.queueDeclareOK(name: "amq.gen-1", consumers: 0))
        say(.queueBindOK)
        if without & 4 == 0 { say(.basicQoSOK) }
        say(.basicConsumeOK(consumerTag: "c"))
    }

    private mutating func tuning() -> Tuning {
        let byte = next()
        return Tuning(
            channelMax: 2047, frameMax: [0, 4096, 131_072, 1000][byte & 3], heartbeat: UInt16(byte >> 2 & 15))
    }

    private mutating func reply() -> Reply {
        let byte = next()
        let code = [200, 320, 403, 404, 406, 530, 402, 541][byte & 7]
        return Reply(code: UInt16(code), text: byte & 8 == 0 ? "why" : "inequivalent arg 'type'")
    }

    private mutating func nextTag() -> UInt64 {
        let byte = next()
        if byte >= 250 { return UInt64(byte - 250) << 46 }
        tag += 1
        return tag
    }

    private mutating func say(_ method: Method, channel: UInt16 = 1) {
        do throws(AMQPError) {
            try encoder.append(method, channel: channel, into: &output)
        } catch {
            preconditionFailure("a method of the script's does not fit")
        }
    }

    /// A method with content: which properties it has, how long it is and how it is cut, by the next bytes.
    private mutating func deliver(_ method: Method) {
        say(method)
        var message = BrokerMessage(tag: 0)
        let has = next()
        var properties = ByteBuffer()
        var flags: UInt16 = 0
        if has & 1 == 1 {
            flags |= 0x8000
            message.contentType = take(next() % 32)
            properties.append(UInt8(message.contentType.count))
            properties.append(message.contentType.span)
        }
        if has & 2 == 2 {
            // A header table of one flag, which is stepped over.
            flags |= 0x2000
            properties.append([0, 0, 0, 4, 1, 0x61, 0x74, 1].span)
        }
        if has & 4 == 4 {
            flags |= 0x0080
            message.messageID = take(next() % 64)
            properties.append(UInt8(message.messageID.count))
            properties.append(message.messageID.span)
        }
        if has & 8 == 8 {
            flags |= 0x0040
            message.timestamp = Int64(next())
            properties.append([0, 0, 0, 0, 0, 0, 0, UInt8(message.timestamp ?? 0)].span)
        }
        message.body = take(next() % 80)
        let size = message.body.count
        var header: [UInt8] = [0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, UInt8(size), UInt8(flags >> 8), UInt8(flags & 0xff)]
        header += properties.bytes.copied
        frame(2, header)
        var rest = message.body[...]
        while !rest.isEmpty {
            let piece = has & 16 == 16 ? rest.prefix(1 + next() % 24) : rest
            frame(3, Array(piece))
            rest = rest.dropFirst(piece.count)
            // Channel 0 may speak in between.
            if has & 32 == 32 { FrameEncoder.heartbeat(into: &output) }
        }
        if case .basicDeliver(let tag, let redelivered) = method {
            message.tag = tag
            message.redelivered = redelivered
            messages.append(message)
        }
    }

    private mutating func frame(_ kind: UInt8, _ payload: [UInt8]) {
        output.append([kind, 0, 1, 0, 0, UInt8(payload.count >> 8), UInt8(payload.count & 0xff)].span)
        output.append(payload.span)
        output.append(Frame.end)
    }
}
