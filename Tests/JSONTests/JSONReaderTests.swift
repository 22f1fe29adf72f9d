import Bytes
import JSON
import Testing

@Suite struct JSONReaderTests {
    @Test func readsAScoreAsATranscript() throws {
        let text = Array(#" {"user":"ada","tags":[true,null],"score":-3} "#.utf8)
        var reader = JSONReader(text.span)
        let opened = try reader.value()
        #expect(opened == .object)
        let user = try #require(try reader.member())
        #expect(user.range == 3..<7)
        let isUser = user.equals("user", in: text.span)
        #expect(isUser)
        let name = try reader.value()
        #expect(name == .string(try string(at: 10..<13, of: text)))
        _ = try reader.member()
        let tags = try reader.value()
        #expect(tags == .array)
        #expect(try reader.element())
        #expect(try reader.value() == .boolean(true))
        #expect(try reader.element())
        #expect(try reader.value() == .null)
        #expect(try !reader.element())
        _ = try reader.member()
        #expect(try reader.value() == .number(.integer(-3)))
        #expect(try reader.member() == nil)
        try reader.end()
    }

    /// A string token cannot be made outside of the reader: read the same piece alone.
    private func string(at range: Range<Int>, of text: [UInt8]) throws -> JSONString {
        var reader = JSONReader(text.span)
        _ = try reader.value()
        _ = try reader.member()
        guard case .string(let string) = try reader.value(), string.range == range else {
            throw JSONError(.unexpectedByte, at: range.lowerBound)
        }
        return string
    }

    @Test(
        arguments: [
            ("0", .integer(0)), ("-0", .integer(0)), ("7", .integer(7)), ("-12", .integer(-12)),
            ("999999999999999999", .integer(999_999_999_999_999_999)),
            ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
            ("9223372036854775808", .oversized), ("-9223372036854775809", .oversized),
            ("18446744073709551615", .oversized), ("18446744073709551616", .oversized),
            ("100000000000000000000000000000000000000", .oversized), ("-99999999999999999999", .oversized),
            ("3.0", .fractional), ("3e0", .fractional), ("1E+2", .fractional), ("-0.0", .fractional),
            ("1e400", .fractional),
            ("0e1", .fractional), ("12345678901234567890.5", .fractional),
        ] as [(String, JSONNumber)])
    func judgesNumbersByTheirText(text: String, number: JSONNumber) throws {
        let bytes = Array(text.utf8)
        var reader = JSONReader(bytes.span)
        let value = try reader.value()
        #expect(value == .number(number))
        try reader.end()
    }

    @Test(
        arguments: [
            ("", .unexpectedEnd, 0), ("  ", .unexpectedEnd, 2), ("tru", .unexpectedEnd, 3),
            ("trUe", .unexpectedByte, 2),
            ("[1", .unexpectedEnd, 2), ("[1,", .unexpectedEnd, 3), ("[1,]", .unexpectedByte, 3),
            ("[,1]", .unexpectedByte, 1),
            ("[1 2]", .unexpectedByte, 3), ("[1}", .unexpectedByte, 2), ("{]", .unexpectedByte, 1),
            (#"{"a"}"#, .unexpectedByte, 4), (#"{"a":}"#, .unexpectedByte, 5), (#"{"a":1,}"#, .unexpectedByte, 7),
            ("{1:2}", .unexpectedByte, 1), ("{a:2}", .unexpectedByte, 1), ("{'a':2}", .unexpectedByte, 1),
            ("1 1", .trailingBytes, 2), ("{} x", .trailingBytes, 3), ("[]\u{0}", .trailingBytes, 2),
            ("\u{FEFF}{}", .byteOrderMark, 0), ("NaN", .unexpectedByte, 0), ("Infinity", .unexpectedByte, 0),
            ("-Infinity", .badNumber, 1), ("-", .unexpectedEnd, 1), ("+1", .unexpectedByte, 0),
            (".5", .unexpectedByte, 0),
            ("01", .badNumber, 0), ("-01", .badNumber, 1), ("1.", .unexpectedEnd, 2), ("1.e5", .badNumber, 2),
            ("1e", .unexpectedEnd, 2), ("1e+", .unexpectedEnd, 3), ("1ex", .badNumber, 2), ("0x1", .trailingBytes, 1),
            ("\"", .unexpectedEnd, 1), (#""\"#, .unexpectedEnd, 2), (#""\x""#, .badEscape, 1),
            (#""\u12G4""#, .badEscape, 1),
            (#""\U0041""#, .badEscape, 1), ("\"a\nb\"", .controlCharacter, 2), ("\"a\tb\"", .controlCharacter, 2),
            ("\"\u{0}\"", .controlCharacter, 1), ("\"12345678\u{1F}\"", .controlCharacter, 9),
            ("/**/1", .unexpectedByte, 0),
            ("\u{A0}1", .unexpectedByte, 0), ("\u{C}1", .unexpectedByte, 0),
        ] as [(String, JSONError.Kind, Int)])
    func namesTheFaultAndItsPlace(text: String, kind: JSONError.Kind, offset: Int) {
        #expect(fault(of: text) == JSONError(kind, at: offset))
    }

    @Test(
        arguments: [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x20], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF],
            [0xE2, 0x82], [0xE2, 0x28, 0xA1], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80],
            [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x9F, 0x98], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE],
            [0xFF],
        ] as [[UInt8]])
    func refusesWhatIsNoUTF8(bytes: [UInt8]) {
        for padding in 0...9 {
            let text = [0x22] + [UInt8](repeating: 0x61, count: padding) + bytes + [0x22]
            #expect(fault(of: text) == JSONError(.badUTF8, at: 1 + padding))
            #expect(fault(of: Array(text.dropLast()))?.kind == .badUTF8)
        }
    }

    @Test func limitsTheDepth() {
        let depth = JSONLimits.depth
        let nested = { (count: Int) in String(repeating: "[", count: count) + String(repeating: "]", count: count) }
        #expect(fault(of: nested(depth)) == nil)
        #expect(fault(of: nested(depth + 1)) == JSONError(.tooDeep, at: depth))
        #expect(fault(of: String(repeating: #"{"a":["#, count: depth / 2) + "{") == JSONError(.tooDeep, at: depth * 3))
        // Depth counts what is open, not what was.
        #expect(fault(of: "[" + [String](repeating: "[[]]", count: 100).joined(separator: ",") + "]") == nil)
    }

    @Test func skipsWhatIsOfNoInterest() throws {
        let text = Array(#"[{"a":{"b":[1,{"c":[]}]},"d":"]}"},7,{}]"#.utf8)
        var reader = JSONReader(text.span)
        _ = try reader.value()
        #expect(try reader.element())
        try reader.skip(try reader.value())
        #expect(try reader.element())
        let seven = try reader.value()
        try reader.skip(seven)
        #expect(seven == .number(.integer(7)))
        #expect(try reader.element())
        try reader.skip(try reader.value())
        #expect(try !reader.element())
        try reader.end()
    }

    @Test func findsTheFirstSpecialByteWhereverItStands() {
        // Words of eight and the bytes after them: every position, every special byte, and no false alarm before it.
        for length in 0...20 {
            for position in 0...length {
                for special: UInt8 in [0x00, 0x1F, 0x22, 0x5C, 0x80, 0xFF] {
                    var text = [UInt8(0x22)] + [UInt8](repeating: 0x23, count: length)
                    text.insert(special, at: 1 + position)
                    #expect(fault(of: text) == expectation(special, at: 1 + position, isLast: position == length))
                }
            }
        }
    }

    private func expectation(_ special: UInt8, at offset: Int, isLast: Bool) -> JSONError? {
        switch special {
        case 0x22: isLast ? nil : JSONError(.trailingBytes, at: offset + 1)
        case 0x5C: isLast ? JSONError(.unexpectedEnd, at: offset + 1) : JSONError(.badEscape, at: offset)
        case 0x80...: JSONError(.badUTF8, at: offset)
        default: JSONError(.controlCharacter, at: offset)
        }
    }
}
