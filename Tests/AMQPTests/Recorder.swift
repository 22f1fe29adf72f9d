import AMQP
import Bytes
import Reactor
import Testing

/// What a connection told, in full.
final class Recorder: AMQPClient {
    struct Received: Equatable {
        var tag: UInt64
        var redelivered: Bool
        var contentType: String
        var messageID: String
        var timestamp: Int64?
        var body: [UInt8]
    }

    var readies = 0
    var errors: [AMQPError] = []
    var deliveries: [Received] = []
    var bodyCount = 0
    var keepsBodies = true
    var acknowledges = false
    var confirms: [UInt64] = []
    var unconfirmed: [UInt64] = []
    var flow: [Bool] = []
    var drops: [AMQPError] = []

    override func ready(_ connection: AMQPConnection) { readies += 1 }
    override func disconnected(_ connection: AMQPConnection, error: AMQPError) { errors.append(error) }
    override func delivered(_ connection: AMQPConnection, _ delivery: borrowing Delivery) {
        bodyCount += 1
        if keepsBodies {
            deliveries.append(
                Received(
                    tag: delivery.deliveryTag, redelivered: delivery.redelivered,
                    contentType: delivery.contentType.text, messageID: delivery.messageID.text,
                    timestamp: delivery.timestamp, body: delivery.body.copied))
        }
        if acknowledges { connection.ack(delivery.deliveryTag) }
    }
    override func dropped(_ connection: AMQPConnection, error: AMQPError) { drops.append(error) }
    override func confirmed(_ connection: AMQPConnection, ticket: UInt64) { confirms.append(ticket) }
    override func unconfirmed(_ connection: AMQPConnection, ticket: UInt64) { unconfirmed.append(ticket) }
    override func flowChanged(_ connection: AMQPConnection, blocked: Bool) { flow.append(blocked) }
}

/// Turns until the condition holds; a deadline far beyond any delay of a loaded machine turns a hang into a failure.
func turn(
    _ reactor: Reactor, within limit: Duration = .seconds(60), sourceLocation: SourceLocation = #_sourceLocation,
    until condition: () -> Bool
) {
    let deadline = Reactor.monotonic() + limit
    while !condition(), Reactor.monotonic() < deadline { reactor.turn(waitingAtMost: .milliseconds(20)) }
    #expect(condition(), "did not happen in time", sourceLocation: sourceLocation)
}

extension AMQPConnection {
    /// Publishes `body` when there is room, or says that there is none.
    func publish(_ body: [UInt8], ticket: UInt64, id: String = "", type: StaticString? = nil) -> Bool {
        let id = Array(id.utf8)
        return publish(
            routingKey: "kolga", contentType: type, messageID: id.span, timestamp: 1_700_000_000, body: body.span,
            ticket: ticket)
    }
}
