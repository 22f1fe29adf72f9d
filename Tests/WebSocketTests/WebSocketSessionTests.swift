import Bytes
import Testing
import WebSocket

@Suite struct WebSocketSessionTests {
    // MARK: - Messages (RFC 6455, 5.4 and 5.7)

    @Test func readsTheExamplesOfTheRFC() {
        expect(hex("8105 48656c6c6f"), role: .client, sees: [.text("Hello")], output: [])
        expect(hex("8185 37fa213d 7f9f4d5158"), sees: [.text("Hello")], output: [])
        expect(hex("0103 48656c 8002 6c6f"), role: .client, sees: [.text("Hello")])
        expect(
            hex("8185 37fa213d 7f9f4d5158 8985 37fa213d 7f9f4d5158"),
            sees: [.text("Hello"), .ping], output: hex("8a05 48656c6c6f"))
        let bytes = (0..<256).map { UInt8($0) }
        expect(hex("827e0100") + bytes, role: .client, sees: [.binary(bytes)])
        let many = [UInt8](repeating: 0xFE, count: 65_536)
        expect(hex("827f0000000000010000") + many, role: .client, maximumMessageLength: 65_536, sees: [.binary(many)])
    }

    /// 5.4: control frames between fragments; empty fragments; messages one after the other.
    @Test func joinsFragmentsAroundControlFrames() {
        expect(
            text("He", fin: false) + frame(9, [1]) + more("l", fin: false) + frame(10, [2]) + more("", fin: false)
                + frame(9) + more("lo") + frame(2, [3]),
            sees: [.ping, .pong, .ping, .text("Hello"), .binary([3])],
            output: frame(10, [1], key: nil) + frame(10, key: nil))
    }

    /// 8.1: a code point may be cut by fragments, but not by the end of the message.
    @Test func validatesTextAcrossFragments() {
        let party: [UInt8] = Array("a🎉é".utf8)
        for cut in 0...party.count {
            let bytes = frame(1, Array(party[..<cut]), fin: false) + frame(9) + frame(0, Array(party[cut...]))
            expect(bytes, sees: [.ping, .text("a🎉é")])
        }
        for cut in [2, 3, 4, 6] {
            expect(
                frame(1, Array(party[..<cut])), sees: [.failed(.invalidUTF8)], output: closeFrame(.invalidUTF8),
                state: .closed)
        }
        // A binary message is not text, and the next text begins anew.
        expect(frame(2, [0xF0, 0x9F]) + text("ok"), sees: [.binary([0xF0, 0x9F]), .text("ok")])
    }

    /// Autobahn 6.4: what cannot be text fails the connection in the middle of the message.
    @Test func failsInTheMiddleOfAMessage() {
        expect(frame(1, hex("cebaf490"), fin: false), sees: [.failed(.invalidUTF8)], output: closeFrame(.invalidUTF8))
        let longFrame = frame(1, hex("cebaf490") + [UInt8](repeating: 0x41, count: 100))
        expect(Array(longFrame.prefix(10)), sees: [.failed(.invalidUTF8)], output: closeFrame(.invalidUTF8))
    }

    @Test func refusesTheLongMessageWhenItIsAnnounced() {
        let header = Array(frame(2, [UInt8](repeating: 1, count: 65_537)).prefix(14))
        expect(header, sees: [.failed(.messageTooLong)], output: closeFrame(.messageTooLong), state: .closed)
        expect(hex("827f7fffffffffffffff"), role: .client, sees: [.failed(.messageTooLong)])
        let limit = [UInt8](repeating: 1, count: 10)
        expect(frame(2, limit), maximumMessageLength: 10, sees: [.binary(limit)])
        expect(frame(2, limit) + frame(2, limit), maximumMessageLength: 10, sees: [.binary(limit), .binary(limit)])
        // The sum of the fragments counts, and is known from the header of the last.
        expect(
            frame(2, limit, fin: false) + Array(frame(0, [1]).prefix(6)), maximumMessageLength: 10,
            sees: [.failed(.messageTooLong)])
        expect(frame(2, limit, fin: false) + frame(0), maximumMessageLength: 10, sees: [.binary(limit)])
    }

    // MARK: - Close (5.5.1, 7)

