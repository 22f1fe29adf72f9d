import Bytes
import HTTP1
import Reactor
import TLS

/// One HTTP/1.1 connection of the server: requests are parsed as they come, pipelined ones too, and answers leave in
/// the order of the requests (RFC 9112 section 9.3), all answers of a turn in one write.
///
///     bytes → RequestParser → Responder.head / .body … ticket … respond → [ResponseQueue] → stream.output
///                           ↘ BodyConsumer ↗
///
/// Reading stops while too many answers are owed, while the client does not read them, while a body's consumer has
/// enough, and while an upgrade waits for the answers before it. Whatever ends the cause resumes it.
public final class HTTPConnection: ServerConnection {
    // Both for as long as the connection lives: what is let go in the end is the connection, by both of them (`closed`).
    let server: HTTPServer
    let stream: TCPStream

    // Not private: its bodies are in RequestBody.swift.
    let parser = RequestParser()
    var phase: ConnectionPhase
    /// The request under way, once its head has arrived.
    var ticket: ResponseTicket?
    var body = RequestBody()
    /// What came of a body that is collected.
    var collected = ByteBuffer()
    /// A 100 (Continue) waits for its turn among the answers.
    var owesContinue = false

    var answers = ResponseQueue()
    private var producer: BodyProducer?
    private var producerTicket: ResponseTicket?
    /// No request after this point is read: the last answer closes the connection.
    private var readsNoMore = false
    /// The request under way waits for a 100 (Continue) that it will not get: whether its content follows all the same
    /// cannot be known, so its answer closes (RFC 9110 section 10.1.1).
    var withholdsContinue = false
    /// The last request of this protocol has come; what follows it are bytes of the next.
    private var isUpgrading = false

    /// Adopts a connected, nonblocking socket.
    /// - Parameter session: nil: it is plain.
    init(_ server: HTTPServer, _ descriptor: Int32, _ session: TLSSession?) throws(SystemError) {
        self.server = server
        stream = try TCPStream(server.reactor, descriptor, handler: StreamHandler())
        phase = ConnectionPhase(server.reactor.now)
        super.init()
        if let session { stream.secure(session) }
        stream.handler = self
    }

    /// The other end; nil when it is gone.
    private(set) lazy var peer = IPAddress(SocketAddress(peerOf: stream.descriptor))

    // MARK: Requests

