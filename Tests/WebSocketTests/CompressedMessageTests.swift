import Bytes
import Testing
import WebSocket

/// Compressed messages (RFC 7692, 6 and 7.2), whole and cut at every byte.
@Suite struct CompressedMessageTests {
    private let agreed = PermessageDeflate()

    /// RSV1, as `frame` takes it.
    private let rsv1: UInt8 = 4

    private func compressed(_ message: [UInt8], windowBits: UInt8 = 11) -> [UInt8] {
        var output = ByteBuffer()
        Deflater(windowBits: windowBits).append(message.span, to: &output)
        return output.bytes.copied
    }

    // MARK: - The examples of the RFC (7.2.3)

    @Test func readsTheExamplesOfTheRFC() {
        func sees(_ bytes: String, _ text: String) {
            expect(hex(bytes), role: .client, deflate: agreed, sees: [.text(text)], output: [], state: .open)
        }
        sees("c107 f248cdc9c90700", "Hello")
        sees("4103 f248cd 8004 c9c90700", "Hello")
        sees("c10b 000500faff48656c6c6f00", "Hello")
        sees("c108 f348cdc9c9070000", "Hello")
        sees("c10d f248050000 00ffffcac9c90700", "Hello")
        sees("c101 00", "")
        // What some compressors make of nothing.
        sees("c100", "")
        sees("c102 0200", "")
        // From a client.
        expect(frame(1, hex("f248cdc9c90700"), rsv: rsv1), deflate: agreed, sees: [.text("Hello")], output: [])
    }

    /// 7.2.3.2: the second message refers to the first one, and nobody may where no context is taken over.
    @Test func refusesAWindowSharedBetweenMessages() {
        expect(
            hex("c107 f248cdc9c90700 c105 f200110000"), role: .client, deflate: agreed,
            sees: [.text("Hello"), .failed(.badCompression)], state: .closed)
        expect(
            frame(1, hex("f200110000"), rsv: rsv1), deflate: agreed, sees: [.failed(.badCompression)],
            output: closeFrame(1007, "not a compressed message"))
    }

    @Test func readsPlainAndCompressedMessagesInTurn() {
        let hello = hex("f248cdc9c90700")
        expect(
            text("plain") + frame(1, hello, rsv: rsv1) + frame(2, [1, 2]) + frame(2, hello, rsv: rsv1) + text(""),
            deflate: agreed,
            sees: [.text("plain"), .text("Hello"), .binary([1, 2]), .binary(Array("Hello".utf8)), .text("")])
    }

    @Test func joinsFragmentsAroundControlFrames() {
        let hello = hex("f248cdc9c90700")
        for cut in 0...hello.count {
            expect(
                frame(1, Array(hello[..<cut]), fin: false, rsv: rsv1) + frame(9, [1])
                    + frame(0, Array(hello[cut...]), fin: false) + frame(10) + frame(0), deflate: agreed,
                sees: [.ping, .pong, .text("Hello")], output: frame(10, [1], key: nil))
        }
    }

    /// A message of several blocks with BFINAL set; each is followed by what begins anew.
    @Test func goesOnBehindABlockThatSaysItIsTheLast() {
        let last = hex("f348cdc9c90700")
        expect(frame(1, last + last + [0], rsv: rsv1), deflate: agreed, sees: [.text("HelloHello")])
        // Without the empty block behind it (7.2.1) the message does not end where a block does.
        expect(frame(1, last, rsv: rsv1), deflate: agreed, sees: [.failed(.badCompression)])
    }

    // MARK: - RSV1 (6.1, 6.2)

    @Test func refusesRSV1WhereItMeansNothing() {
        let error = [Seen.failed(.reservedBits)]
        let hello = hex("f248cdc9c90700")
        expect(frame(1, hello, rsv: rsv1), sees: error, output: closeFrame(.reservedBits))
        expect(hex("c107 f248cdc9c90700"), role: .client, sees: error)
        for opcode: UInt8 in [8, 9, 10] { expect(frame(opcode, rsv: rsv1), deflate: agreed, sees: error) }
        expect(frame(1, hello, fin: false, rsv: rsv1) + frame(0, rsv: rsv1), deflate: agreed, sees: error)
        expect(text("un", fin: false) + frame(0, hello, rsv: rsv1), deflate: agreed, sees: error)
        for rsv: UInt8 in [1, 2, 3, 5, 6, 7] { expect(frame(1, hello, rsv: rsv), deflate: agreed, sees: error) }
    }

    // MARK: - What is no message

    @Test func refusesWhatCannotBeInflated() {
        for bad in ["07", "ff", "f248cd", "000500fbff48656c6c6f00", "04", "f248cdc9c907", "f248cdc9c9070000ff"] {
            expect(
                frame(2, hex(bad), rsv: rsv1), deflate: agreed, sees: [.failed(.badCompression)],
                output: closeFrame(.badCompression), state: .closed, bad)
        }
        // Decided as soon as it is known, in the middle of the message.
        expect(frame(2, hex("07"), fin: false, rsv: rsv1), deflate: agreed, sees: [.failed(.badCompression)])
    }