    @Test func answersCloseWithItsCode() {
        expect(frame(8), sees: [.closed(nil, "")], output: hex("8800"), state: .closed)
        expect(frame(8, hex("03e8")), sees: [.closed(1000, "")], output: hex("8802 03e8"), state: .closed)
        expect(
            frame(8, hex("0fa0") + Array("tschüß".utf8)), sees: [.closed(4000, "tschüß")], output: hex("8802 0fa0"))
        expect(
            frame(8, hex("03e8") + [UInt8](repeating: 0x2A, count: 123)),
            sees: [.closed(1000, String(repeating: "*", count: 123))], output: hex("8802 03e8"))
    }

    @Test func ignoresWhatFollowsClose() {
        expect(
            frame(8, hex("03e8")) + text("late") + frame(9) + hex("ffffffff"), sees: [.closed(1000, "")],
            output: hex("8802 03e8"), state: .closed)
        // Also in the middle of a message.
        expect(text("un", fin: false) + frame(8), sees: [.closed(nil, "")], output: hex("8800"))
        // And after a failure.
        expect(
            frame(3) + text("late") + frame(8), sees: [.failed(.reservedOpcode)], output: closeFrame(.reservedOpcode))
    }

    @Test func refusesABadClose() {
        expect(frame(8, [3]), sees: [.failed(.closePayloadTooShort)], output: closeFrame(.closePayloadTooShort))
        expect(frame(8, hex("03ed")), sees: [.failed(.invalidCloseCode)], output: closeFrame(.invalidCloseCode))
        expect(frame(8, hex("03e8 ceba ed")), sees: [.failed(.invalidUTF8)], output: closeFrame(.invalidUTF8))
        expect(frame(8, hex("03e8 ceba ce")), sees: [.failed(.invalidUTF8)], output: closeFrame(.invalidUTF8))
    }

    @Test func closesAndWaitsForTheAnswer() {
        var session = WebSocketSession(role: .server, now: start)
        var output = ByteBuffer()
        session.close(.goingAway, reason: "shutting down", now: start, output: &output)
        #expect(session.state == .closing)
        #expect(session.nextDeadline == start + .seconds(5))
        session.close(.internalError, now: start, output: &output)
        #expect(session.send(text: Array("too late".utf8).span, output: &output) == false)
        var sent = output.bytes.copied
        #expect(sent == closeFrame(1001, "shutting down"))
        output.removeAll()

        // What the peer sent before it read our Close arrives; nothing is sent any more (1.4).
        var transcript = Transcript([])
        let bytes = text("in flight") + frame(9) + frame(8, hex("03e9"))
        transcript.receive([bytes[...]], by: &session, output: &output, now: start + .seconds(1))
        #expect(transcript.seen == [.text("in flight"), .ping, .closed(1001, "")])
        #expect(session.state == .closed)
        sent = output.bytes.copied
        #expect(sent == [])
    }

    @Test func sendsOneCloseOnlyWhenThePeerFailsWhileClosing() {
        var session = WebSocketSession(role: .server, now: start)
        var output = ByteBuffer()
        session.close(.goingAway, now: start, output: &output)
        var transcript = Transcript([])
        transcript.receive([frame(3)[...]], by: &session, output: &output)
        #expect(transcript.seen == [.failed(.reservedOpcode)])
        let sent = output.bytes.copied
        #expect(sent == closeFrame(1001))
    }

    @Test func givesUpWaitingForTheAnswer() {
        var session = WebSocketSession(role: .server, now: start)
        var output = ByteBuffer()
        session.close(.normal, now: start, output: &output)
        #expect(session.tick(now: start + .milliseconds(4999), output: &output) == .fine)
        #expect(session.tick(now: start + .seconds(5), output: &output) == .gone)
    }

    // MARK: - The client's role

    /// 5.3: all that a client sends is masked, with a key of its own for each frame.
    @Test func aClientMasks() {
        var client = WebSocketSession(role: .client, now: start)
        var output = ByteBuffer()
        client.send(text: Array("Hello".utf8).span, output: &output)
        client.send(binary: [1, 2, 3].span, output: &output)
        var transcript = Transcript([], role: .client)
        transcript.receive([hex("8902 6869")[...]], by: &client, output: &output)
        client.close(.normal, reason: "done", now: start, output: &output)
        #expect(transcript.seen == [.ping])

        var server = WebSocketSession(role: .server, now: start)
        var answer = ByteBuffer()
        var seen = Transcript([])
        let sent = output.bytes.copied
        seen.receive([sent[...]], by: &server, output: &answer)
        #expect(seen.seen == [.text("Hello"), .binary([1, 2, 3]), .pong, .closed(1000, "done")])

        let bytes = answer.bytes.copied
        transcript.receive([bytes[...]], by: &client, output: &output)
        #expect(transcript.seen == [.ping, .closed(1000, "")])
        #expect(client.state == .closed)
    }

