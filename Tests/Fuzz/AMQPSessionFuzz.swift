// What a broker says on one connection, to everything between the bytes and the consumer: frames, methods (librabbitmq's
// codec), the session, messages in pieces, confirms. Properties:
//
// * however the stream is cut, the same is said and sent, and it fails at the same place;
// * all we send are whole frames of the size agreed on, methods and content that decode, nothing after the goodbye;
// * every message of the broker's that is delivered is whole, and they are in order; each is acknowledged once, in that
//   order, on the channel it came by;
// * every message of ours is answered once, or handed back, oldest first, when its channel or connection is gone;
// * a method that was decoded, encoded anew, is the same.
//
// Input: [topology] [frame at which we act, and how] [cuts] [form], then the stream: as it is on the wire, or (form odd)
// as a script, a byte a method (`BrokerScript`).

import Bytes

@testable import AMQP

@c(LLVMFuzzerTestOneInput)
public func fuzzAMQPSession(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard count >= 4 else { return 0 }
    let input = Array(UnsafeBufferPointer(start: start, count: count))
    var script = BrokerScript(input[4...])
    if input[3] & 1 == 1 { script.play() } else { script.stream = Array(input[4...]) }
    let whole = Dialogue(script.stream, setting: input[0], act: input[1], cuts: nil)
    precondition(whole == Dialogue(script.stream, setting: input[0], act: input[1], cuts: 0), "bytes changed it")
    precondition(whole == Dialogue(script.stream, setting: input[0], act: input[1], cuts: input[2]), "cuts changed it")
    if script.isSound { whole.checkDeliveries(script.messages) }
    whole.checkSent()
    codecRoundTrip(script.stream)
    return 0
}

private let epochStep: UInt64 = 1 << 48
private let bodyLimit = 64

private struct Message: Equatable {
    var tag: UInt64
    var redelivered = false
    var contentType: [UInt8] = []
    var messageID: [UInt8] = []
    var timestamp: Int64?
    var body: [UInt8] = []
}

// MARK: The broker

/// The broker's side, in one byte a method and some for its arguments.
private struct BrokerScript: ~Copyable {
    var stream: [UInt8] = []
    private(set) var messages: [Message] = []
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
        var message = Message(tag: 0)
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

// MARK: Our side

/// What `AMQPConnection` does with a stream, and a client that acknowledges each delivery as it comes and publishes
/// whenever it may.
private struct Dialogue: Equatable {
    enum Line: Equatable {
        case event(AMQPSession.Event)
        case delivered(Message)
        case dropped(AMQPError)
        case confirmed(UInt64)
        case unconfirmed(UInt64)
        case failed(AMQPError)
    }

    private(set) var lines: [Line] = []
    private(set) var sent: [UInt8] = []
    private(set) var published: [Message] = []
    private(set) var acknowledged: [UInt64] = []
    private(set) var frameMax = 0
    private(set) var frames = 0

    /// - Parameters:
    ///   - setting: publishes, acks, queue, prefetch.
    ///   - act: at which frame we ask for something ourselves, and what.
    ///   - cuts: nil leaves the stream whole, 0 cuts it into bytes, others seed the lengths of the pieces.
    init(_ stream: [UInt8], setting: UInt8, act: UInt8, cuts: UInt8?) {
        var party = Party(setting: setting, act: act)
        var position = 0
        var pending = ByteBuffer()
        var seed = UInt32(cuts ?? 0)
        while position < stream.count, !party.isOver {
            seed = seed &* 1_664_525 &+ 1_013_904_223
            let length = cuts == nil ? stream.count : cuts == 0 ? 1 : 1 + Int(seed >> 24) % 40
            let end = min(stream.count, position + length)
            pending.append(stream.span.extracting(position..<end))
            position = end
            pending.consume(party.receive(pending.bytes))
        }
        party.leave()
        lines = party.lines
        sent = party.output.bytes.copied
        published = party.published
        acknowledged = party.acknowledged
        frameMax = party.session.frameMax
        frames = party.frames
    }

