import Bytes
import Glibc
import HTTP1
import Reactor
import TLS

/// HTTP/1.1 and WebSocket on one reactor: its listener, its connections, and the way back for their answers.
public final class HTTPServer: Source {
    /// What an operator may set.
    public struct Options: Sendable {
        public var address: SocketAddress
        /// Other reactors listen on the same address.
        public var sharesPort: Bool
        /// Listening sockets of somebody else to accept from; when there are any, nothing is bound.
        public var inherited: [Int32]
        /// Connections of this reactor; beyond it a connection is answered 503 and closed.
        public var maximumConnections: Int
        /// Field lines, each with its CRLF, for answers whose ticket names them (`ResponseTicket.adding`).
        public var fieldSets: [[UInt8]]
        /// Whether the responder is asked about each new connection (`Responder.admits`).
        public var asksForAdmission: Bool
        /// Bytes that all its clients together may make it hold.
        public var heldBytes: Int
        /// From the first byte of a head to its end.
        public var requestTimeout: Duration
        /// Without a request under way.
        public var idleTimeout: Duration

        public init(
            address: SocketAddress, sharesPort: Bool, inherited: [Int32] = [], maximumConnections: Int,
            fieldSets: [[UInt8]] = [], asksForAdmission: Bool = false, heldBytes: Int = HTTPServerLimits.heldBytes,
            requestTimeout: Duration, idleTimeout: Duration
        ) {
            precondition(fieldSets.count <= UInt8.max, "a ticket names them by one byte")
            self.fieldSets = fieldSets
            self.asksForAdmission = asksForAdmission
            self.address = address
            self.sharesPort = sharesPort
            self.inherited = inherited
            self.maximumConnections = maximumConnections
            self.heldBytes = heldBytes
            self.requestTimeout = requestTimeout
            self.idleTimeout = idleTimeout
        }
    }

    /// Counts since the start; plain adds on the reactor's thread.
    public struct Counters: Sendable {
        public var accepted: UInt64 = 0
        /// Connections that ended before their TLS handshake did.
        public var handshakesFailed: UInt64 = 0
        public var requests: UInt64 = 0
        /// By `ConnectionRefusal`, and by `ConnectionEnd`.
        public var refusals = InlineArray<3, UInt64>(repeating: 0)
        public var ends = InlineArray<8, UInt64>(repeating: 0)

        public var refused: UInt64 { refusals[0] + refusals[1] + refusals[2] }
    }

    public let reactor: Reactor
    public let options: Options
    /// What connections accepted from now on are served with; nil: nothing, they are plain. A server that has one keeps
    /// having one.
    public var tls: TLSContext?
    public private(set) var isDraining = false
    public internal(set) var counters = Counters()
    let responder: Responder
    private var dateField: DateField
    private(set) var connections = Slab<ServerConnection>()
    var held: HeldMemory
    /// Those whose turn is over though there is more to read.
    private var yielded: [Token] = []
    /// Refused connections that linger.
    private var refusedLingering = 0
    private var listeners: [Listener] = []
    /// Who was asked about, to be told when they leave; empty when nobody is asked about.
    private var admitted: [Token: IPAddress] = [:]
    /// Connections that are to be told, and how many a tick. By token: one that was upgraded meanwhile is not what it
    /// was, and one that closed need not wait here.
    private var toDrain: [Token] = []
    private var drainsPerTick = 0

    /// Binds and listens; accepting starts with the reactor.
    /// - Parameter tls: to serve https and wss.
    public init(
        _ reactor: Reactor, _ options: Options, tls: TLSContext? = nil, responder: Responder
    ) throws(SystemError) {
        self.reactor = reactor
        self.options = options
        self.tls = tls
        self.responder = responder
        dateField = DateField(unixSeconds: reactor.unixSeconds)
        held = HeldMemory(most: options.heldBytes, connections: options.maximumConnections)
        super.init()
        reactor.addBeforeSleep(self)
        if options.inherited.isEmpty { listeners = [try Listener(self)] }
        for descriptor in options.inherited { listeners.append(try Listener(self, inheriting: descriptor)) }
        _ = reactor.schedule(self, at: reactor.now + HTTPServerLimits.sweep)
    }

    /// Connections that are open, WebSockets among them.
    public var connectionCount: Int { connections.count }

    /// The `Date` of this second's answers.
    var date: DateField {
        dateField.update(unixSeconds: reactor.unixSeconds)
        return dateField
    }

    /// Where it listens.
    public var localAddress: SocketAddress? { listeners.first?.localAddress }

    // MARK: Answers

