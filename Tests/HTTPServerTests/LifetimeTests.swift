import Bytes
import HTTP1
import Reactor
import Testing

@testable import HTTPServer

@Suite struct LifetimeTests {
    @Test(arguments: [false, true])
    func aClosedConnectionGoesAwayWithItsStream(closedByClient: Bool) throws {
        let test = try TestServer()
        let client = try test.connect()
        test.responder.script = ["hello"]
        client.send(get("/produce"))
        test.turn { client.transcript.hasSuffix("0\n\n") }
        weak let connection = test.responder.producers[0].connection
        weak let stream = connection?.stream
        #expect(connection != nil && stream != nil)
        if closedByClient { client.close() } else { client.send(get("/now", "Connection: close")) }
        test.turn {
            if !closedByClient {
                client.receive()
                if client.hasEnded { client.close() }
            }
            return test.server.connectionCount == 0
        }
        test.settle()
        #expect(connection == nil)
        #expect(stream == nil)
    }

    @Test func aWebSocketGoesAwayWithItsStreamAndTheConnectionItWas() throws {
        let test = try TestServer()
        let client = try test.connect()
        test.responder.script = ["hello"]
        client.send(get("/produce"))
        test.turn { client.transcript.hasSuffix("0\n\n") }
        weak let connection = test.responder.producers[0].connection
        #expect(connection != nil)
        client.send(upgradeRequest)
        test.turn { test.responder.socket?.events == ["opened"] }
        test.settle()
        #expect(connection == nil)
        weak let socket = test.responder.socket
        weak let stream = socket?.stream
        #expect(stream != nil)
        client.close()
        test.turn { test.server.connectionCount == 0 }
        test.settle()
        #expect(socket == nil)
        #expect(stream == nil)
    }

    @Test func oneThatIsClosedWhileAProducerWaitsGoesAway() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(get("/produce") + get("/later"))
        test.turn { test.responder.tickets.count == 1 }
        weak let connection = test.responder.producers[0].connection
        #expect(connection != nil)
        client.reset()
        test.turn { test.responder.producers[0].cancels == 1 }
        test.settle()
        #expect(connection == nil)
    }

    @Test func aClosedConnectionGoesAwayThoughTheDrainHasNotComeToIt() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(get("/produce"))
        test.turn { test.responder.producers.count == 1 }
        weak let connection = test.responder.producers[0].connection
        let others = try (0...HTTPServerLimits.drainsPerTick - 1).map { _ in try test.connect() }
        test.turn { test.server.connectionCount + Int(test.server.counters.refused) == others.count + 1 }
        test.server.drain(spreadOver: .seconds(600))
        client.reset()
        test.turn { test.responder.producers[0].cancels == 1 }
        test.settle()
        #expect(connection == nil)
    }
}
