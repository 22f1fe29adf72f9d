import Bytes
import Testing
import WebSocket

@testable import HTTPServer
@testable import Reactor

/// A flood on one connection leaves the others their turn: told by what is done in a turn, not by how long it takes.
@Suite struct FairnessTests {
    @Test func aFloodOfRequestsIsAnsweredBitByBit() throws {
        let test = try TestServer()
        let flooder = try test.connect()
        let other = try test.connect()
        test.turn { test.server.connectionCount == 2 }
        let count = 2000
        flooder.send(String(repeating: get("/now"), count: count))
        test.turn { test.responder.paths.count > 0 }
        other.send(get("/other"))
        var most = 0
        test.turn {
            let before = test.responder.paths.count
            test.reactor.turn(waitingAtMost: .milliseconds(5))
            flooder.receive()
            most = max(most, test.responder.paths.count - before)
            return test.responder.paths.count == count + 1
        }
        #expect(most <= 2 * HTTPServerLimits.requestsPerTurn)
        let place = try #require(test.responder.paths.firstIndex(of: "/other"))
        #expect(place <= 4 * HTTPServerLimits.requestsPerTurn, "it had to wait for all of the flood")
        test.turn { flooder.answers.count == count && other.answers == ["200 /other"] }
    }

    @Test func aFloodOfHandshakesIsMadeBitByBit() throws {
        let test = try TestServer(tls: TestCertificate.context())
        let other = try SecureClient(test)
        let flood = try (0..<100).map { _ in try test.connect() }
        test.turn { test.server.connectionCount == flood.count + 1 }
        let hello = try SecureClient.hello()
        for client in flood { client.send(hello) }
        var most = 0
        var answered = 0
        test.turn {
            let before = answered
            test.reactor.turn(waitingAtMost: .milliseconds(5))
            if before == 0 { other.send(get("/other")) }
            for client in flood { client.receive() }
            answered = flood.count { !$0.received.isEmpty }
            most = max(most, answered - before)
            if test.responder.paths == ["/other"], answered < flood.count { other.receive() }
            return answered == flood.count
        }
        #expect(most > 0 && most <= 2 * ReactorLimits.handshakesPerTurn)
        #expect(other.plain.suffix(6).elementsEqual("/other".utf8), "it had to wait for all of the flood")
    }

    /// Who leaves, or ends sending, while it waits for its next turn.
    @Test(arguments: [false, true]) func whoYieldsMayLeave(byReset: Bool) throws {
        let test = try TestServer()
        let flooder = try test.connect()
        flooder.send(String(repeating: get("/now"), count: 1000))
        test.turn { test.responder.paths.count > 0 }
        if byReset { flooder.reset() } else { flooder.endSending() }
        test.turn {
            if !byReset { flooder.receive() }
            return test.server.connectionCount == 0
        }
        if !byReset { #expect(flooder.answers.count == 1000) }
        let next = try test.connect()
        next.send(get("/next"))
        test.turn { next.answers == ["200 /next"] }
    }

    private func upgraded(_ test: TestServer) throws -> (TestClient, ScriptedSocket) {
        let client = try test.connect(receiveBuffer: 4096)
        client.send(upgradeRequest)
        test.turn { client.transcript.hasPrefix("HTTP/1.1 101 ") }
        return (client, try #require(test.responder.socket))
    }

    /// Pongs wait for a peer that does not read them, and it is read no further.
    @Test func aFloodOfPingsIsAnsweredAsFarAsItIsRead() throws {
        let test = try TestServer()
        let (client, socket) = try upgraded(test)
        var flood: [UInt8] = []
        for _ in 0..<2000 { flood += frame(9, [UInt8](repeating: 7, count: 125)) }
        var sent = 0
        var most = 0
        var stillSince = Reactor.monotonic()
        test.turn {
            let taken = max(0, client.sendSome(flood[(sent % flood.count)...]))
            sent += taken
            if taken > 0 { stillSince = Reactor.monotonic() }
            most = max(most, socket.stream.heldBytes)
            return socket.stream.isWriteBlocked && Reactor.monotonic() > stillSince + .milliseconds(300)
        }
        // What was allowed to wait, and what one read brought on top of it.
        #expect(most <= 3 * 256 * 1024)
        // It is closed as one that does not read, when that has lasted.
        socket.sweep(test.reactor.now + HTTPServerLimits.writeStall + Duration.seconds(5))
        #expect(test.server.counters.ends[ConnectionEnd.stalled.rawValue] == 1)
        test.turn { test.server.connectionCount == 0 }
    }

    /// A message of fragments that bring nothing costs nothing, and never ends by itself.
    @Test func emptyFragmentsPileUpNowhere() throws {
        let test = try TestServer()
        let (client, socket) = try upgraded(test)
        client.send(frame(1, [], isFinal: false))
        var flood: [UInt8] = []
        for _ in 0..<5000 { flood += frame(0, [], isFinal: false) }
        for _ in 0..<20 {
            var sent = 0
            test.turn {
                sent += max(0, client.sendSome(flood[sent...]))
                return sent == flood.count
            }
            #expect(socket.heldBytes < 4096)
        }
        client.send(frame(0, Array("end".utf8)))
        client.send(frame(9, Array("ping".utf8)))
        test.turn { client.transcript.hasSuffix("ping") }
        #expect(socket.stream.isOpen)
    }
}