    public override func received(_ bytes: Span<UInt8>) -> Int {
        var offset = 0
        var begun = 0
        while !readsNoMore {
            if isUpgrading {
                if answers.unanswered > 0 { stream.pauseReading() }
                return offset
            }
            if ticket == nil, answers.unanswered >= HTTPServerLimits.pipelinedRequests || stream.isCongested {
                stream.pauseReading()
                // The client cannot go on with a head that is not read.
                if phase.kind == .head { phase.enter(.idle, server.reactor.now) }
                return offset
            }
            if begun == HTTPServerLimits.requestsPerTurn, ticket == nil, offset < bytes.count {
                stream.pauseReading()
                server.yield(self)
                return offset
            }
            // Between two requests the parser has nothing to say to no bytes.
            if offset == bytes.count, ticket == nil {
                awaitMore(hasPartialHead: false)
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
                    begun += 1
                    beginRequest(rest)
                case .body(let range, let consumed):
                    offset += consumed
                    takeBody(rest.extracting(range))
                    if phase.isPaused { return offset }
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
        let now = server.reactor.now
        if ticket != nil {
            phase.remain(in: .body, now)
        } else if hasPartialHead {
            phase.remain(in: .head, now)
        } else {
            phase.enter(.idle, now)
        }
    }

    private func beginRequest(_ bytes: Span<UInt8>) {
        let head = parser.head
        var form: ResponseForm = []
        if head.method == .head { form.insert(.headOnly) }
        if !head.keepAlive { form.insert(.closes) }
        if head.versionMinor == 0 { form.insert(.http10) }
        let ticket = ResponseTicket(
            connection: token, sequence: answers.begin(), form: form,
            startedAt: ResponseTicket.microseconds(server.reactor.now))
        self.ticket = ticket
        body = RequestBody()
        server.counters.requests += 1
        let waits = head.expectsContinue && head.framing != .none && head.framing != .length(0)
        withholdsContinue = waits
        let decision = server.responder.head(parser, in: bytes, ticket: ticket, on: server)
        if readsNoMore {
            // Its answer was the last, or the connection has ended: nothing of what comes of it goes on.
            if case .stream(_, let consumer) = decision { consumer.cancelled() }
            return
        }
        switch decision {
        case .answered: if withholdsContinue { readNoMore() }
        case .collect(let limit, let context):
            body.use = .collected(context)
            awaitBody(atMost: limit, continues: waits)
        case .stream(let limit, let consumer):
            guard isAwaited(ticket) else {
                // It was answered all the same.
                consumer.cancelled()
                if withholdsContinue { readNoMore() }
                return
            }
            body.use = .streamed(consumer)
            awaitBody(atMost: limit, continues: waits)
        case .upgrade(let connection):
            let fields = server.fields(of: self.ticket ?? ticket)
            self.ticket = nil
            isUpgrading = true
            // It may have to wait for the answers before it, and nothing is asked of the client meanwhile.
            phase.enter(.idle, server.reactor.now)
            var answer = ByteBuffer(capacity: HTTPServerLimits.usualHead)
            connection.appendHead(parser, in: bytes, date: server.date, fields: fields.span, to: &answer)
            answers.hold(ticket, answer.bytes.copied, then: .upgrade(connection))
            answerHeld()
        }
    }

    func keep(_ ticket: ResponseTicket) {
        if self.ticket?.sequence == ticket.sequence { self.ticket = ticket }
    }

    private func endRequest() {
        guard let ticket else { preconditionFailure("the parser ended a request that did not begin") }
        finishBody()
        self.ticket = nil
        owesContinue = false
        phase.enter(.idle, server.reactor.now)
        if ticket.form.contains(.closes) { readNoMore() }
    }

    private func readNoMore() {
        readsNoMore = true
        if answers.unanswered == 0 { stream.closeAfterFlush() }
    }

    /// The request cannot be taken. Answered in its place, then closed: where the next one would begin is unknown.
    func refuse(_ error: HTTPError) {
        server.count(ConnectionEnd(error))
        refuse(error.status, detail: error.reason)
    }

    func refuse(_ status: Status, detail: StaticString, fields: StaticString = "") {
        var ticket = ticket
        if ticket == nil {
            ticket = ResponseTicket(
                connection: token, sequence: answers.begin(), form: .closes,
                startedAt: ResponseTicket.microseconds(server.reactor.now))
        }
        self.ticket = nil
        let consumer = body.drop()
        defer { consumer?.cancelled() }
        collected.removeAll()
        collected.releaseIfEmpty()
        readsNoMore = true
        guard let ticket, isAwaited(ticket) else {
            // It was answered already (a body nobody wants turned out malformed): nothing more can be said.
            if answers.unanswered == 0 { stream.closeAfterFlush() }
            return
        }
        server.refuse(ticket.closing, status, detail: detail, fields: fields)
    }

    private func refuseLate(_ end: ConnectionEnd) {
        server.count(end)
        refuse(HTTPError.requestTimeout.status, detail: HTTPError.requestTimeout.reason)
    }

    // MARK: Answers

    func respond(
        _ ticket: ResponseTicket, _ status: Status, _ contentType: StaticString?, _ fields: Span<UInt8>,
        _ body: Span<UInt8>
    ) {
        guard isAwaited(ticket) else { return }
        server.responder.answering(ticket, status)
        server.held.add(body.count)
        let consumer = takeConsumer(answering: ticket)
        defer { consumer?.cancelled() }
        let ticket = closing(ticket)
        guard answers.isNext(ticket) else {
            var bytes = ByteBuffer(capacity: HTTPServerLimits.usualHead + fields.count + body.count)
            ticket.form.append(
                status, server.date, contentType, fields, server.fields(of: ticket).span, body, to: &bytes)
            answers.hold(ticket, bytes.bytes.copied, then: .nothing)
            return
        }
        stream.output.reserve(HTTPServerLimits.usualHead + fields.count + body.count)
        ticket.form.append(
            status, server.date, contentType, fields, server.fields(of: ticket).span, body, to: &stream.output)
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
        server.responder.answering(ticket, status)
        let consumer = takeConsumer(answering: ticket)
        defer { consumer?.cancelled() }
        var ticket = closing(ticket)
        if ticket.form.contains(.http10), !ticket.form.contains(.headOnly) {
            // Without chunked coding the end of the connection ends the body (RFC 9112 section 6.3).
            readsNoMore = true
            ticket = ticket.closing
        }
        var head = ByteBuffer(capacity: HTTPServerLimits.usualHead)
        ticket.form.appendHead(
            status, server.date, contentType, fields, server.fields(of: ticket).span, to: &head)
        answers.hold(ticket, head.bytes.copied, then: .body(producer))
        answerHeld()
    }

    /// A request is answered once: one that was refused while its answer was being made is not answered again.
    @inline(__always) func isAwaited(_ ticket: ResponseTicket) -> Bool {
        answers.isOwed(ticket) && producerTicket?.sequence != ticket.sequence
    }

    /// While draining, the last answer says that it is the last.
    @inline(__always) private func closing(_ ticket: ResponseTicket) -> ResponseTicket {
        guard server.isDraining || readsNoMore || withholdsContinue, answers.isLast(ticket) else { return ticket }
        readsNoMore = true
        return ticket.closing
    }

    /// The answer of `ticket` is in the output: the next one's turn.
    private func answered(_ ticket: ResponseTicket) {
        answers.advance()
        stream.scheduleFlush()
        if ticket.form.contains(.closes) {
            readsNoMore = true
            abandonAnswers()
            stream.closeAfterFlush()
            return
        }
        answerHeld()
        if owesContinue, let ticket = self.ticket, answers.isNext(ticket) {
            owesContinue = false
            sendContinue()
        }
        if readsNoMore, answers.unanswered == 0 {
            stream.closeAfterFlush()
        } else if answers.unanswered <= HTTPServerLimits.pipelinedRequestsToResume, !stream.isCongested, !isUpgrading {
            resumeReading()
        }
    }

    private func answerHeld() {
        while producer == nil, let next = answers.takeNext() {
            stream.output.append(next.bytes)
            switch next.rest {
            case .nothing: answered(next.ticket)
            case .body(let producer) where next.ticket.form.contains(.headOnly):
                producer.cancelled()
                answered(next.ticket)
            case .body(let producer):
                self.producer = producer
                producerTicket = next.ticket
                stream.scheduleFlush()
                producer.resume(self)
            case .upgrade(let connection):
                answers.advance()
                upgrade(to: connection)
            }
        }
    }

    private func abandonAnswers() {
        for producer in answers.abandon() { producer.cancelled() }
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
        if answers.unanswered < HTTPServerLimits.pipelinedRequests { resumeReading() }
    }

    /// What held reading up is over; a consumer that has enough holds it up all the same.
    private func resumeReading() {
        if !phase.isPaused { stream.resumeReading() }
    }

    public override func receivedEnd() {
        // Half-close: what was asked is still answered; an unfinished request never will be.
        if let ticket, body.isAwaited, answers.isLast(ticket), isAwaited(ticket) { answers.takeBackLast() }
        ticket = nil
        let consumer = body.drop()
        readNoMore()
        consumer?.cancelled()
    }

    public override func closed(_ reason: StreamEnd) {
        // A responder that closes the stream from within a request does not get the next one.
        readsNoMore = true
        if stream.isHandshaking { server.counters.handshakesFailed += 1 }
        server.remove(self)
        let producer = producer
        self.producer = nil
        producerTicket = nil
        let consumer = body.drop()
        producer?.cancelled()
        abandonAnswers()
        consumer?.cancelled()
    }

    // MARK: Deadlines

    public override func sweep(_ now: Instant) {
        // Progress is counted by the stream; a peer that takes nothing for this long is gone.
        if stream.isWriteBlocked, now - stream.lastProgress > HTTPServerLimits.writeStall {
            server.count(.stalled)
            stream.close()
            return
        }
        guard !readsNoMore else { return }
        let age = phase.age(now)
        switch phase.kind {
        case .idle:
            // Who reads its answers slowly is not idle. (But what it sends meanwhile must come in time.)
            guard answers.unanswered == 0, !stream.isWriteBlocked else { return }
            if server.hasToldAll, !awaitsFirstRequest {
                // Busy when it was told, or accepted since: it is done now.
                stream.closeAfterFlush()
            } else if stream.isHandshaking {
                if age > server.options.requestTimeout { stream.close() }
            } else if age > server.options.idleTimeout {
                server.count(.idle)
                stream.closeIdle()
            }
        case .head:
            if age > server.options.requestTimeout { refuseLate(.slowHead) }
        case .body:
            // A client that waits for its 100 (Continue), or for room, waits for us.
            if owesContinue || phase.isPaused { return }
            let allowance = server.options.requestTimeout + .seconds(body.received / HTTPServerLimits.slowestBody)
            if age > allowance { refuseLate(.slowBody) }
        }
    }

    public override func drain() {
        if answers.unanswered == 0, phase.kind == .idle, !awaitsFirstRequest { stream.closeAfterFlush() }
    }

    /// Whether it is so young that its first request is still on its way.
    private var awaitsFirstRequest: Bool {
        !answers.hasBegun && phase.age(server.reactor.now) < HTTPServerLimits.firstRequest
    }

    public override func goOn() {
        if answers.unanswered < HTTPServerLimits.pipelinedRequests, !stream.isCongested { resumeReading() }
    }

    // MARK: Memory

    public override var heldBytes: Int { stream.heldBytes + collected.capacity + answers.heldBytes + body.heldBytes }

    public override func giveBack() {
        stream.output.releaseIfEmpty()
        collected.releaseIfEmpty()
    }

    /// What waits in the output leaves with this turn, if its client reads; the rest is what it has not sent whole, or what
    /// was answered before its turn.
    public override func mayBeShed(_ now: Instant) -> Bool {
        stream.isHeldUp(now) || heldBytes - stream.heldOutput >= server.held.little
    }

    public override func shed() {
        // (Before the handshake is done, nothing can be said.)
        if stream.isWriteBlocked || readsNoMore || answers.unanswered > 1 || stream.isHandshaking {
            stream.close()
        } else {
            refuseForMemory()
        }
    }

    /// The request under way would have to be kept, and there is no room.
    func refuseForMemory() {
        guard !readsNoMore else { return }
        refuse(
            .serviceUnavailable, detail: "The gateway is short of memory; try again.", fields: "Retry-After: 1\r\n")
    }

    // MARK: Upgrade

    private func upgrade(to connection: UpgradedConnection) {
        server.replace(self, by: connection)
        stream.handler = connection
        connection.open(stream, server)
        if server.isDraining { connection.drain() }
        stream.scheduleFlush()
        // Whether it was paused to wait for its turn or not: what came behind the request is for the new protocol.
        stream.resumeReading()
        stream.redeliver()
    }
}
