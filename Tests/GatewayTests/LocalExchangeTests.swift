import AMQP
import Bytes
import Reactor
import Testing

@testable import Gateway

private final class Publisher: BusClient {
    var confirmed: [UInt64] = []
    override func confirmed(_ ticket: UInt64) { confirmed.append(ticket) }
}

private final class Counting: LocalConsumer {
    var messages = 0
    override func take(_ message: LocalExchange.Message) { messages += 1 }
}

@Suite struct LocalExchangeTests {
    /// The consumers' reactor lags: the publishers' outboxes keep what has no room, and nothing is confirmed.
    @Test func aFullExchangeTakesNothingUntilThereIsRoom() throws {
        let exchange = try LocalExchange()
        let reactor = try Reactor()
        let client = Publisher()
        let publisher = LocalPublisher(reactor, exchange, client)
        publisher.start()
        reactor.turn(waitingAtMost: .zero)
        #expect(publisher.canPublish)
        let body = [UInt8](repeating: 7, count: 100_000)
        var published: UInt64 = 0
        while publisher.publish(scores: 1, messageID: Span(), body: body.span, ticket: published), published < 1000 {
            published += 1
        }
        #expect(published >= 83 && published <= UInt64(LocalLimits.exchangeBytes / body.count + 1))
        #expect(!publisher.canPublish)
        for _ in 0..<5 { reactor.turn(waitingAtMost: .milliseconds(20)) }
        #expect(client.confirmed.isEmpty)
        // It goes on.
        let other = try Reactor()
        let fanout = try LocalFanout(other, exchange)
        let consumer = Counting()
        fanout.bind(consumer)
        other.turn(waitingAtMost: .zero)
        #expect(consumer.messages == Int(published) && publisher.canPublish)
        let deadline = Reactor.monotonic() + .seconds(20)
        while client.confirmed.count < Int(published), Reactor.monotonic() < deadline {
            reactor.turn(waitingAtMost: .milliseconds(20))
        }
        #expect(client.confirmed == Array(0..<published))
    }
}
