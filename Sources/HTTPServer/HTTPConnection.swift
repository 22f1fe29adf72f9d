import Bytes
import HTTP1
import Reactor

/// One HTTP/1.1 connection of the server: requests are parsed as they come, pipelined ones too, and answers leave in
/// the order of the requests (RFC 9112 section 9.3), all answers of a turn in one write.
///
///     bytes → RequestParser → Responder.head / .body … ticket … respond → [stash] → stream.output
///
/// An answer that is not next waits in the stash. `nextToAnswer` ≤ sequences under way < `nextSequence`.
public final class HTTPConnection: ServerConnection {
    /// What the connection waits for, for its deadlines.
    private enum Phase {
        case idle
        case head
        case body
    }

    /// An answer that must wait for those before it.
    private struct Stashed {
        let ticket: ResponseTicket
        let bytes: [UInt8]
        let producer: BodyProducer?
    }

    unowned let server: HTTPServer
    var stream: TCPStream!  // set right after init, before any event can come

    private var parser = RequestParser()
    private var phase = Phase.idle
    private var phaseBegan: Instant
    private var bodyReceived: Int64 = 0
    /// The request under way, once its head has arrived.
    private var ticket: ResponseTicket?
    private var collects = false
    private var context: UInt32 = 0
    private var body = ByteBuffer()
    private var owesContinue = false

    private var nextSequence: UInt32 = 0
    private var nextToAnswer: UInt32 = 0
    private var stash: [Stashed] = []
    private var producer: BodyProducer?
    private var producerTicket: ResponseTicket?
    /// No request after this point is read: the last answer closes the connection.
    private var readsNoMore = false
    /// The request under way waits for a 100 (Continue) that it will not get: whether its content follows all the same
    /// cannot be known, so its answer closes (RFC 9110 section 10.1.1).
    private var withholdsContinue = false

    init(_ server: HTTPServer) {
        self.server = server
        phaseBegan = server.reactor.now
        super.init()
    }

    private var unanswered: Int { Int(nextSequence &- nextToAnswer) }

    // MARK: Requests

    public override func received(_ bytes: Span<UInt8>) -> Int {
        var offset = 0
        while !readsNoMore {
            if ticket == nil, unanswered >= HTTPServerLimits.pipelinedRequests || stream.isCongested {
                stream.pauseReading()
                return offset
            }
            let rest = bytes.extracting(droppingFirst: offset)
            do throws(HTTPError) {
                switch try parser.next(rest) {
                case .needMore(let consumed):
                    offset += consumed
                    awaitMore(hasPartialHead: offset < bytes.count)
                    return offset
                case .head(let consumed):
                    offset += consumed
                    if beginRequest(rest) { return offset }
                case .body(let range, let consumed):
                    offset += consumed
                    bodyReceived += Int64(range.count)
                    if takeBody(rest.extracting(range)) { finishBody(rest.extracting(range)) }
                case .end(let consumed):
                    offset += consumed
                    endRequest()
                }
            } catch {
                refuse(error)
            }
        }
        return bytes.count
    }

    /// Nothing can be done before more bytes come.
    private func awaitMore(hasPartialHead: Bool) {
        if ticket != nil {
            if phase != .body { enter(.body) }
        } else if hasPartialHead {
            if phase != .head { enter(.head) }
        } else {
            enter(.idle)
        }
    }

    private func enter(_ next: Phase) {
        phase = next
        phaseBegan = server.reactor.now
    }

    /// - Returns: whether the connection has changed its protocol.
    private func beginRequest(_ bytes: Span<UInt8>) -> Bool {
        let head = parser.head
        var form: ResponseForm = []
        if head.method == .head { form.insert(.headOnly) }
        if !head.keepAlive { form.insert(.closes) }
        if head.versionMinor == 0 { form.insert(.http10) }
        let ticket = ResponseTicket(connection: token, sequence: nextSequence, form: form)
        self.ticket = ticket
        nextSequence &+= 1
        bodyReceived = 0
        collects = false
        server.counters.requests += 1
        let waits = head.expectsContinue && head.framing != .none && head.framing != .length(0)
        withholdsContinue = waits
        switch server.responder.head(parser, in: bytes, ticket: ticket, on: server) {
        case .answered: if withholdsContinue { readNoMore() }
        case .collect(let limit, let context):
            collects = true
            withholdsContinue = false
            self.context = context
            if case .length(let length) = head.framing, length > Int64(limit) {
                // Decided from the declared length, before any 100 (Continue).
                refuse(.contentTooLarge)
                return false
            }
            parser.maximumBodyLength = Int64(limit)
            if waits { sendContinue() }
        case .upgrade(let connection):
            upgrade(to: connection, key: bytes.extracting(parser.value(of: .secWebSocketKey)!))  // checked
            return true
        }
        return false
    }

