import Bytes
import HTTP1
import HTTPServer
import Reactor
import WebSocket

/// Answers by the path's first word: `/now` at once, `/later` when the test says so, `/body` when the content is there,
/// `/kept` likewise but when the test says so, `/stream` when a consumer has taken the content, `/taken` likewise but when
/// the test says so, `/produce` with a producer, `/large` at once and much, `/ws` by switching to WebSocket. The body of an
/// answer is the path, or the length of the content.
final class ScriptedResponder: Responder {
    static let limit = 64 * 1024
    static let streamLimit = 16 << 20
    static let large = 300_000

    private(set) var paths: [String] = []
    private(set) var tickets: [ResponseTicket] = []
    private(set) var lengths: [Int] = []
    private(set) var producers: [ScriptedProducer] = []
    /// What the next producer writes at its first call; empty: it waits for the test.
    var script: [String] = []
    private(set) var consumers: [ScriptedConsumer] = []
    /// What the next consumer does with each piece; false: it pauses.
    var whenReceived: (ScriptedConsumer, HTTPServer) -> Bool = { _, _ in true }
    weak var socket: ScriptedSocket?
    /// What happens within the call that decides a request.
    var whenAsked: (HTTPServer) -> Void = { _ in }

    override func head(
        _ request: RequestParser, in bytes: Span<UInt8>, ticket: ResponseTicket, on server: HTTPServer
    ) -> HeadDecision {
        let path = bytes.extracting(request.head.path).text
        paths.append(path)
        whenAsked(server)
        switch path.dropFirst().prefix(while: { $0.isLetter }) {
        case "later": tickets.append(ticket)
        case "body": return .collect(limit: ScriptedResponder.limit, context: 0)
        case "kept": return .collect(limit: ScriptedResponder.limit, context: 1)
        case "stream", "taken":
            let consumer = ScriptedConsumer(ticket, answersAtEnd: path.hasPrefix("/stream"), whenReceived)
            consumers.append(consumer)
            return .stream(limit: ScriptedResponder.streamLimit, consumer)
        case "produce":
            let producer = ScriptedProducer(script)
            producers.append(producer)
            server.respond(ticket, .ok, contentType: "text/plain", fields: Span(), producer: producer)
        case "large":
            let body = [UInt8](repeating: UInt8(ascii: "x"), count: ScriptedResponder.large)
            server.respond(ticket, .ok, contentType: "text/plain", body: body.span)
        case "ws":
            switch WebSocketUpgrade.check(request, in: bytes) {
            case .acceptable:
                let socket = ScriptedSocket(now: server.reactor.now)
                self.socket = socket
                return .upgrade(socket)
            case .malformed(let reason): server.refuse(ticket, .badRequest, detail: reason)
            case .upgradeRequired(let reason): server.refuse(ticket, .upgradeRequired, detail: reason)
            }
        default: answer(ticket, path, on: server)
        }
        return .answered
    }

    override func body(_ bytes: Span<UInt8>, context: UInt32, ticket: ResponseTicket, on server: HTTPServer) {
        lengths.append(bytes.count)
        if context == 0 { answer(ticket, "\(bytes.count)", on: server) } else { tickets.append(ticket) }
    }

    override func appendProblem(_ status: Status, detail: StaticString, to body: inout ByteBuffer) {
        body.append("problem")
    }

    override var problemContentType: StaticString { "text/plain" }

    func answer(_ ticket: ResponseTicket, _ text: String, on server: HTTPServer) {
        server.respond(ticket, .ok, contentType: "text/plain", body: Array(text.utf8).span)
    }

    func forgetProducers() {
        producers = []
    }

    func forgetConsumers() {
        consumers = []
    }
}

/// Keeps what it is given.
final class ScriptedConsumer: BodyConsumer {
    let ticket: ResponseTicket
    private let answersAtEnd: Bool
    private let whenReceived: (ScriptedConsumer, HTTPServer) -> Bool
    private(set) var bytes: [UInt8] = []
    var text: String { String(decoding: bytes, as: UTF8.self) }
    private(set) var ends: [String] = []

    init(
        _ ticket: ResponseTicket, answersAtEnd: Bool, _ whenReceived: @escaping (ScriptedConsumer, HTTPServer) -> Bool
    ) {
        self.ticket = ticket
        self.answersAtEnd = answersAtEnd
        self.whenReceived = whenReceived
    }

    override func received(_ piece: Span<UInt8>, on server: HTTPServer) -> Bool {
        precondition(piece.count > 0 && ends.isEmpty)
        bytes += piece.copied
        return whenReceived(self, server)
    }

    override func ended(on server: HTTPServer) {
        ends.append("ended")
        if answersAtEnd { answer("\(bytes.count)", on: server) }
    }

    override func cancelled() { ends.append("cancelled") }

    func answer(_ text: String, on server: HTTPServer) {
        server.respond(ticket, .ok, contentType: "text/plain", body: Array(text.utf8).span)
    }
}

/// Writes its script, then ends; without a script the test writes.
final class ScriptedProducer: BodyProducer {
    private var script: [String]
    private(set) var resumes = 0
    private(set) var cancels = 0
    private(set) weak var connection: HTTPConnection?
    var whenResumed: (HTTPConnection) -> Void = { _ in }

    init(_ script: [String]) {
        self.script = script
    }

    override func resume(_ connection: HTTPConnection) {
        self.connection = connection
        resumes += 1
        whenResumed(connection)
        if script == ["abort"] {
            connection.abortBody()
            return
        }
        guard !script.isEmpty else { return }
        while !script.isEmpty, !connection.isCongested { connection.write(Array(script.removeFirst().utf8).span) }
        if script.isEmpty { connection.endBody() }
    }

    override func cancelled() { cancels += 1 }
}

/// Keeps what it is told. "echo…" is sent back, "close" closes, from within the message.
final class ScriptedSocket: WebSocketConnection {
    private(set) var events: [String] = []
    private(set) var binaries: [Int] = []

    init(now: Instant) {
        super.init(maximumMessageLength: 1 << 20, now: now)
    }

    override func opened() { events.append("opened") }
    override func text(_ message: Span<UInt8>) {
        let text = message.text
        events.append(text.count > 20 ? "\(text.count) bytes" : text)
        if text.hasPrefix("echo") { send(text: message) }
        if text == "close" {
            close(.normal)
            // The message is still whole.
            events.append(message.text)
        }
    }
    override func binary(_ message: Span<UInt8>) {
        binaries.append(message.count)
        send(binary: message)
    }
    override func ending() { events.append("ending") }
}
