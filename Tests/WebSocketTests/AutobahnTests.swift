import Bytes
import Testing
import WebSocket

/// The cases of the Autobahn test suite by their numbers, as an echo server meets them: what it sends, what the session
/// sees of it. Every case is fed whole, split at every boundary, and byte by byte.
@Suite struct AutobahnTests {
    struct Case: CustomTestStringConvertible {
        let name: String
        let bytes: [UInt8]
        let seen: [Seen]
        /// What the session sends by itself, with the Close that an error asks for at the end.
        let output: [UInt8]

        init(_ name: String, _ bytes: [UInt8], _ seen: [Seen], output: [UInt8] = []) {
            self.name = name
            self.bytes = bytes
            self.seen = seen
            if case .failed(let error) = seen.last {
                self.output = output + closeFrame(error)
            } else {
                self.output = output
            }
        }

        var testDescription: String { name }
    }

    private func check(_ test: Case) {
        expect(
            test.bytes, maximumMessageLength: WebSocketLimits.echoMessageLength, sees: test.seen, output: test.output,
            test.name)
    }

    // MARK: - 1: framing

    static let framing: [Case] = [0, 125, 126, 127, 128, 65_535, 65_536].enumerated().flatMap { index, length in
        let stars = String(repeating: "*", count: length)
        let bytes = [UInt8](repeating: 0xFE, count: length)
        return [
            Case("1.1.\(index + 1)", text(stars), [.text(stars)]),
            Case("1.2.\(index + 1)", frame(2, bytes), [.binary(bytes)]),
        ]
    }

    @Test(arguments: framing) func group1(test: Case) { check(test) }

    // MARK: - 2: pings and pongs

    static let pings: [Case] = [
        Case("2.1", frame(9), [.ping], output: hex("8a00")),
        Case(
            "2.2", frame(9, Array("Hello, world!".utf8)), [.ping],
            output: frame(10, Array("Hello, world!".utf8), key: nil)),
        Case("2.3", frame(9, hex("00fffefdfcfb00ff")), [.ping], output: hex("8a08 00fffefdfcfb00ff")),
        Case(
            "2.4", frame(9, [UInt8](repeating: 0xFE, count: 125)), [.ping],
            output: frame(10, [UInt8](repeating: 0xFE, count: 125), key: nil)),
        Case("2.5", frame(9, [UInt8](repeating: 0xFE, count: 126)), [.failed(.controlFrameTooLong)]),
        Case("2.7", frame(10), [.pong]),
        Case("2.8", frame(10, Array("unsolicited pong payload".utf8)), [.pong]),
        Case("2.9", frame(10, [1]) + frame(9, [2]), [.pong, .ping], output: hex("8a01 02")),
        Case(
            "2.10", (0..<10).flatMap { frame(9, [$0]) }, Array(repeating: .ping, count: 10),
            output: (0..<10).flatMap { frame(10, [$0], key: nil) }),
    ]

    @Test(arguments: pings) func group2(test: Case) { check(test) }

    // MARK: - 3: reserved bits

    static let reservedBits: [Case] = [
        Case("3.1", frame(1, [0x2A], rsv: 1), [.failed(.reservedBits)]),
        Case("3.2", text("*") + frame(1, [0x2A], rsv: 2) + frame(9), [.text("*"), .failed(.reservedBits)]),
        Case("3.4", text("*") + frame(1, [0x2A], rsv: 4) + frame(9), [.text("*"), .failed(.reservedBits)]),
        Case("3.5", frame(2, [0xFF], rsv: 5), [.failed(.reservedBits)]),
        Case("3.6", frame(9, [0xFF], rsv: 6), [.failed(.reservedBits)]),
        Case("3.7", frame(8, rsv: 7), [.failed(.reservedBits)]),
    ]

    @Test(arguments: reservedBits) func group3(test: Case) { check(test) }

    // MARK: - 4: reserved opcodes

