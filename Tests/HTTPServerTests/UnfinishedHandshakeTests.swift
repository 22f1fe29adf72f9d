import Bytes
import TLS
import Testing

@testable import HTTPServer
@testable import Reactor

/// A peer that begins another message of a handshake in the midst of its session, and does not go on with it: OpenSSL sends
/// nothing until it does.
@Suite(.serialized) struct UnfinishedHandshakeTests {
    private func connection(_ test: TestServer) throws -> HTTPConnection {
        let only = try #require(test.server.connections.values.first)
        return try #require(only as? HTTPConnection)
    }

    @Test func whoHoldsUpItsAnswersIsOneThatDoesNotRead() throws {
        let test = try TestServer(tls: TestCertificate.context())
        let client = try SecureClient(test)
        client.send(get("/later"))
        test.turn { test.responder.tickets.count == 1 }
        let stream = try connection(test).stream
        client.sendHalfOfKeyUpdate()
        test.turn { stream.cipher?.isInHandshake == true }
        let held = String(repeating: "h", count: 100_000)
        test.answer(0, held)
        test.turn { stream.isWriteBlocked }
        let since = stream.lastProgress
        #expect(!stream.isHeldUp(since) && stream.isHeldUp(since + Duration.seconds(6)))
        #expect(stream.output.count > held.utf8.count, "nothing is sent")
        let turns = test.reactor.load.turns
        test.settle()
        #expect(test.reactor.load.turns - turns < 16 && stream.lastProgress == since)
        try connection(test).sweep(since + HTTPServerLimits.writeStall + Duration.seconds(1))
        #expect(stream.isClosed)
        #expect(test.server.counters.ends[ConnectionEnd.stalled.rawValue] == 1)
        #expect(test.server.counters.handshakesFailed == 0)
        test.turn { test.server.connectionCount == 0 }
    }

    /// Each costs the server two new keys; nobody needs them by the dozen.
    @Test func aFloodOfKeyUpdatesEndsTheSession() throws {
        let test = try TestServer(tls: TestCertificate.context())
        let client = try SecureClient(test)
        for _ in 0..<3 {
            client.socket.send(client.keyUpdates(10))
            client.send(get("/now"))
            test.turn {
                client.receive()
                return test.responder.paths.count > 0 && client.plain.suffix(4).elementsEqual("/now".utf8)
            }
        }
        #expect(test.server.connectionCount == 1)
        client.socket.send(client.keyUpdates(2000))
        test.turn { test.server.connectionCount == 0 }
        client.socket.receive()
        #expect(client.socket.received.count < 20_000, "not all of them are answered")
    }

    /// What was enciphered before is still sent; the rest waits for the peer, though the kernel takes bytes again.
    @Test func whoGoesOnIsSentTheRest() throws {
        let test = try TestServer(tls: TestCertificate.context())
        let client = try SecureClient(test)
        client.send(get("/produce"))
        test.turn { test.responder.producers.count == 1 }
        let producer = test.responder.producers[0]
        let connection = try connection(test)
        let stream = connection.stream
        let piece = [UInt8](repeating: 7, count: 100_000)
        var written = 0
        test.turn {
            if stream.isWriteBlocked { return true }
            connection.write(piece.span)
            written += piece.count
            return false
        }
        // More than is enciphered ahead, so that some of it is not.
        for _ in 0..<3 {
            connection.write(piece.span)
            written += piece.count
        }
        let resumes = producer.resumes
        client.sendHalfOfKeyUpdate()
        test.turn { stream.cipher?.isInHandshake == true }
        test.turn {
            let before = client.socket.received.count
            test.settle()
            client.receive()
            return client.socket.received.count == before && !stream.awaitsKernel
        }
        #expect(stream.isWriteBlocked && client.plain.count < written && producer.resumes == resumes)
        client.sendRestOfKeyUpdate()
        test.turn {
            client.receive()
            return producer.resumes == resumes + 1
        }
        #expect(!stream.isWriteBlocked && stream.output.isEmpty)
        test.turn {
            client.receive()
            return client.plain.count > written
        }
        client.socket.reset()
        test.responder.forgetProducers()
        test.turn { test.server.connectionCount == 0 }
    }

    /// It is not the congestion that tells of the output's leaving, for there is little of it.
    @Test func alsoWhenLittleIsLeft() throws {
        let test = try TestServer(tls: TestCertificate.context())
        let client = try SecureClient(test)
        test.responder.script = []
        client.send(get("/produce"))
        test.turn { test.responder.producers.count == 1 }
        let producer = test.responder.producers[0]
        let stream = try connection(test).stream
        client.sendHalfOfKeyUpdate()
        test.turn { stream.cipher?.isInHandshake == true }
        try connection(test).write(Array("little".utf8).span)
        test.turn { stream.isWriteBlocked }
        #expect(producer.resumes == 1)
        client.sendRestOfKeyUpdate()
        test.turn { producer.resumes == 2 }
        #expect(!stream.isWriteBlocked && stream.output.isEmpty)
        client.socket.reset()
        test.responder.forgetProducers()
        test.turn { test.server.connectionCount == 0 }
    }
}