    /// Those delivered are the broker's, whole, in order; none is left out while the channel is in use.
    func checkDeliveries(_ messages: [Message]) {
        var rest = messages[...]
        for case .delivered(let message) in lines {
            while let next = rest.first, next.tag != message.tag || next.body != message.body {
                rest = rest.dropFirst()
            }
            guard let next = rest.popFirst() else {
                preconditionFailure("delivered what was not sent, or not in order")
            }
            precondition(next == message, "delivered as something else")
        }
    }

    /// All that was sent is read back.
    func checkSent() {
        var bytes = sent.span
        guard bytes.count > 0 else { return }
        precondition(sent.starts(with: [0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1]), "no protocol header")
        bytes = bytes.extracting(droppingFirst: 8)
        let decoder = FrameDecoder()
        var methods = MethodDecoder()
        var assembler = MessageAssembler()
        var acks: [UInt64] = []
        var messages = published[...]
        var isClosing = false
        var isChannelClosing = false
        var isOver = false
        while bytes.count > 0 {
            guard let frame = try? decoder.next(in: bytes) else { preconditionFailure("sent no whole frame") }
            precondition(!isOver, "said something after the goodbye")
            let payload = bytes.extracting(Frame.headerSize..<(Frame.headerSize + frame.size))
            switch frame.kind {
            case .heartbeat: break
            case .method:
                precondition(!assembler.isExpectingContent, "a method within content")
                guard let method = try? methods.decode(payload, channel: frame.channel) else {
                    preconditionFailure("sent no method")
                }
                precondition(!isClosing || method == .connectionCloseOK, "said something after connection.close")
                let isOfConnection = frame.channel == 0 || method == .channelOpen
                precondition(!isChannelClosing || isOfConnection, "said something after channel.close")
                switch method {
                case .basicAck(let tag, _): acks.append(tag)
                case .basicPublish: assembler.begin(deliveryTag: 0, redelivered: false)
                case .connectionClose: isClosing = true
                case .channelClose: isChannelClosing = true
                case .channelOpen: isChannelClosing = false
                case .connectionCloseOK: isOver = true
                case .other: preconditionFailure("sent a method that has no place here")
                default: break
                }
            case .header, .body:
                let progress =
                    frame.kind == .header ? try? assembler.header(payload) : try? assembler.body(payload)
                guard let progress else { preconditionFailure("sent no content") }
                precondition(frame.length <= frameMax, "a frame larger than agreed")
                switch progress {
                case .needMore: break
                case .whole: assembler.withDelivery(payload, epoch: 0) { Self.compare($0, messages.popFirst()) }
                case .assembled: assembler.withDelivery(nil, epoch: 0) { Self.compare($0, messages.popFirst()) }
                case .discarded, .tooLarge: preconditionFailure("content that nobody published")
                }
            }
            bytes = bytes.extracting(droppingFirst: frame.length)
        }
        precondition(acks == acknowledged, "acks are lost, doubled or in another order")
        precondition(messages.isEmpty, "what was published was not sent")

        // Each ticket once.
        var answers: [UInt64] = []
        for line in lines {
            if case .confirmed(let ticket) = line { answers.append(ticket) }
            if case .unconfirmed(let ticket) = line { answers.append(ticket) }
        }
        precondition(answers.sorted() == (0..<UInt64(published.count)).map { $0 }, "tickets without one answer")
    }

    private static func compare(_ sent: borrowing Delivery, _ published: Message?) {
        precondition(sent.body.copied == published?.body, "sent another body")
        precondition(sent.messageID.copied == published?.messageID, "sent another message id")
        precondition(sent.timestamp == published?.timestamp, "sent another time")
    }
}

/// `AMQPConnection` without its stream and timers.
private struct Party: ~Copyable {
    var lines: [Dialogue.Line] = []
    var output = ByteBuffer()
    var published: [Message] = []
    var acknowledged: [UInt64] = []
    var session: AMQPSession
    var isOver = false
    var frames = 0