    /// Answers a request with a body that is all there.
    /// - Parameters:
    ///   - fields: further field lines, each with its CRLF.
    ///   - body: copied.
    public func respond(
        _ ticket: ResponseTicket, _ status: Status, contentType: StaticString?, fields: StaticString = "",
        body: Span<UInt8>
    ) {
        let fields = UnsafeBufferPointer(start: fields.utf8Start, count: fields.utf8CodeUnitCount)
        connection(of: ticket)?.respond(ticket, status, contentType, unsafe Span(_unsafeElements: fields), body)
    }

    /// The same with field lines made at run time.
    public func respond(
        _ ticket: ResponseTicket, _ status: Status, contentType: StaticString?, fields: Span<UInt8>, body: Span<UInt8>
    ) {
        connection(of: ticket)?.respond(ticket, status, contentType, fields, body)
    }

    /// The body of a problem document, as the responder writes it.
    public func appendProblem(_ status: Status, detail: StaticString, to body: inout ByteBuffer) {
        responder.appendProblem(status, detail: detail, to: &body)
    }

    /// Answers a request with a body of unknown length, which `producer` writes when it is its turn.
    public func respond(
        _ ticket: ResponseTicket, _ status: Status, contentType: StaticString, fields: Span<UInt8>,
        producer: BodyProducer
    ) {
        guard let connection = connection(of: ticket) else {
            producer.cancelled()
            return
        }
        connection.respond(ticket, status, contentType, fields, producer)
    }

    /// Answers with the responder's problem document.
    public func refuse(_ ticket: ResponseTicket, _ status: Status, detail: StaticString, fields: StaticString = "") {
        var body = ByteBuffer()
        responder.appendProblem(status, detail: detail, to: &body)
        respond(ticket, status, contentType: responder.problemContentType, fields: fields, body: body.bytes)
    }

    /// A `BodyConsumer` that paused takes more: reading from its client goes on, not before this turn ends. A ticket whose
    /// body is not paused does nothing.
    public func resumeBody(_ ticket: ResponseTicket) {
        connection(of: ticket)?.resumeBody(ticket)
    }

    /// The request under way is known by this ticket from now on: also what the server itself answers to it says what
    /// the responder has added.
    public func keep(_ ticket: ResponseTicket) { connection(of: ticket)?.keep(ticket) }

    /// What an answer says beside what its maker knows.
    @inline(__always) func fields(of ticket: ResponseTicket) -> [UInt8] {
        ticket.fieldSet == 0 ? [] : options.fieldSets[Int(ticket.fieldSet) - 1]
    }

    /// Who asks: the other end of the connection, a proxy perhaps; nil when it is gone.
    public func peer(of ticket: ResponseTicket) -> IPAddress? { connection(of: ticket)?.peer }

    /// Whether the client of this ticket is still there.
    public func isWaiting(_ ticket: ResponseTicket) -> Bool {
        connection(of: ticket) != nil
    }

    @inline(__always) private func connection(of ticket: ResponseTicket) -> HTTPConnection? {
        guard let connection = connections[ticket.connection] else { return nil }
        // The slot's holder was an HTTP connection when the ticket was made, and an upgrade changes the generation.
        return unsafeDowncast(connection, to: HTTPConnection.self)
    }

    // MARK: Connections

    func accepted(_ descriptor: Int32) {
        guard connections.count < options.maximumConnections else {
            count(.full)
            refuseConnection(descriptor, Self.full)
            return
        }
        let peer = options.asksForAdmission ? IPAddress(SocketAddress(peerOf: descriptor)) : nil
        if let peer, !responder.admits(peer) {
            count(.address)
            refuseConnection(descriptor, Self.tooMany)
            return
        }
        counters.accepted += 1
        do throws(SystemError) {
            let connection = try HTTPConnection(self, descriptor, try session())
            connection.token = connections.insert(connection)
            if let peer { admitted[connection.token] = peer }
        } catch {
            if let peer { responder.left(peer) }
            count(.descriptors)
            Glibc.close(descriptor)
        }
    }

    private func session() throws(SystemError) -> TLSSession? {
        guard let tls else { return nil }
        do throws(TLSError) { return try TLSSession(tls) } catch { throw SystemError(ENOMEM, "SSL_new") }
    }

    private static let full: StaticString =
        "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
    private static let tooMany: StaticString =
        "HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"

    /// A client that speaks TLS understands nothing else before the handshake (RFC 8446 section 6): internal_error.
    private static let alert: StaticString = "\u{15}\u{03}\u{03}\u{00}\u{02}\u{02}\u{50}"

