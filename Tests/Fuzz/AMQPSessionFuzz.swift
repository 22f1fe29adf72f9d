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

// MARK: Our side

/// What `AMQPConnection` does with a stream, and a client that acknowledges each delivery as it comes and publishes
/// whenever it may.
private struct Dialogue: Equatable {
    enum Line: Equatable {
        case event(AMQPSession.Event)
        case delivered(BrokerMessage)
        case dropped(AMQPError)
        case confirmed(UInt64)
        case unconfirmed(UInt64)
        case failed(AMQPError)
    }

    private(set) var lines: [Line] = []
    private(set) var sent: [UInt8] = []
    private(set) var published: [BrokerMessage] = []
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
    func checkDeliveries(_ messages: [BrokerMessage]) {
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

    private static func compare(_ sent: borrowing Delivery, _ published: BrokerMessage?) {
        precondition(sent.body.copied == published?.body, "sent another body")
        precondition(sent.messageID.copied == published?.messageID, "sent another message id")
        precondition(sent.timestamp == published?.timestamp, "sent another time")
    }
}

/// `AMQPConnection` without its stream and timers.
private struct Party: ~Copyable {
    var lines: [Dialogue.Line] = []
    var output = ByteBuffer()
    var published: [BrokerMessage] = []
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
        var message: BrokerMessage?
        let take: (borrowing Delivery) -> Void = {
            message = BrokerMessage(
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
        let message = BrokerMessage(
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
