import Bytes
import Reactor
import Testing

@testable import AMQP

/// A connection against a broker that misbehaves.
@Suite struct AMQPConnectionTests {
    let reactor: Reactor
    let broker: ScriptedBroker
    let client = Recorder()

    init() throws {
        reactor = try Reactor()
        broker = try ScriptedBroker(reactor)
    }

    private static let consuming = Topology(
        exchange: "e", queue: .durable(name: "q", type: .classic), manualAck: true)

    private func connection(
        _ topology: Topology = Topology(exchange: "e"), publishes: Bool = true, window: Int = 1000,
        heartbeat: Duration = .zero
    ) -> AMQPConnection {
        let configuration = AMQPConfiguration(
            endpoints: [broker.endpoint], connectionName: "test", heartbeat: heartbeat, confirmWindow: window)
        let connection = AMQPConnection(
            reactor, configuration, topology: topology, publishes: publishes, client: client)
        connection.start()
        return connection
    }

    private func ready(
        _ topology: Topology = Topology(exchange: "e"), publishes: Bool = true, window: Int = 1000
    ) -> AMQPConnection {
        let connection = connection(topology, publishes: publishes, window: window)
        turn(reactor) { client.readies == 1 }
        return connection
    }

    private func close(_ connection: AMQPConnection) {
        connection.close(deadline: reactor.now + .seconds(20))
        turn(reactor) { connection.isClosed }
        #expect(client.errors.last == .closed)
    }

