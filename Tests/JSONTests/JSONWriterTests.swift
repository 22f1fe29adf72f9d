import Bytes
import JSON
import Testing

@Suite struct JSONWriterTests {
    @Test(arguments: [
        ("", #""""#), ("ada", #""ada""#), ("a\"b\\c/", #""a\"b\\c/""#), ("\u{8}\t\n\u{C}\r", #""\b\t\n\f\r""#),
        ("\u{0}\u{1}\u{F}\u{10}\u{1F}", ##""\u0000\u0001\u000f\u0010\u001f""##), ("Jörgen 😀", "\"Jörgen 😀\""),
        ("\u{2028}\u{7F}", "\"\u{2028}\u{7F}\""), ("12345678\"", #""12345678\"""#), ("\"12345678", #""\"12345678""#),
        ("éééééééé\u{1F}", ##""éééééééé\u001f""##),
    ])
    func escapesOnlyWhatItMust(text: String, expected: String) {
        var buffer = ByteBuffer()
        buffer.append(jsonString: text)
        let written = buffer.bytes.text
        #expect(written == expected)
    }

    @Test func everyScalarComesBack() throws {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<2000 {
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 0...24, using: &generator) {
                let limit: UInt32 = Bool.random(using: &generator) ? 0x80 : 0x110000
                text.append(Unicode.Scalar(UInt32.random(in: 0..<limit, using: &generator)) ?? "\u{0}")
            }
            var buffer = ByteBuffer()
            buffer.append(jsonString: String(text))
            let written = buffer.bytes.copied
            var reader = JSONReader(written.span)
            guard case .string(let string) = try reader.value() else { throw JSONError(.unexpectedByte, at: 0) }
            try reader.end()
            var decoded: [UInt8] = []
            try string.decode(from: written.span, to: &decoded)
            #expect(decoded == Array(String(text).utf8))
        }
    }
}