    private var decoder = FrameDecoder()
    private var assembler = MessageAssembler(limit: bodyLimit)
    private var content = ContentEncoder(exchange: "scores")
    private var window: ConfirmWindow
    private var epoch: UInt64 = 0
    private let publishes: Bool
    private let acks: Bool
    private let act: UInt8
    private var now = Instant(nanoseconds: 1_000_000_000_000)
    /// A second each, or less than a channel has to stand.
    private let pace: Duration

    init(setting: UInt8, act: UInt8) {
        publishes = setting & 1 == 1
        acks = setting & 2 == 2
        self.act = act
        pace = setting & 4 == 4 ? .seconds(1) : .milliseconds(1)
        let queues: [Topology.Queue] = [
            .none, .exclusive, .durable(name: "slack", type: .classic), .durable(name: "slack", type: .quorum),
        ]
        let topology = Topology(
            exchange: "scores", queue: queues[Int(setting >> 4 & 3)], prefetch: setting & 8 == 8 ? 10 : 0,
            manualAck: acks)
        let endpoint = BrokerEndpoint(host: "broker")
        let configuration = AMQPConfiguration(
            endpoints: [endpoint], connectionName: "fuzz", heartbeat: setting & 64 == 64 ? .seconds(2) : .zero)
        session = AMQPSession(configuration, topology: topology, publishes: publishes)
        window = ConfirmWindow(limit: setting & 128 == 128 ? 3 : 8)
        session.begin(endpoint, now: now, into: &output)
    }

    mutating func receive(_ bytes: Span<UInt8>) -> Int {
        var offset = 0
        do throws(AMQPError) {
            try session.noteReceived(now: now)
            while !isOver {
                let rest = bytes.extracting(offset..<bytes.count)
                guard let frame = try decoder.next(in: rest) else { break }
                offset += frame.length
                frames += 1
                // Time passes by frames and not by pieces, so that it is the same for all cuts.
                now = now + pace
                try session.noteReceived(now: now)
                try receive(frame, rest.extracting(Frame.headerSize..<(Frame.headerSize + frame.size)))
                if frames == Int(act >> 2), act & 3 > 0 { try ask() }
                publish()
            }
        } catch {
            fail(error)
        }
        return offset
    }

    private mutating func receive(_ frame: Frame, _ payload: Span<UInt8>) throws(AMQPError) {
        switch frame.kind {
        case .heartbeat: break
        case .method:
            guard frame.channel == 0 || !assembler.isExpectingContent else {
                throw .malformed("a method where content is due")
            }
            let event = try session.receive(payload, channel: frame.channel, now: now, into: &output)
            try run(event)
        case .header: run(try assembler.header(payload), nil)
        case .body: run(try assembler.body(payload), payload)
        }
    }

    private mutating func run(_ event: AMQPSession.Event) throws(AMQPError) {
        if event != .none { lines.append(.event(event)) }
        switch event {
        case .none, .flow, .ready, .consumerCancelled: break
        case .tuned:
            decoder.frameMax = session.frameMax
            content.frameMax = session.frameMax
        case .channelClosed:
            epoch += epochStep
            handBack()
        case .deliver(let tag, let redelivered): assembler.begin(deliveryTag: tag, redelivered: redelivered)
        case .discard: assembler.begin(deliveryTag: 0, redelivered: false, isWanted: false)
        case .confirmed(let tag, let multiple):
            for tag in try window.covered(by: tag, multiple: multiple) {
                if let ticket = window.settle(tag) { lines.append(.confirmed(ticket)) }
            }
        case .refused(let tag, let multiple):
            for tag in try window.covered(by: tag, multiple: multiple) {
                if let ticket = window.settle(tag) { lines.append(.unconfirmed(ticket)) }
            }
        case .closed(let error): fail(error)
        }
    }