    static let opcodes: [Case] = ([3, 4, 5, 6, 7, 11, 12, 13, 14, 15] as [UInt8]).flatMap { opcode in
        [
            Case("4 opcode \(opcode)", frame(opcode), [.failed(.reservedOpcode)]),
            Case(
                "4 opcode \(opcode) after text", text("*") + frame(opcode, [0x2A]) + frame(9),
                [.text("*"), .failed(.reservedOpcode)]),
        ]
    }

    @Test(arguments: opcodes) func group4(test: Case) { check(test) }

    // MARK: - 5: fragments

    static let fragments: [Case] = [
        Case("5.1", frame(9, [1], fin: false) + frame(0, [2]), [.failed(.fragmentedControlFrame)]),
        Case("5.2", frame(10, [1], fin: false) + frame(0, [2]), [.failed(.fragmentedControlFrame)]),
        Case("5.3", text("fragment1", fin: false) + more("fragment2"), [.text("fragment1fragment2")]),
        Case(
            "5.6", text("fragment1", fin: false) + frame(9, [1]) + more("fragment2"),
            [.ping, .text("fragment1fragment2")], output: hex("8a01 01")),
        Case("5.9", more("non-continuation") + text("Hello"), [.failed(.unexpectedContinuation)]),
        Case("5.12", more("non-continuation", fin: false) + text("Hello"), [.failed(.unexpectedContinuation)]),
        Case(
            "5.15", text("fragment1", fin: false) + more("fragment2") + more("fragment3", fin: false) + text("4"),
            [.text("fragment1fragment2"), .failed(.unexpectedContinuation)]),
        Case("5.18", text("fragment1", fin: false) + text("fragment2"), [.failed(.unfinishedMessage)]),
        Case(
            "5.19",
            text("1", fin: false) + more("2", fin: false) + frame(9, [1]) + more("3", fin: false)
                + more("4", fin: false) + frame(9, [2]) + more("5"),
            [.ping, .ping, .text("12345")], output: hex("8a01 01 8a01 02")),
        Case("binary inside text", text("1", fin: false) + frame(2, [2]), [.failed(.unfinishedMessage)]),
        Case(
            "continuation after a whole message", text("1") + more("2"), [.text("1"), .failed(.unexpectedContinuation)]),
    ]

    @Test(arguments: fragments) func group5(test: Case) { check(test) }

    // MARK: - 6: UTF-8 (the sequences themselves: UTF8ValidatorTests)

    static let utf8: [Case] =
        [
            Case("6.1.1", text(""), [.text("")]),
            Case("6.1.2", text("", fin: false) + more("", fin: false) + more(""), [.text("")]),
            Case("6.1.3", text("", fin: false) + more("middle", fin: false) + more(""), [.text("middle")]),
            Case("6.2.1", text("Hello-µ@ßöäüàá-UTF-8!!"), [.text("Hello-µ@ßöäüàá-UTF-8!!")]),
            Case("6.2.4", text("κόσμε"), [.text("κόσμε")]),
        ]
        + UTF8ValidatorTests.wellFormed.filter { $0.count <= 30 }.map {
            Case("6 \($0)", frame(1, $0), [.text(String(decoding: $0, as: UTF8.self))])
        }
        + UTF8ValidatorTests.wellFormed.filter { $0.count <= 30 }.map { bytes in
            Case(
                "6 one byte a fragment \(bytes)",
                frame(1, [], fin: false)
                    + bytes.flatMap { frame(0, [$0], fin: false) } + frame(0),
                [.text(String(decoding: bytes, as: UTF8.self))])
        }
        + UTF8ValidatorTests.illFormed.map { Case("6 \($0.0)", frame(1, $0.0), [.failed(.invalidUTF8)]) }
        + UTF8ValidatorTests.illFormed.map { bytes, offset in
            // Fails before the message ends: what follows never comes.
            Case("6.4 \(bytes)", frame(1, Array(bytes[...offset]), fin: false), [.failed(.invalidUTF8)])
        }

    @Test(arguments: utf8) func group6(test: Case) { check(test) }

    // MARK: - 7: close

