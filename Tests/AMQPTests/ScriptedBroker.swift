import Bytes
import Glibc
import Reactor
import Testing

@testable import AMQP

/// A broker that does what no real one would, on the test's own reactor. It logs in and declares as asked, unless told
/// otherwise, and keeps every method it was sent.
final class ScriptedBroker: TCPListener {
    private final class Peer: StreamHandler {
        unowned let broker: ScriptedBroker
        var stream: TCPStream!
        private var hasHeader = false
        private let frames = FrameDecoder()
        private var methods = MethodDecoder()

        init(_ broker: ScriptedBroker) { self.broker = broker }

        override func received(_ bytes: Span<UInt8>) -> Int {
            var offset = 0
            if !hasHeader {
                guard bytes.count >= 8 else { return 0 }
                hasHeader = true
                offset = 8
                broker.begin()
            }
            do throws(AMQPError) {
                while !stream.isClosed {
                    let rest = bytes.extracting(offset..<bytes.count)
                    guard let frame = try frames.next(in: rest) else { break }
                    offset += frame.length
                    if frame.kind == .heartbeat { broker.heartbeats += 1 }
                    guard frame.kind == .method else { continue }
                    let payload = rest.extracting(Frame.headerSize..<(Frame.headerSize + frame.size))
                    broker.received(try methods.decode(payload, channel: frame.channel))
                }
            } catch {
                Issue.record("the client sent \(error)")
            }
            return offset
        }

        override func receivedEnd() { stream.close() }
    }

    /// What to answer instead of what a broker would; an empty array is silence.
    var answers: (Method) -> [Method]? = { _ in nil }
    /// Said instead of connection.start.
    var greeting: [UInt8]?
    var heartbeatSeconds: UInt16 = 0
    var connections = 0
    var sent: [Method] = []
    var heartbeats = 0
    private var encoder = FrameEncoder()
    private var peer: Peer?

    init(_ reactor: Reactor) throws {
        let address = try #require(SocketAddress(numeric: "127.0.0.1", port: 0))
        try super.init(reactor, on: address, sharesPort: false)
    }

    var endpoint: BrokerEndpoint { BrokerEndpoint(host: "127.0.0.1", port: localAddress.port) }

    override func accepted(_ descriptor: Int32) {
        connections += 1
        let peer = Peer(self)
        do {
            peer.stream = try TCPStream(reactor, descriptor, handler: peer)
            self.peer = peer
        } catch {
            Issue.record("\(error)")
        }
    }

    /// Closes the connection without a word.
    func hangUp() { peer?.stream.close() }

    func say(_ method: Method) {
        do {
            say(try method.frame(channel: method.channel))
        } catch {
            Issue.record("\(error)")
        }
    }

    func say(_ bytes: [UInt8]) {
        guard let stream = peer?.stream else { return }
        stream.output.append(bytes)
        stream.scheduleFlush()
    }

    private func begin() {
        if let greeting {
            say(greeting)
            return
        }
        say(
            .connectionStart(
                version: ProtocolVersion(),
                serverProperties: [Field("capabilities", .table([Field("publisher_confirms", .flag(true))]))],
                mechanisms: "PLAIN"))
    }

    private func received(_ method: Method) {
        sent.append(method)
        if let instead = answers(method) {
            for answer in instead { say(answer) }
            return
        }
        switch method {
        case .connectionStartOK:
            say(.connectionTune(Tuning(channelMax: 0, frameMax: 0, heartbeat: heartbeatSeconds)))
        case .connectionOpen: say(.connectionOpenOK)
        case .connectionClose: say(.connectionCloseOK)
        case .channelOpen: say(.channelOpenOK)
        case .confirmSelect: say(.confirmSelectOK)
        case .exchangeDeclare: say(.exchangeDeclareOK)
        case .queueDeclare(let name, _, _, _, _, _): say(.queueDeclareOK(name: name, consumers: 0))
        case .queueBind: say(.queueBindOK)
        case .basicQoS: say(.basicQoSOK)
        case .basicConsume: say(.basicConsumeOK(consumerTag: "c"))
        default: break
        }
    }
}