    /// RFC 6455, 8.1, holds for what was inflated.
    @Test func validatesWhatWasInflated() {
        let party: [UInt8] = Array("a🎉é".utf8)
        let whole = compressed(party)
        expect(frame(1, whole, rsv: rsv1), deflate: agreed, sees: [.text("a🎉é")])
        for cut in 0...whole.count {
            expect(
                frame(1, Array(whole[..<cut]), fin: false, rsv: rsv1) + frame(0, Array(whole[cut...])),
                deflate: agreed, sees: [.text("a🎉é")])
        }
        expect(
            frame(1, compressed(Array(party.dropLast())), rsv: rsv1), deflate: agreed,
            sees: [.failed(.invalidUTF8)], output: closeFrame(.invalidUTF8))
        expect(frame(1, compressed([0xC0, 0x80]), rsv: rsv1), deflate: agreed, sees: [.failed(.invalidUTF8)])
        expect(frame(2, compressed([0xC0, 0x80]), rsv: rsv1), deflate: agreed, sees: [.binary([0xC0, 0x80])])
    }

    /// A text that is none, and behind it what cannot be inflated: the first fault is the one, however the bytes came.
    @Test func whatWasInflatedBeforeAFaultComesFirst() {
        let bytes = hex("000100feff ff 07")
        expect(frame(1, bytes, rsv: rsv1), deflate: agreed, sees: [.failed(.invalidUTF8)])
        expect(frame(2, bytes, rsv: rsv1), deflate: agreed, sees: [.failed(.badCompression)])
    }

    // MARK: - Limits

    @Test func limitsTheMessageWhileItIsInflated() {
        let limit = [UInt8](repeating: 7, count: 100)
        func expectOne(_ message: [UInt8], sees seen: [Seen]) {
            expect(
                frame(2, compressed(message), rsv: rsv1), maximumMessageLength: 100, deflate: agreed, sees: seen)
        }
        expectOne(limit, sees: [.binary(limit)])
        expectOne(limit + [7], sees: [.failed(.messageTooLong)])
        expectOne([UInt8](repeating: 7, count: 5000), sees: [.failed(.messageTooLong)])
        // The sum of the fragments counts.
        let bytes = compressed(limit + limit)
        expect(
            frame(2, Array(bytes[..<4]), fin: false, rsv: rsv1) + frame(0, Array(bytes[4...])),
            maximumMessageLength: 100, deflate: agreed, sees: [.failed(.messageTooLong)],
            output: closeFrame(1009, "message too long"))
        expect(
            frame(2, hex("00")), maximumMessageLength: 0, deflate: agreed, sees: [.failed(.messageTooLong)])
        expect(frame(2, hex("00"), rsv: rsv1), maximumMessageLength: 0, deflate: agreed, sees: [.binary([])])
    }

    /// 8 MiB in 8 KiB: the session never owns more than its limit asks for.
    @Test func neverUnpacksABomb() {
        let bomb = compressed([UInt8](repeating: 0, count: 8 << 20))
        #expect(bomb.count < 16 << 10)
        var session = WebSocketSession(role: .server, deflate: agreed, now: start)
        var output = ByteBuffer()
        var transcript = Transcript([])
        var most = 0
        let bytes = frame(2, bomb, rsv: rsv1)
        // The header is in the first piece.
        for start in stride(from: 0, to: bytes.count, by: 16) {
            transcript.receive([bytes[start..<min(start + 16, bytes.count)]], by: &session, output: &output)
            most = max(most, session.capacity)
        }
        #expect(transcript.seen == [.failed(.messageTooLong)])
        #expect(most > 0)
        #expect(most <= 2 * WebSocketLimits.messageLength + 40 << 10)
        #expect(session.capacity == 0)
    }

    /// What is compressed and says nothing has an end too, by the announced lengths.
    @Test func limitsWhatSaysNothing() {
        let empty = hex("000000ffff")
        var blocks: [UInt8] = []
        for _ in 0..<18 { blocks += empty }
        // 100 bytes of message may come in 189.
        expect(
            frame(2, blocks + [0], rsv: rsv1), maximumMessageLength: 100, deflate: agreed, sees: [.binary([])])
        expect(
            frame(2, blocks, fin: false, rsv: rsv1) + frame(0, blocks, fin: false) + frame(0, blocks),
            maximumMessageLength: 100, deflate: agreed, sees: [.failed(.messageTooLong)])
        expect(
            Array(frame(2, [UInt8](repeating: 0, count: 190), rsv: rsv1).prefix(8)), maximumMessageLength: 100,
            deflate: agreed, sees: [.failed(.messageTooLong)])
        expect(
            Array(frame(2, [UInt8](repeating: 0, count: 189), rsv: rsv1).prefix(8)), maximumMessageLength: 100,
            deflate: agreed, sees: [])
    }

