import Bytes
import Testing

@testable import AMQP

/// A session, and the other side of it: what it sent is read back as methods.
final class Conversation {
    var session: AMQPSession
    var output = ByteBuffer()
    var now = Instant(nanoseconds: 1_000_000_000_000)
    private let decoder = FrameDecoder()
    private var methods = MethodDecoder()

    init(_ topology: Topology, publishes: Bool = true, heartbeat: Duration = .seconds(30)) {
        let endpoint = BrokerEndpoint(host: "broker", user: "ada", password: "secret", virtualHost: "games")
        let configuration = AMQPConfiguration(
            endpoints: [endpoint], connectionName: "worker 1", product: "test", version: "1.0", heartbeat: heartbeat)
        session = AMQPSession(configuration, topology: topology, publishes: publishes)
        session.begin(endpoint, now: now, into: &output)
    }

    /// The broker says `method`.
    func receives(_ method: Method) throws -> AMQPSession.Event {
        try session.noteReceived(now: now)
        return try session.receive(method, now: now, into: &output)
    }

    /// What was sent since the last look, all of it methods.
    func sent() throws -> [Method] {
        var result: [Method] = []
        while true {
            let bytes = output.bytes.copied
            guard let frame = try decoder.next(in: bytes.span) else { break }
            #expect(frame.kind == .method)
            let payload = Array(bytes[Frame.headerSize..<(Frame.headerSize + frame.size)])
            result.append(try methods.decode(payload.span, channel: frame.channel))
            output.consume(frame.length)
        }
        let rest = output.count
        #expect(rest == 0)
        return result
    }

    func sentBytes() -> [UInt8] {
        defer { output.removeAll() }
        return output.bytes.copied
    }

    // What `#expect` cannot ask a value that is not copyable.
    var phase: AMQPSession.Phase { session.phase }
    var frameMax: Int { session.frameMax }
    var heartbeat: Duration { session.heartbeat }
    var isBlocked: Bool { session.isBlocked }
    var isChannelUsable: Bool { session.isChannelUsable }
    var queueRefusal: String? { session.queueRefusal }
    var otherConsumers: UInt32 { session.otherConsumers }
    func rebind() -> Bool { session.rebind(into: &output) }
    func handBack() throws(AMQPError) -> Bool { try session.handBack(into: &output) }
    func lost(_ reason: String) -> AMQPError { session.lost(reason) }
    func close(code: UInt16, text: String) -> Bool { session.close(code: code, text: text, into: &output) }
    func tick() throws(AMQPError) -> Instant { try session.tick(now: now, into: &output) }

    /// Through the log-in, up to channel.open.
    func logIn(tuning: Tuning = Tuning(channelMax: 2047, frameMax: 131_072, heartbeat: 60)) throws {
        _ = sentBytes()
        _ = try receives(.start)
        _ = try receives(.connectionTune(tuning))
        _ = try receives(.connectionOpenOK)
        #expect(try sent().last == .channelOpen)
    }

    /// To `ready`, as far as the topology needs it.
    func becomeReady() throws {
        var event = AMQPSession.Event.none
        var answers: [Method] = []
        while event != .ready {
            answers = try sent().map { method in
                switch method {
                case .channelOpen: .channelOpenOK
                case .confirmSelect: .confirmSelectOK
                case .exchangeDeclare: .exchangeDeclareOK
                case .queueDeclare(let name, _, _, _, _, _):
                    .queueDeclareOK(name: name.isEmpty ? "amq.gen-1" : name, consumers: 0)
                case .queueBind: .queueBindOK
                case .basicQoS: .basicQoSOK
                case .basicConsume: .basicConsumeOK(consumerTag: "c")
                default: .other(0)
                }
            }
            try #require(!answers.isEmpty)
            for answer in answers { event = try receives(answer) }
        }
    }
}

extension Method {
    /// What a RabbitMQ begins with, as far as it matters.
    static let start = Method.connectionStart(
        version: ProtocolVersion(),
        serverProperties: [Field("capabilities", .table([Field("publisher_confirms", .flag(true))]))],
        mechanisms: "AMQPLAIN PLAIN")
}