    /// 100 (Continue) may only stand where this request's answer will (RFC 9110 section 10.1.1).
    private func sendContinue() {
        guard ticket?.sequence == nextToAnswer else {
            owesContinue = true
            return
        }
        stream.output.append(ResponseEncoder.continueResponse)
        stream.scheduleFlush()
    }

    /// - Returns: whether this piece is the whole body, so that it need not be copied.
    private func takeBody(_ piece: Span<UInt8>) -> Bool {
        guard collects else { return false }
        if body.isEmpty, case .length(let length) = parser.head.framing, length == Int64(piece.count) { return true }
        body.append(piece)
        return false
    }

    private func finishBody(_ whole: Span<UInt8>) {
        collects = false
        server.responder.body(whole, context: context, ticket: ticket!, on: server)  // a body has a request
    }

    private func endRequest() {
        guard let ticket else { preconditionFailure("the parser ended a request that did not begin") }
        if collects { finishBody(body.bytes) }
        body.removeAll()
        if body.capacity > HTTPServerLimits.bodyKept { body.releaseIfEmpty() }
        self.ticket = nil
        owesContinue = false
        phase = .idle
        phaseBegan = server.reactor.now
        if ticket.form.contains(.closes) { readNoMore() }
    }

    private func readNoMore() {
        readsNoMore = true
        if unanswered == 0 { stream.closeAfterFlush() }
    }

    /// The request cannot be taken. Answered in its place, then closed: where the next one would begin is unknown.
    private func refuse(_ error: HTTPError) {
        var ticket = ticket
        if ticket == nil {
            ticket = ResponseTicket(connection: token, sequence: nextSequence, form: .closes)
            nextSequence &+= 1
        }
        self.ticket = nil
        body.removeAll()
        body.releaseIfEmpty()
        readsNoMore = true
        guard let ticket, isAwaited(ticket) else {
            // It was answered already (a body nobody wants turned out malformed): nothing more can be said.
            if unanswered == 0 { stream.closeAfterFlush() }
            return
        }
        server.refuse(
            ResponseTicket(connection: token, sequence: ticket.sequence, form: ticket.form.union(.closes)),
            error.status, detail: error.reason)
    }

    // MARK: Answers

    func respond(
        _ ticket: ResponseTicket, _ status: Status, _ contentType: StaticString?, _ fields: Span<UInt8>,
        _ body: Span<UInt8>
    ) {
        guard isAwaited(ticket) else { return }
        let ticket = closing(ticket)
        guard ticket.sequence == nextToAnswer else {
            var bytes = ByteBuffer(capacity: 256 + body.count)
            append(ticket, status, contentType, fields, body, to: &bytes)
            stash.append(Stashed(ticket: ticket, bytes: bytes.bytes.copied, producer: nil))
            return
        }
        append(ticket, status, contentType, fields, body, to: &stream.output)
        answered(ticket)
    }

    func respond(
        _ ticket: ResponseTicket, _ status: Status, _ contentType: StaticString, _ fields: Span<UInt8>,
        _ producer: BodyProducer
    ) {
        guard isAwaited(ticket) else {
            producer.cancelled()
            return
        }
        var ticket = closing(ticket)
        if ticket.form.contains(.http10) {
            // Without chunked coding the end of the connection ends the body (RFC 9112 section 6.3).
            ticket = ResponseTicket(connection: token, sequence: ticket.sequence, form: ticket.form.union(.closes))
        }
        var head = ByteBuffer(capacity: 256)
        ResponseEncoder.begin(&head, status, date: server.date, ticket.form.connection)
        ResponseEncoder.contentType(&head, contentType)
        if !ticket.form.contains(.http10) { ResponseEncoder.chunked(&head) }
        head.append(fields)
        ResponseEncoder.end(&head)
        stash.append(Stashed(ticket: ticket, bytes: head.bytes.copied, producer: producer))
        if ticket.sequence == nextToAnswer { answerStashed() }
    }

    /// A request is answered once: one that was refused while its answer was being made is not answered again.
    private func isAwaited(_ ticket: ResponseTicket) -> Bool {
        ticket.sequence &- nextToAnswer < UInt32(unanswered) && producerTicket?.sequence != ticket.sequence
            && !stash.contains { $0.ticket.sequence == ticket.sequence }
    }

    /// While draining, the last answer says that it is the last.
    private func closing(_ ticket: ResponseTicket) -> ResponseTicket {
        guard server.isDraining || readsNoMore || withholdsContinue, ticket.sequence &+ 1 == nextSequence else {
            return ticket
        }
        readsNoMore = true
        return ResponseTicket(connection: token, sequence: ticket.sequence, form: ticket.form.union(.closes))
    }

