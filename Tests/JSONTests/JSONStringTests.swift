import Bytes
import JSON
import Testing

@Suite struct JSONStringTests {
    @Test(arguments: [
        (#""""#, "", 0), (#""ada""#, "ada", 3), (#""J\u00f6rgen""#, "Jörgen", 6), (#""Jörgen""#, "Jörgen", 6),
        (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t", 8), (#""\u0041\u00E9\u20ac""#, "Aé€", 3),
        (#""\ud83d\ude00""#, "😀", 1), (#""\uD83D\uDE00x""#, "😀x", 2), (#""😀""#, "😀", 1), (#""\uFFFF""#, "\u{FFFF}", 1),
        (#""\udbff\udfff""#, "\u{10FFFF}", 1), (#""a\u0000b""#, "a\u{0}b", 3), (#""\\u0041""#, #"\u0041"#, 6),
        (#""e\u0301""#, "e\u{301}", 2), ("\"\u{2028}\u{7F}\"", "\u{2028}\u{7F}", 2),
    ])
    func decodesAndCounts(text: String, expected: String, characters: Int) throws {
        let bytes = Array(text.utf8)
        let string = try read(bytes)
        var decoded: [UInt8] = []
        try string.decode(from: bytes.span, to: &decoded)
        #expect(decoded == Array(expected.utf8))
        let count = string.characterCount(in: bytes.span)
        #expect(count == characters)
        #expect(string.contents.contains(.nul) == expected.unicodeScalars.contains("\u{0}"))
    }

    @Test(arguments: [
        (#""\ud800""#, 1), (#""\udc00""#, 1), (#""ab\uDBFF""#, 3), (#""\ud800x""#, 2), (#""\ud800\n""#, 2),
        (#""\udc00\ud800""#, 2), (#""\ud800\ud800\udc00""#, 2), (#""\ud800\u0041""#, 2),
    ])
    func refusesToDecodeHalfAPair(text: String, characters: Int) throws {
        let bytes = Array(text.utf8)
        #expect(fault(of: bytes) == nil, "it is JSON nevertheless (RFC 8259, section 8.2)")
        let string = try read(bytes)
        #expect(string.contents.contains(.loneSurrogate))
        let count = string.characterCount(in: bytes.span)
        #expect(count == characters)
        var decoded: [UInt8] = [1, 2]
        do throws(JSONError) {
            try string.decode(from: bytes.span, to: &decoded)
            Issue.record("decoded half a pair")
        } catch {
            #expect(error.kind == .loneSurrogate)
        }
        #expect(decoded == [1, 2], "nothing is appended")
    }

    @Test(arguments: [
        (#""user""#, true), (#""\u0075ser""#, true), (#""u\u0073e\u0072""#, true), (#""use""#, false),
        (#""users""#, false),
        (#""\u0075se""#, false), (#""\u0075sers""#, false), (#""User""#, false), (#""\ud800ser""#, false),
        (#""""#, false),
    ])
    func comparesWhateverWayItIsWritten(text: String, isUser: Bool) throws {
        let bytes = Array(text.utf8)
        let equals = try read(bytes).equals("user", in: bytes.span)
        #expect(equals == isUser)
    }

    private func read(_ bytes: [UInt8]) throws -> JSONString {
        var reader = JSONReader(bytes.span)
        guard case .string(let string) = try reader.value() else { throw JSONError(.unexpectedByte, at: 0) }
        try reader.end()
        return string
    }
}

@Suite struct UTF8SequenceTests {
    @Test func countsCharactersAsTheStandardLibraryDoes() {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<5000 {
            let bytes = (0..<Int.random(in: 0...6, using: &generator)).map { _ in
                [
                    0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEF, 0xF0, 0xF1,
                    0xF4, 0xF5,
                ]
                .randomElement(using: &generator).unsafelyUnwrapped as UInt8
            }
            let count = bytes.span.utf8CharacterCount
            #expect(count == String(validating: bytes, as: UTF8.self)?.unicodeScalars.count, "\(bytes)")
        }
    }
}