    private mutating func run(_ progress: MessageAssembler.Progress, _ payload: Span<UInt8>?) {
        var message: Message?
        let take: (borrowing Delivery) -> Void = {
            message = Message(
                tag: $0.deliveryTag, redelivered: $0.redelivered, contentType: $0.contentType.copied,
                messageID: $0.messageID.copied, timestamp: $0.timestamp, body: $0.body.copied)
        }
        switch progress {
        case .needMore, .discarded: break
        case .whole: assembler.withDelivery(payload, epoch: epoch, take)
        case .assembled: assembler.withDelivery(nil, epoch: epoch, take)
        case .tooLarge(let size):
            precondition(size > UInt64(bodyLimit), "dropped for nothing")
            if acks, session.isChannelUsable { session.reject(assembler.deliveryTag, requeue: false, into: &output) }
            lines.append(.dropped(.bodyTooLarge(size)))
        }
        guard var message else { return }
        precondition(message.body.count <= bodyLimit, "more than the limit allows")
        precondition(message.tag & ~(epochStep - 1) == epoch, "a tag of another channel")
        message.tag &= epochStep - 1
        lines.append(.delivered(message))
        guard acks, session.isChannelUsable else { return }
        acknowledged.append(message.tag)
        session.ack(message.tag, multiple: false, into: &output)
    }

    private mutating func publish() {
        guard publishes, !isOver, session.phase == .ready, !session.isBlocked, !window.isFull else { return }
        let ticket = UInt64(published.count)
        // Some take several frames, where those are small.
        let length = frames % 7 == 6 && session.frameMax == 4096 ? 4096 + frames : frames
        let message = Message(
            tag: ticket, messageID: Array("\(ticket)".utf8), timestamp: Int64(frames),
            body: (0..<length).map { UInt8(truncatingIfNeeded: $0) })
        do throws(AMQPError) {
            try content.append(
                routingKey: "", contentType: "application/json", messageID: message.messageID.span,
                timestamp: Int64(frames), body: message.body.span, into: &output)
        } catch {
            preconditionFailure("what always fits does not")
        }
        published.append(message)
        window.append(ticket)
    }

    private mutating func ask() throws(AMQPError) {
        if act & 3 == 1 {
            _ = try session.handBack(into: &output)
        } else if !session.close(code: ReplyCode.success, text: "goodbye", into: &output) {
            fail(.closed)
        }
    }

    private mutating func fail(_ error: AMQPError) {
        guard !isOver else { return }
        isOver = true
        lines.append(.failed(error))
        if let code = error.replyCode { _ = session.close(code: code, text: error.description, into: &output) }
        session.end()
        handBack()
    }

    /// The stream is at its end.
    mutating func leave() {
        if !isOver { fail(session.lost("closed by the broker")) }
        precondition(session.phase == .closed, "it goes on")
    }

    private mutating func handBack() {
        var last: UInt64?
        while let ticket = window.takeUnsettled() {
            precondition(last.map { $0 < ticket } ?? true, "handed back in another order")
            last = ticket
            lines.append(.unconfirmed(ticket))
        }
        precondition(window.count == 0, "something is left in the window")
    }
}

// MARK: The codec

private func codecRoundTrip(_ stream: [UInt8]) {
    let decoder = FrameDecoder()
    var methods = MethodDecoder()
    var encoder = FrameEncoder()
    var bytes = stream.span
    while bytes.count > 0, let frame = try? decoder.next(in: bytes) {
        let payload = bytes.extracting(Frame.headerSize..<(Frame.headerSize + frame.size))
        bytes = bytes.extracting(droppingFirst: frame.length)
        guard frame.kind == .method, let method = try? methods.decode(payload, channel: frame.channel) else { continue }
        if case .other = method { continue }
        var output = ByteBuffer()
        do throws(AMQPError) {
            try encoder.append(method, channel: frame.channel, into: &output)
        } catch {
            // What was ill-formed UTF-8 is longer now, and tables can be longer than ours ever are.
            continue
        }
        guard let again = try? decoder.next(in: output.bytes) else { preconditionFailure("encoded, it is no frame") }
        precondition(again.length == output.count, "more than a frame")
        let arguments = output.bytes.extracting(Frame.headerSize..<(Frame.headerSize + again.size))
        precondition((try? methods.decode(arguments, channel: again.channel)) == method, "encoded, it is another one")
    }
    precondition(methods.arena.blocks < 64 && encoder.arena.blocks < 64, "the arena grows")
}