    @Test func hangingUpAfterTheCredentialsIsARefusal() {
        broker.answers = { [broker] method in
            guard case .connectionStartOK = method else { return nil }
            broker.hangUp()
            return []
        }
        let connection = connection()
        turn(reactor) { !client.errors.isEmpty }
        #expect(
            client.errors == [.accessRefused("it closed the connection after the credentials (closed by the broker)")])
        close(connection)
    }

    @Test func whoSpeaksSomethingElseIsToldAndTriedAgain() {
        broker.greeting = Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)
        let connection = connection()
        turn(reactor) { client.errors.count >= 3 }
        #expect(client.errors.allSatisfy { $0 == .malformed("frame of type 72") })
        broker.greeting = nil
        turn(reactor) { client.readies == 1 }
        close(connection)
    }

    @Test func aBrokerThatSaysNothingIsGivenUpAfterAWhile() {
        broker.greeting = []
        let connection = connection()
        turn(reactor) { !client.errors.isEmpty }
        #expect(client.errors == [.timeout("start")])
        close(connection)
    }

    @Test func aFrameThatIsNoneEndsTheConnectionWithItsReplyCode() {
        let connection = ready()
        broker.say(hex("03 0002 00000001 61 CE"))
        turn(reactor) { client.readies == 2 }
        #expect(client.errors == [.malformed("frame on channel 2, not open")])
        #expect(broker.connections == 2)
        let closes = broker.sent.filter {
            if case .connectionClose(let reply) = $0 { reply.code == 501 } else { false }
        }
        #expect(closes.count == 1)
        close(connection)
    }

    @Test func silenceIsDeath() {
        broker.heartbeatSeconds = 1
        let connection = connection(heartbeat: .seconds(1))
        turn(reactor) { client.readies == 2 }
        #expect(client.errors == [.silent])
        // We were not silent meanwhile.
        #expect(broker.heartbeats >= 2)
        close(connection)
    }

    @Test func heartbeatsOfThePeerKeepTheConnection() {
        broker.heartbeatSeconds = 1
        let connection = connection(heartbeat: .seconds(1))
        turn(reactor) { client.readies == 1 }
        let end = Reactor.monotonic() + .seconds(4)
        turn(reactor) {
            broker.say(hex("08 0000 00000000 CE"))
            return Reactor.monotonic() > end
        }
        #expect(client.errors == [])
        close(connection)
    }

    @Test func confirmsOutOfOrderNacksAndWhatIsLeft() {
        let connection = ready(window: 4)
        for ticket in 1...4 as ClosedRange<UInt64> { #expect(connection.publish([1], ticket: ticket * 10)) }
        #expect(client.flow == [true])
        #expect(!connection.publish([1], ticket: 50))
        turn(reactor) { broker.sent.count { if case .basicPublish = $0 { true } else { false } } == 4 }
        broker.say(.basicAck(tag: 3, multiple: false))
        broker.say(.basicNack(tag: 1, multiple: false, requeue: false))
        turn(reactor) { client.confirms == [30] && client.unconfirmed == [10] }
        #expect(client.flow == [true, false])
        #expect(connection.publish([1], ticket: 50))
        broker.hangUp()
        turn(reactor) { client.readies == 2 }
        #expect(client.unconfirmed == [10, 20, 40, 50])
        #expect(client.errors == [.lost("closed by the broker")])
        #expect(connection.unconfirmedCount == 0)
        close(connection)
    }

    @Test func aConfirmOfWhatWasNeverPublishedEndsTheConnection() {
        let connection = ready()
        #expect(connection.publish([1], ticket: 1))
        broker.say(.basicAck(tag: 2, multiple: false))
        turn(reactor) { client.readies == 2 }
        #expect(client.errors == [.malformed("confirm of delivery tag 2, published: 1")])
        #expect(client.unconfirmed == [1])
        close(connection)
    }

    /// The frames of a delivery.
    private func deliver(tag: UInt64, size: Int, _ body: (Int) -> [UInt8]) throws -> [UInt8] {
        var frames = try Method.basicDeliver(tag: tag, redelivered: false).frame(channel: 1)
        frames += hex("02 0001 0000000E 003C 0000")
        frames += withUnsafeBytes(of: UInt64(size).bigEndian) { Array($0) } + hex("0000 CE")
        var sent = 0
        while sent < size {
            let count = min(100_000, size - sent)
            frames += hex("03 0001") + withUnsafeBytes(of: UInt32(count).bigEndian) { Array($0) } + body(count) + [0xCE]
            sent += count
        }
        return frames
    }

    @Test func aDeliveryOverTheLimitIsRejectedAndReportedAndTheNextComes() throws {
        let connection = ready(Self.consuming, publishes: false)
        broker.say(try deliver(tag: 1, size: Limits.body + 1) { [UInt8](repeating: 0, count: $0) })
        broker.say(try deliver(tag: 2, size: 3) { _ in [1, 2, 3] })
        turn(reactor) { client.deliveries.count == 1 }
        #expect(client.drops == [.bodyTooLarge(UInt64(Limits.body) + 1)])
        #expect(client.deliveries.first?.body == [1, 2, 3])
        turn(reactor) { broker.sent.contains(.basicReject(tag: 1, requeue: false)) }
        #expect(client.errors == [])
        close(connection)
    }

    @Test func contentInterruptedByAMethodOfItsChannelEndsTheConnection() throws {
        let connection = ready(Self.consuming, publishes: false)
        broker.say(.basicDeliver(tag: 1, redelivered: false))
        broker.say(.basicDeliver(tag: 2, redelivered: false))
        turn(reactor) { client.readies == 2 }
        #expect(client.errors == [.malformed("a method where content is due")])
        // Channel 0 may speak in between.
        let frames = try deliver(tag: 1, size: 1) { _ in [7] }
        let method = try Method.basicDeliver(tag: 1, redelivered: false).frame(channel: 1).count
        broker.say(Array(frames[..<method]))
        broker.say(.connectionBlocked(reason: "low on memory"))
        broker.say(hex("08 0000 00000000 CE"))
        broker.say(Array(frames[method...]))
        turn(reactor) { client.deliveries.count == 1 }
        #expect(client.errors.count == 1)
        close(connection)
    }

    @Test func deliveriesInPiecesAreTheSame() throws {
        let connection = ready(Self.consuming, publishes: false)
        let frames = try deliver(tag: 1, size: 5) { _ in Array("hello".utf8) }
        for byte in frames {
            broker.say([byte])
            reactor.turn(waitingAtMost: .milliseconds(1))
        }
        turn(reactor) { client.deliveries.count == 1 }
        #expect(client.deliveries.first?.body == Array("hello".utf8))
        connection.ack(client.deliveries[0].tag)
        turn(reactor) { broker.sent.last == .basicAck(tag: 1, multiple: false) }
        close(connection)
    }

    /// On the new channel the broker counts from 1 again: a late answer would settle another message.
    @Test func tagsOfAFormerConnectionAreNotAnswered() throws {
        let connection = ready(Self.consuming, publishes: false)
        broker.say(try deliver(tag: 1, size: 1) { _ in [1] })
        turn(reactor) { client.deliveries.count == 1 }
        broker.hangUp()
        turn(reactor) { client.readies == 2 }
        broker.say(try deliver(tag: 1, size: 1) { _ in [2] } + deliver(tag: 2, size: 1) { _ in [3] })
        turn(reactor) { client.deliveries.count == 3 }
        connection.ack(client.deliveries[0].tag, multiple: true)
        connection.nack(client.deliveries[0].tag, requeue: true)
        connection.reject(client.deliveries[0].tag, requeue: true)
        connection.ack(client.deliveries[2].tag)
        turn(reactor) { broker.sent.last == .basicAck(tag: 2, multiple: false) }
        let answers = broker.sent.filter {
            switch $0 {
            case .basicAck, .basicNack, .basicReject: true
            default: false
            }
        }
        #expect(answers == [.basicAck(tag: 2, multiple: false)])
        close(connection)
    }

    @Test func closingEndsAtItsDeadlineWhenTheBrokerDoesNotAnswer() {
        broker.answers = { if case .connectionClose = $0 { [] } else { nil } }
        let connection = ready()
        #expect(connection.publish([1], ticket: 5))
        connection.close(deadline: reactor.now + .milliseconds(50))
        #expect(!connection.isReady && !connection.canPublish && !connection.isClosed)
        connection.close(deadline: reactor.now + .seconds(100))
        turn(reactor) { connection.isClosed }
        #expect(client.errors == [.closed])
        #expect(client.unconfirmed == [5])
        // Over for good.
        turn(reactor) { broker.sent.contains(.connectionClose(Reply(code: 200, text: "goodbye"))) }
        #expect(broker.connections == 1)
    }

    @Test func closingWhileThereIsNoConnection() {
        broker.answers = { _ in [] }
        let connection = connection()
        turn(reactor) { !broker.sent.isEmpty }
        connection.close(deadline: reactor.now + .seconds(10))
        #expect(connection.isClosed)
        #expect(client.errors == [.closed])
        #expect(client.readies == 0)
    }

    /// Closes the connection from within a call.
    private final class Closer: AMQPClient {
        var isOver = false
        override func ready(_ connection: AMQPConnection) { connection.close(deadline: .distantFuture) }
        override func disconnected(_ connection: AMQPConnection, error: AMQPError) { isOver = error == .closed }
    }

    @Test func closingFromWithinACall() {
        let closer = Closer()
        let configuration = AMQPConfiguration(endpoints: [broker.endpoint], connectionName: "test")
        let connection = AMQPConnection(
            reactor, configuration, topology: Topology(exchange: "e"), publishes: true, client: closer)
        connection.start()
        turn(reactor) { closer.isOver }
        #expect(connection.isClosed)
    }

    /// A name longer than AMQP's 255 bytes is the configuration's fault, told as an error and not by a crash.
    @Test func namesThatDoNotFitAreALastingError() {
        let connection = connection(Topology(exchange: String(repeating: "x", count: 256)))
        turn(reactor) { !client.errors.isEmpty }
        #expect(client.errors.first == .unsupported("a name or credential longer than AMQP allows"))
        close(connection)
    }

    /// What former streams hold is let go with them.
    @Test func reconnectingLeavesNothingBehind() {
        weak var former: AMQPLink?
        let connection = ready()
        former = connection.link
        #expect(former != nil)
        broker.hangUp()
        turn(reactor) { client.readies == 2 }
        reactor.turn(waitingAtMost: .milliseconds(1))
        #expect(former == nil)
        close(connection)
    }
}
