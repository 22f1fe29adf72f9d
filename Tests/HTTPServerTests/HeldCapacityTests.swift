import Bytes
import TLS
import Testing

@testable import HTTPServer
@testable import Reactor

/// A client that leaves little where there was much holds little, and what memory stays is counted.
@Suite struct HeldCapacityTests {
    private func connection(_ test: TestServer) throws -> HTTPConnection {
        let only = try #require(test.server.connections.values.first)
        return try #require(only as? HTTPConnection)
    }

    /// Writes pieces for a client that reads nothing until one waits.
    private func fill(_ test: TestServer, _ connection: HTTPConnection, piece: Int) {
        let piece = [UInt8](repeating: 7, count: piece)
        test.turn {
            if connection.stream.isWriteBlocked { return true }
            connection.write(piece.span)
            return false
        }
    }

    private func leave(_ test: TestServer, _ client: TestClient) {
        client.reset()
        test.responder.forgetProducers()
        test.turn { test.server.connectionCount == 0 }
    }

    @Test func theFirstByteOfARequestBehindAFlood() throws {
        let test = try TestServer()
        let client = try test.connect()
        let count = 1500
        let one = get("/now", "X: " + String(repeating: "y", count: 360))
        let flood = Array((String(repeating: one, count: count) + "G").utf8)
        var sent = 0
        test.turn {
            sent += max(0, client.sendSome(flood[sent...]))
            client.receive()
            return sent == flood.count && test.responder.paths.count == count
        }
        let stream = try connection(test).stream
        test.turn { stream.unconsumed.count == 1 }
        #expect(stream.unconsumed.capacity <= 1024)
        leave(test, client)
    }

    @Test func aHeadThatWasRefusedIsNotKeptWhileItLingers() throws {
        let test = try TestServer()
        let client = try test.connect()
        let head = "GET /now HTTP/1.1\r\nHost: a\r\nX: "
        client.send(head + String(repeating: "h", count: 65_535 - head.utf8.count))
        let stream = try { () in
            test.turn { test.server.connectionCount == 1 }
            return try connection(test).stream
        }()
        test.turn { stream.unconsumed.count == 65_535 }
        client.send("hh")
        test.turn { stream.state == .lingering }
        #expect(client.answers == ["431 close problem"])
        #expect(stream.heldBytes == 0)
        client.close()
        test.turn { test.server.connectionCount == 0 }
    }

    @Test func theLastOfMuchOutputCostsWhatItIs() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(get("/produce"))
        test.turn { test.responder.producers.count == 1 }
        let connection = try connection(test)
        let stream = connection.stream
        // Far more than a socket takes at once.
        fill(test, connection, piece: 16_000_000)
        #expect(connection.heldBytes >= stream.output.capacity)
        test.turn {
            client.receiveOnce()
            if stream.isWriteBlocked {
                #expect(stream.output.capacity <= max(1024, 4 * stream.output.count))
            }
            return !stream.isWriteBlocked
        }
        #expect(stream.output.capacity == 0)
        leave(test, client)
    }

    @Test func whatIsEncipheredIsNotKeptTwice() throws {
        let test = try TestServer(tls: TestCertificate.context())
        let client = try SecureClient(test)
        client.send(get("/produce"))
        test.turn { test.responder.producers.count == 1 }
        let connection = try connection(test)
        let stream = connection.stream
        fill(test, connection, piece: 30_000)
        #expect(stream.output.isEmpty && stream.output.capacity == 0)
        let waiting = try #require(stream.cipher).heldOutput
        #expect(waiting >= 16_384 && connection.heldBytes >= waiting)
        // It reads, if slowly: what waits is part of one answer, and it is not let go for that.
        #expect(!connection.mayBeShed(stream.lastProgress))
        leave(test, client.socket)
    }

    /// The memory kept for the next answer is given back to those who have need of it.
    @Test func whoIsIdleHoldsNothing() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(get("/now"))
        test.turn { client.answers == ["200 /now"] }
        let connection = try connection(test)
        #expect(connection.heldBytes > 0)
        test.server.shedHeld()
        #expect(connection.heldBytes == 0 && test.server.heldByClients == 0)
        client.send(get("/again"))
        test.turn { client.answers == ["200 /now", "200 /again"] }
    }
}
