import Bytes
import HTTP1
import Reactor
import Testing
import WebSocket

@testable import HTTPServer

let upgradeRequest = get(
    "/ws", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")

/// A client's frame; its masking key of zeros leaves the payload as it is.
func frame(_ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true) -> [UInt8] {
    let length: [UInt8] =
        payload.count < 126
        ? [0x80 | UInt8(payload.count)]
        : payload.count < 65536
            ? [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
            : [0x80 | 127] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
    return [(isFinal ? 0x80 : 0) | opcode] + length + [0, 0, 0, 0] + payload
}

func text(_ text: String, isFinal: Bool = true) -> [UInt8] { frame(1, Array(text.utf8), isFinal: isFinal) }

private let accepted =
    "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade\n"
    + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n\n"

@Suite struct WebSocketConnectionTests {
    /// What the server sent after the handshake.
    private func frames(_ client: TestClient) -> [UInt8] {
        client.receive()
        let end = Array("\r\n\r\n".utf8)
        guard let offset = client.received.firstRange(of: end)?.upperBound else { return [] }
        return Array(client.received[offset...])
    }

    private func upgraded(_ test: TestServer) throws -> TestClient {
        let client = try test.connect()
        client.send(upgradeRequest)
        test.turn { client.transcript == accepted }
        return client
    }

    @Test func framesInThePacketOfTheHandshakeAreRead() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(Array(upgradeRequest.utf8) + text("echo 1") + text("two"))
        test.turn { frames(client).count == 8 }
        #expect(String(decoding: frames(client).dropFirst(2), as: UTF8.self) == "echo 1")
        #expect(test.responder.socket?.events == ["opened", "echo 1", "two"])
    }

    @Test func muchBehindTheHandshakeIsReadToo() throws {
        let test = try TestServer()
        let client = try test.connect()
        let bytes = Array(upgradeRequest.utf8) + frame(2, [UInt8](repeating: 7, count: 250_000)) + text("end")
        var sent = client.sendSome(bytes[...])
        // All of it is in the socket before the server looks.
        while sent < bytes.count {
            let count = client.sendSome(bytes[sent...])
            if count <= 0 { break }
            sent += count
        }
        test.turn {
            sent += max(0, client.sendSome(bytes[sent...]))
            client.receive()
            return test.responder.socket?.events.last == "end"
        }
        #expect(test.responder.socket?.binaries == [250_000])
    }

    @Test func theUpgradeWaitsForTheAnswersBeforeIt_RFC9112_9_3_2() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(Array((get("/later1") + get("/later2") + upgradeRequest).utf8) + text("echo"))
        test.turn { test.responder.paths.count == 3 }
        test.settle()
        #expect(client.transcript == "")
        #expect(test.responder.socket?.events == [])
        test.answer(1, "second")
        test.settle()
        #expect(client.transcript == "")
        client.send(text("more"))
        test.answer(0, "first")
        test.turn { test.responder.socket?.events == ["opened", "echo", "more"] }
        let head = "HTTP/1.1 200 OK\nContent-Type: text/plain\nContent-Length: "
        test.turn { client.transcript.hasSuffix("echo") }
        #expect(client.transcript.hasPrefix("\(head)5\n\nfirst\(head)6\n\nsecond\(accepted)"))
        // What was answered before is no ticket to the new protocol.
        test.answer(0, "late")
        client.send(text("echo"))
        test.turn { test.responder.socket?.events.count == 4 }
        #expect(!client.transcript.contains("late"))
    }

    @Test func theUpgradeWaitsForAProducedBody() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(get("/produce") + upgradeRequest)
        test.turn { test.responder.paths.count == 2 }
        test.settle()
        let connection = try #require(test.responder.producers[0].connection)
        connection.write(Array("body".utf8).span)
        connection.endBody()
        client.send(text("echo"))
        test.turn { test.responder.socket?.events == ["opened", "echo"] }
        test.turn { client.transcript.contains("4\nbody\n0\n\nHTTP/1.1 101") }
    }

    @Test func aClientThatLeavesBeforeItsUpgradeHasATurnWasNeverOpened() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(get("/later") + upgradeRequest)
        test.turn { test.responder.paths.count == 2 }
        weak let socket = test.responder.socket
        #expect(socket?.events == [])
        client.reset()
        test.settle()
        test.answer(0, "late")
        test.turn { test.server.connectionCount == 0 }
        test.turn { socket == nil }
    }

    @Test func aHandshakeWithContentIsRefused() throws {
        let test = try TestServer()
        let client = try test.connect()
        client.send(upgradeRequest.dropLast(2) + "Content-Length: 3\r\n\r\nabc")
        test.turn { client.answers == ["400 problem"] }
    }

    @Test func aFragmentedMessageWithAPingInsideIsOne_RFC6455_5_4() throws {
        let test = try TestServer()
        let client = try upgraded(test)
        let bytes = text("echo", isFinal: false) + frame(9, [1, 2, 3]) + frame(0, Array(" on".utf8))
        for byte in bytes {
            client.send([byte])
            test.reactor.turn(waitingAtMost: .zero)
        }
        test.turn { frames(client) == [0x8a, 3, 1, 2, 3, 0x81, 7] + Array("echo on".utf8) }
        #expect(test.responder.socket?.events == ["opened", "echo on"])
    }

    @Test func closingFromWithinAMessageEndsIt() throws {
        let test = try TestServer()
        let client = try upgraded(test)
        client.send(text("close") + text("echo late") + frame(9, []))
        test.turn { frames(client) == [0x88, 2, 3, 0xe8] }
        let socket = try #require(test.responder.socket)
        // The message was whole for as long as it was read, and what came behind it is not heard after the end.
        #expect(socket.events == ["opened", "close", "close", "ending"])
        client.send(frame(8, [3, 0xe8]))
        test.turn {
            client.receive()
            return client.hasEnded
        }
        #expect(frames(client).count == 4)
        test.turn { test.server.connectionCount == 0 }
        #expect(socket.events.filter { $0 == "ending" }.count == 1)
    }

    @Test func thePeersCloseIsAnsweredAndTheServerEndsFirst_RFC6455_7_1_1() throws {
        let test = try TestServer()
        let client = try upgraded(test)
        client.send(frame(8, [3, 0xe8]))
        test.turn {
            client.receive()
            return client.hasEnded
        }
        #expect(frames(client) == [0x88, 2, 3, 0xe8])
        #expect(test.responder.socket?.events == ["opened", "ending"])
    }

    @Test func abruptEndIsHeardOnce() throws {
        let test = try TestServer()
        let client = try upgraded(test)
        let socket = try #require(test.responder.socket)
        client.close()
        test.turn { socket.events == ["opened", "ending"] }
        #expect(test.server.connectionCount == 0)
    }

    @Test func silenceIsPingedAndThenTheEnd() throws {
        let test = try TestServer()
        let client = try upgraded(test)
        let socket = try #require(test.responder.socket)
        let now = test.reactor.now
        socket.sweep(now + .seconds(1))
        socket.sweep(now + WebSocketLimits.pingInterval + .seconds(1))
        test.turn { frames(client) == [0x89, 0] }
        socket.sweep(now + WebSocketLimits.silence + .seconds(5))
        #expect(!socket.isOpen)
        #expect(socket.events == ["opened", "ending"])
    }

    @Test func whatASlowReaderIsSentNeitherPilesUpNorSticks() throws {
        let test = try TestServer()
        let client = try test.connect(receiveBuffer: 300_000)
        client.send(upgradeRequest)
        test.turn { client.transcript == accepted }
        let socket = try #require(test.responder.socket)
        let message = frame(2, [UInt8](repeating: 7, count: 60_000))
        let total = 400
        var bytes: [UInt8] = []
        for _ in 0..<total { bytes += message }
        var sent = 0
        var most = 0
        // Sends for as long as the server takes it, and reads nothing.
        test.turn {
            let before = sent
            sent += max(0, client.sendSome(bytes[sent...]))
            most = max(most, socket.stream.output.count)
            return sent == before && socket.stream.isWriteBlocked
        }
        test.settle()
        #expect(socket.binaries.count < total)
        #expect(most < 2 << 20)
        test.turn {
            sent += max(0, client.sendSome(bytes[sent...]))
            client.receiveOnce()
            return socket.binaries.count == total
        }
        test.turn {
            client.receiveOnce()
            return client.received.count >= total * 60_004
        }
    }
}