    static let closes: [Case] =
        [
            Case(
                "7.1.1", text("Hello World!") + frame(8), [.text("Hello World!"), .closed(nil, "")], output: hex("8800")
            ),
            Case("7.1.2", frame(8) + frame(8), [.closed(nil, "")], output: hex("8800")),
            Case("7.1.3", frame(8) + frame(9), [.closed(nil, "")], output: hex("8800")),
            Case("7.1.4", frame(8) + text("late"), [.closed(nil, "")], output: hex("8800")),
            Case(
                "7.1.5", text("fragment1", fin: false) + frame(8) + more("fragment2"), [.closed(nil, "")],
                output: hex("8800")),
            Case("7.3.1", frame(8), [.closed(nil, "")], output: hex("8800")),
            Case("7.3.2", frame(8, [0x61]), [.failed(.closePayloadTooShort)]),
            Case("7.3.3", frame(8, hex("03e8")), [.closed(1000, "")], output: hex("8802 03e8")),
            Case(
                "7.3.4", frame(8, hex("03e8") + Array("Hello World!".utf8)), [.closed(1000, "Hello World!")],
                output: hex("8802 03e8")),
            Case(
                "7.3.5", frame(8, hex("03e8") + [UInt8](repeating: 0x2A, count: 123)),
                [.closed(1000, String(repeating: "*", count: 123))], output: hex("8802 03e8")),
            Case(
                "7.3.6", frame(8, hex("03e8") + [UInt8](repeating: 0x2A, count: 124)), [.failed(.controlFrameTooLong)]),
            Case("7.5.1", frame(8, hex("03e8 cebae1bdb9cf83cebcceb5eda080656469746564")), [.failed(.invalidUTF8)]),
        ]
        + ([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999] as [UInt16])
        .map {
            Case(
                "7.7 \($0)", frame(8, [UInt8($0 >> 8), UInt8($0 & 255)]), [.closed($0, "")], output: closeFrame($0))
        }
        + ([0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] as [UInt16]).map {
            Case("7.9, 7.13 \($0)", frame(8, [UInt8($0 >> 8), UInt8($0 & 255)]), [.failed(.invalidCloseCode)])
        }

    @Test(arguments: closes) func group7(test: Case) { check(test) }

    // MARK: - 9: limits

    @Test(arguments: [65_535, 65_536, 262_144, 1_048_576]) func group9WholeAndInFragments(length: Int) {
        let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0) & 0x7F }
        let whole = frame(1, bytes)
        let text = String(decoding: bytes, as: UTF8.self)
        let limit = WebSocketLimits.echoMessageLength
        #expect(Transcript([whole[...]], maximumMessageLength: limit).seen == [.text(text)])
        // 9.5, 9.6: cut by TCP; 9.3, 9.4: cut by frames.
        for size in [997, 4096, 65_536] {
            let chunks = stride(from: 0, to: whole.count, by: size).map { whole[$0..<min($0 + size, whole.count)] }
            #expect(Transcript(chunks, maximumMessageLength: limit).seen == [.text(text)])
        }
        let fragments = stride(from: 0, to: length, by: 4096).flatMap {
            frame($0 == 0 ? 1 : 0, Array(bytes[$0..<min($0 + 4096, length)]), fin: $0 + 4096 >= length)
        }
        #expect(Transcript([fragments[...]], maximumMessageLength: limit).seen == [.text(text)])
    }

    @Test func group9TheLongestMessage() {
        let limit = WebSocketLimits.echoMessageLength
        let bytes = [UInt8](repeating: 0x2A, count: limit)
        let whole = frame(2, bytes, key: [0, 0, 0, 0])
        let chunks = stride(from: 0, to: whole.count, by: 262_144).map {
            whole[$0..<min($0 + 262_144, whole.count)]
        }
        #expect(Transcript(chunks, maximumMessageLength: limit).seen == [.binary(bytes)])
        let longer = hex("82ff 0000000001000001 00000000")
        #expect(Transcript([longer[...]], maximumMessageLength: limit).seen == [.failed(.messageTooLong)])
    }
}