    /// At the limit: a word instead of a silent reset. A socket that is closed while its client's request comes would take
    /// that word back with a reset, so some linger.
    private func refuseConnection(_ descriptor: Int32, _ answer: StaticString) {
        let answer = tls == nil ? answer : Self.alert
        guard refusedLingering < HTTPServerLimits.refusedLingering else {
            _ = send(descriptor, answer.utf8Start, answer.utf8CodeUnitCount, Int32(MSG_NOSIGNAL))
            shutdown(descriptor, Int32(SHUT_RDWR))
            Glibc.close(descriptor)
            return
        }
        do throws(SystemError) {
            let stream = try TCPStream(reactor, descriptor, handler: Refused(self))
            refusedLingering += 1
            stream.output.append(answer)
            stream.closeAfterFlush()
        } catch {
            Glibc.close(descriptor)
        }
    }

    fileprivate func refusedHasLeft() { refusedLingering -= 1 }

    /// A connection changes its protocol: late answers to the old one find nothing.
    func replace(_ connection: HTTPConnection, by upgraded: UpgradedConnection) {
        connections.remove(connection.token)
        upgraded.token = connections.insert(upgraded)
        if let peer = admitted.removeValue(forKey: connection.token) { admitted[upgraded.token] = peer }
    }

    func remove(_ connection: ServerConnection) {
        connections.remove(connection.token)
        if let peer = admitted.removeValue(forKey: connection.token) { responder.left(peer) }
    }

    func respondTo(acceptError error: SystemError) {
        count(.descriptors)
    }

    func count(_ refusal: ConnectionRefusal) { counters.refusals[refusal.rawValue] += 1 }

    func count(_ end: ConnectionEnd) { counters.ends[end.rawValue] += 1 }

    // MARK: Fairness

    /// A connection has had its part of this turn; it goes on in the next.
    func yield(_ connection: ServerConnection) { yielded.append(connection.token) }

    public override func beforeSleep() {
        if held.mustShed(reactor.now) { shedHeld() }
        guard !yielded.isEmpty else { return }
        for token in yielded { connections[token]?.goOn() }
        yielded.removeAll(keepingCapacity: true)
    }

    private static let drainTag: UInt32 = 1

    public override func timerFired(_ tag: UInt32) {
        if tag == HTTPServer.drainTag {
            drainSome()
            return
        }
        let now = reactor.now
        for connection in connections.values { connection.sweep(now) }
        shedHeld()
        _ = reactor.schedule(self, at: now + HTTPServerLimits.sweep)
    }

    // MARK: Drain

    /// Stops listening; what is in the backlog of our own socket is accepted first.
    public func stopListening() {
        for listener in listeners { listener.close() }
        listeners = []
    }

    /// From now on answers say `Connection: close`, idle connections are closed, and WebSockets are told to go away.
    /// - Parameter time: over which the telling is spread, so that a fleet of clients does not come back in one beat.
    public func drain(spreadOver time: Duration) {
        guard !isDraining else { return }
        isDraining = true
        toDrain = connections.values.map(\.token)
        let ticks = max(1, time.wholeNanoseconds / HTTPServerLimits.drainTick.wholeNanoseconds)
        drainsPerTick = max(HTTPServerLimits.drainsPerTick, toDrain.count / Int(ticks) + 1)
        drainSome()
    }

    /// Every connection there was when the drain began has been told.
    var hasToldAll: Bool { isDraining && toDrain.isEmpty }

    private func drainSome() {
        for token in toDrain.suffix(drainsPerTick) { connections[token]?.drain() }
        toDrain.removeLast(min(drainsPerTick, toDrain.count))
        guard !toDrain.isEmpty else { return }
        _ = reactor.schedule(self, at: reactor.now + HTTPServerLimits.drainTick, tag: HTTPServer.drainTag)
    }
}

/// Hands accepted sockets to its server.
private final class Listener: TCPListener {
    private unowned let server: HTTPServer

    init(_ server: HTTPServer) throws(SystemError) {
        self.server = server
        try super.init(server.reactor, on: server.options.address, sharesPort: server.options.sharesPort)
    }

    init(_ server: HTTPServer, inheriting descriptor: Int32) throws(SystemError) {
        self.server = server
        try super.init(server.reactor, inheriting: descriptor)
    }

    override func accepted(_ descriptor: Int32) { server.accepted(descriptor) }
    override func acceptFailed(_ error: SystemError) { server.respondTo(acceptError: error) }
}

/// A connection that was refused, until its client has read why.
private final class Refused: StreamHandler {
    private unowned let server: HTTPServer

    init(_ server: HTTPServer) { self.server = server }

    override func closed(_ reason: StreamEnd) { server.refusedHasLeft() }
}