    private func append(
        _ ticket: ResponseTicket, _ status: Status, _ contentType: StaticString?, _ fields: Span<UInt8>,
        _ body: Span<UInt8>, to output: inout ByteBuffer
    ) {
        ResponseEncoder.begin(&output, status, date: server.date, ticket.form.connection)
        if let contentType { ResponseEncoder.contentType(&output, contentType) }
        if !status.forbidsContent { ResponseEncoder.contentLength(&output, Int64(body.count)) }
        output.append(fields)
        ResponseEncoder.end(&output)
        if !ticket.form.contains(.headOnly) && !status.forbidsContent { output.append(body) }
    }

    /// The answer of `ticket` is in the output: the next one's turn.
    private func answered(_ ticket: ResponseTicket) {
        nextToAnswer &+= 1
        stream.scheduleFlush()
        if ticket.form.contains(.closes) {
            readsNoMore = true
            stream.closeAfterFlush()
            return
        }
        if !stash.isEmpty { answerStashed() }
        if owesContinue, self.ticket?.sequence == nextToAnswer {
            owesContinue = false
            sendContinue()
        }
        if readsNoMore, unanswered == 0 {
            stream.closeAfterFlush()
        } else if unanswered == HTTPServerLimits.pipelinedRequests - 1 {
            stream.resumeReading()
        }
    }

    private func answerStashed() {
        while producer == nil, let index = stash.firstIndex(where: { $0.ticket.sequence == nextToAnswer }) {
            let next = stash.remove(at: index)
            stream.output.append(next.bytes)
            guard let producer = next.producer else {
                answered(next.ticket)
                return
            }
            if next.ticket.form.contains(.headOnly) {
                producer.cancelled()
                answered(next.ticket)
                return
            }
            self.producer = producer
            producerTicket = next.ticket
            stream.scheduleFlush()
            producer.resume(self)
        }
    }

    // MARK: Bodies of unknown length

    /// Writes a piece of the body whose turn it is. Look at `isCongested` before making more.
    public func write(_ piece: Span<UInt8>) {
        guard let ticket = producerTicket, piece.count > 0 else { return }
        if ticket.form.contains(.http10) {
            stream.output.append(piece)
        } else {
            ChunkedEncoder.begin(&stream.output, size: piece.count)
            stream.output.append(piece)
            ChunkedEncoder.end(&stream.output)
        }
        stream.scheduleFlush()
    }

    /// Ends the body.
    public func endBody() {
        guard let ticket = producerTicket else { return }
        if !ticket.form.contains(.http10) { ChunkedEncoder.last(&stream.output) }
        producer = nil
        producerTicket = nil
        answered(ticket)
    }

    /// The body cannot be finished: the connection is cut, so that the client sees the body is incomplete.
    public func abortBody() {
        stream.close()
    }

    /// The client reads slower than the body is made.
    public var isCongested: Bool { stream.isCongested }

    // MARK: The stream's events

    public override func drained() {
        producer?.resume(self)
        if unanswered < HTTPServerLimits.pipelinedRequests { stream.resumeReading() }
    }

    public override func receivedEnd() {
        // Half-close: what was asked is still answered; an unfinished request never will be.
        if let ticket {
            self.ticket = nil
            if ticket.sequence &+ 1 == nextSequence, ticket.sequence &- nextToAnswer < UInt32(unanswered), collects {
                nextSequence &-= 1
            }
        }
        readNoMore()
    }

    public override func closed(_ reason: StreamEnd) {
        producer?.cancelled()
        producer = nil
        for stashed in stash { stashed.producer?.cancelled() }
        stash = []
        server.remove(self)
    }

    // MARK: Deadlines

    public override func sweep(_ now: Instant) {
        if stream.isWriteBlocked {
            // Progress is counted by the stream; a peer that takes nothing for this long is gone.
            if now - stream.lastProgress > HTTPServerLimits.writeStall { stream.close() }
            return
        }
        guard !readsNoMore else { return }
        switch phase {
        case .idle:
            if unanswered == 0, now - phaseBegan > server.options.idleTimeout { stream.close() }
        case .head:
            if now - phaseBegan > server.options.requestTimeout { refuse(.requestTimeout) }
        case .body:
            let allowance = server.options.requestTimeout + .seconds(bodyReceived / HTTPServerLimits.slowestBody)
            if now - phaseBegan > allowance { refuse(.requestTimeout) }
        }
    }

    public override func drain() {
        if unanswered == 0, phase == .idle { stream.closeAfterFlush() }
    }

    // MARK: Upgrade

    private func upgrade(to connection: WebSocketConnection, key: Span<UInt8>) {
        nextToAnswer &+= 1
        WebSocketUpgrade.appendResponse(key: key, date: server.date, to: &stream.output)
        server.replace(self, by: connection)
        stream.handler = connection
        connection.open(stream, server)
        stream.scheduleFlush()
        stream.redeliver()
    }
}
