import Bytes
import HTTP1
import Reactor

/// The content of the request under way.
struct RequestBody {
    /// What becomes of it.
    enum Use {
        case dropped
        /// For `Responder.body`, with the context it wants back.
        case collected(UInt32)
        case streamed(BodyConsumer)
    }

    var use = Use.dropped
    /// Bytes that came, whatever became of them.
    var received: Int64 = 0

    /// What its consumer keeps of it.
    var heldBytes: Int {
        if case .streamed(let consumer) = use { consumer.heldBytes } else { 0 }
    }

    /// Whether somebody waits for it to end.
    var isAwaited: Bool {
        if case .dropped = use { false } else { true }
    }

    /// The consumer, whom the caller tells that it ended, or gives back; the rest is dropped.
    mutating func takeConsumer() -> BodyConsumer? {
        guard case .streamed(let consumer) = use else { return nil }
        use = .dropped
        return consumer
    }

    /// Nothing that still comes is wanted.
    /// - Returns: the consumer, to be told.
    mutating func drop() -> BodyConsumer? {
        defer { use = .dropped }
        return takeConsumer()
    }
}

/// How a connection takes the bodies of its requests.
extension HTTPConnection {
    func awaitBody(atMost limit: Int, continues: Bool) {
        withholdsContinue = false
        if case .length(let length) = parser.head.framing, length > Int64(limit) {
            // Decided from the declared length, before any 100 (Continue).
            refuse(.contentTooLarge)
            return
        }
        parser.maximumBodyLength = Int64(limit)
        if continues { sendContinue() }
    }

    /// 100 (Continue) may only stand where this request's answer will (RFC 9110 section 10.1.1).
    func sendContinue() {
        guard let ticket, answers.isNext(ticket) else {
            owesContinue = true
            return
        }
        phase.enter(phase.kind, server.reactor.now)
        stream.output.append(ResponseEncoder.continueResponse)
        stream.scheduleFlush()
    }

    func takeBody(_ piece: Span<UInt8>) {
        body.received += Int64(piece.count)
        if body.isAwaited {
            server.held.add(piece.count)
            if server.isShortOfMemory {
                server.count(.memory)
                refuseForMemory()
                return
            }
        }
        switch body.use {
        case .dropped: break
        case .collected(let context):
            if collected.isEmpty, case .length(let length) = parser.head.framing, length == Int64(piece.count) {
                // The whole body: it need not be copied.
                hand(whole: piece, context)
            } else {
                collected.append(piece)
            }
        case .streamed(let consumer): hand(piece, to: consumer)
        }
    }

    /// The body is complete.
    func finishBody() {
        switch body.use {
        case .dropped: break
        case .collected(let context):
            hand(whole: collected.bytes, context)
            collected.removeAll()
            if collected.capacity > HTTPServerLimits.bodyKept { collected.releaseIfEmpty() }
        case .streamed(let consumer):
            body.use = .dropped
            consumer.ended(on: server)
        }
    }

    private func hand(whole bytes: Span<UInt8>, _ context: UInt32) {
        body.use = .dropped
        // One that was refused, or whose client has left, has no request any more.
        guard let ticket else { return }
        server.responder.body(bytes, context: context, ticket: ticket, on: server)
    }

    private func hand(_ piece: Span<UInt8>, to consumer: BodyConsumer) {
        // Out of its place meanwhile: an answer from within the call does not tell it that it was answered.
        body.use = .dropped
        let takesMore = consumer.received(piece, on: server)
        guard let ticket, isAwaited(ticket) else {
            owesContinue = false
            consumer.cancelled()
            return
        }
        body.use = .streamed(consumer)
        if !takesMore {
            phase.remain(in: .body, server.reactor.now)
            phase.pause(server.reactor.now)
            stream.pauseReading()
        }
    }

    /// The consumer of this request's body takes more.
    func resumeBody(_ ticket: ResponseTicket) {
        guard phase.isPaused, ticket.sequence == self.ticket?.sequence else { return }
        resumeBody()
    }

    private func resumeBody() {
        phase.resume(server.reactor.now)
        stream.resumeReading()
    }

    /// The request under way gets its answer before its body has come.
    /// - Returns: the consumer, to be told.
    @inline(__always) func takeConsumer(answering ticket: ResponseTicket) -> BodyConsumer? {
        guard ticket.sequence == self.ticket?.sequence, let consumer = body.takeConsumer() else { return nil }
        // A client that was not told to go on may stop here: where its next request begins cannot be known.
        if owesContinue, body.received == 0 { withholdsContinue = true }
        owesContinue = false
        if phase.isPaused { resumeBody() }
        return consumer
    }
}