    @Test func ownsNothingBetweenMessages() {
        #expect(MemoryLayout<WebSocketSession>.size <= 160)
        let bytes = frame(1, compressed([UInt8](repeating: 0x61, count: 5000)), rsv: rsv1)
        #expect(Transcript([bytes[...]], deflate: agreed).capacity == 0)
        #expect(Transcript([bytes.prefix(bytes.count - 1)], deflate: agreed).capacity > 5000)
        // Failed, closed by the peer, or closed by us.
        #expect(Transcript([frame(1, [7], rsv: rsv1)[...]], deflate: agreed).capacity == 0)
        #expect(Transcript([bytes.prefix(bytes.count - 1), frame(8)[...]], deflate: agreed).capacity == 0)
        // A header alone costs what inflates, and not what it promises.
        let header = frame(1, [UInt8](repeating: 0, count: 60_000), rsv: rsv1).prefix(8)
        #expect(Transcript([header], deflate: agreed).capacity <= 40 << 10)
    }

    // MARK: - Sending

    private func sent(_ message: [UInt8], _ deflate: PermessageDeflate?, role: WebSocketRole = .server) -> [UInt8] {
        let session = WebSocketSession(role: role, deflate: deflate, now: start)
        var output = ByteBuffer()
        session.send(text: message.span, output: &output)
        return output.bytes.copied
    }

    @Test func compressesWhatIsWorthIt() {
        let long = Array(String(repeating: "far out ", count: 40).utf8)
        let bytes = sent(long, agreed)
        #expect(bytes[0] == 0xC1)
        #expect(bytes.count < 40)
        expect(bytes, role: .client, deflate: agreed, sees: [.text(String(repeating: "far out ", count: 40))])
        // Each by itself: twice the same is twice the same bytes.
        expect(
            bytes + bytes, role: .client, deflate: agreed,
            sees: .init(repeating: .text(String(repeating: "far out ", count: 40)), count: 2))
        #expect(sent(long, nil) == frame(1, long, key: nil))
        // Too short, or not to be compressed.
        let short = [UInt8](repeating: 0x61, count: WebSocketLimits.leastCompressed - 1)
        #expect(sent(short, agreed) == frame(1, short, key: nil))
        #expect(sent(short + [0x61], agreed)[0] == 0xC1)
        var noise = [UInt8]()
        var seed: UInt32 = 1
        for _ in 0..<300 {
            seed = seed &* 1_664_525 &+ 1_013_904_223
            noise.append(UInt8(33 + (seed >> 16) % 94))
        }
        noise = Array(noise.prefix(130))
        #expect(sent(noise, agreed) == frame(1, noise, key: nil))
    }

    @Test("whatever is sent arrives", arguments: [WebSocketRole.server, .client])
    func arrives(role: WebSocketRole) {
        let peer: WebSocketRole = role == .server ? .client : .server
        var message: [UInt8] = []
        var seed: UInt32 = 3
        for length in [0, 1, 127, 128, 1000, 4096, 16_383, 65_535, 65_536] {
            while message.count < length {
                seed = seed &* 1_664_525 &+ 1_013_904_223
                message.append(UInt8(0x61 + (seed >> 24) % 9))
            }
            let bytes = sent(message, agreed, role: role)
            let seen = Transcript([bytes[...]], role: peer, deflate: agreed).seen
            #expect(seen == [.text(message.span.text)], "\(length)")
        }
    }

    /// A window that was agreed on is not exceeded: who inflates with no more memory understands.
    @Test("the window of the message is the agreed one", arguments: [9, 10, 11] as [UInt8])
    func keepsToTheWindow(bits: UInt8) throws {
        guard
            case .acceptable(let deflate) = PermessageDeflate.choose(
                from: Array("permessage-deflate; server_max_window_bits=\(bits)".utf8).span)
        else { throw Declined() }
        #expect(deflate.serverWindowBits == bits)
        // Repeats itself from farther away than the window reaches.
        var message: [UInt8] = []
        var seed: UInt32 = 5
        for _ in 0..<(1 << bits) {
            seed = seed &* 1_664_525 &+ 1_013_904_223
            message.append(UInt8(0x41 + (seed >> 24) % 50))
        }
        message += message
        let bytes = sent(message, deflate)
        let seen = Transcript([bytes[...]], role: .client, deflate: deflate).seen
        #expect(seen == [.text(message.span.text)])
        // The half of it is not found again.
        #expect(bytes.count > message.count / 2)
    }

    private struct Declined: Error {}
}