    @Test func aClientAnswersAFailureMasked() {
        let transcript = Transcript([hex("8182 00000000")[...]], role: .client)
        #expect(transcript.seen == [.failed(.maskedFrame)])
        let seen = Transcript([transcript.output[...]])
        #expect(seen.seen == [.closed(1002, "frames of a server must not be masked")])
    }

    // MARK: - Time

    @Test func pingsAndGivesUp() {
        var session = WebSocketSession(role: .server, now: start)
        var output = ByteBuffer()
        #expect(session.nextDeadline == start + .seconds(25))
        #expect(session.tick(now: start + .milliseconds(24_999), output: &output) == .fine)
        #expect(output.count == 0)
        #expect(session.tick(now: start + .seconds(25), output: &output) == .fine)
        var sent = output.bytes.copied
        #expect(sent == hex("8900"))
        #expect(session.nextDeadline == start + .seconds(50))
        #expect(session.tick(now: start + .seconds(51), output: &output) == .fine)
        sent = output.bytes.copied
        #expect(sent == hex("8900 8900"))
        #expect(session.nextDeadline == start + .seconds(60))
        #expect(session.tick(now: start + .milliseconds(59_999), output: &output) == .fine)
        #expect(session.tick(now: start + .seconds(60), output: &output) == .gone)
    }

    /// Any byte is a sign of life, also one that is no whole frame yet.
    @Test func anyByteIsASignOfLife() {
        var session = WebSocketSession(role: .server, now: start)
        var output = ByteBuffer()
        var transcript = Transcript([])
        transcript.receive([[0x81]], by: &session, output: &output, now: start + .seconds(40))
        #expect(session.tick(now: start + .seconds(60), output: &output) == .fine)
        #expect(session.tick(now: start + .seconds(99), output: &output) == .fine)
        // Being called without bytes is none.
        transcript.receive([[]], by: &session, output: &output, now: start + .seconds(99))
        #expect(session.nextDeadline == start + .seconds(100))
        #expect(session.tick(now: start + .seconds(100), output: &output) == .gone)
    }

    @Test func aClientLeavesPingsToTheServer() {
        var session = WebSocketSession(role: .client, now: start)
        var output = ByteBuffer()
        #expect(session.nextDeadline == .distantFuture)
        #expect(session.tick(now: start + .seconds(3600), output: &output) == .fine)
        #expect(output.count == 0)
        session.close(.normal, now: start, output: &output)
        #expect(session.nextDeadline == start + .seconds(5))
        #expect(session.tick(now: start + .seconds(5), output: &output) == .gone)
    }

    /// After the close handshake the other side has to end TCP, and does not always.
    @Test func waitsForTheEndOfTCPForALimitedTime() {
        var session = WebSocketSession(role: .server, now: start)
        var output = ByteBuffer()
        var transcript = Transcript([])
        transcript.receive([frame(8)[...]], by: &session, output: &output, now: start + .seconds(7))
        #expect(session.nextDeadline == start + .seconds(12))
        #expect(session.tick(now: start + .seconds(11), output: &output) == .fine)
        #expect(session.tick(now: start + .seconds(12), output: &output) == .gone)
    }

    // MARK: - Memory

    @Test func anIdleSessionIsSmallAndOwnsNoMemory() {
        #expect(MemoryLayout<WebSocketSession>.size <= 128)
        let message = [UInt8](repeating: 1, count: 10_000)
        #expect(Transcript([[]]).capacity == 0)
        #expect(Transcript([frame(2, message)[...]]).capacity == 0)
        #expect(Transcript([frame(2, message, fin: false)[...]]).capacity >= 10_000)
        #expect(Transcript([frame(8, hex("03e8 6162"))[...], []]).capacity == 0)
        #expect(Transcript([frame(2, message, fin: false)[...], frame(3)[...]]).capacity == 0)
        // A header alone costs nothing, whatever it promises.
        #expect(Transcript([frame(2, message).prefix(8)]).capacity == 0)
        #expect(Transcript([frame(2, message).prefix(9)]).capacity == 64)
    }
}
