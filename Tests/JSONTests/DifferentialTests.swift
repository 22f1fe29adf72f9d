import Foundation
import JSON
import Testing

/// The verdict of our reader against Foundation's, which nobody here wrote. Where the two differ on purpose, the case
/// says so: a list of exceptions, not a tolerance.
@Suite struct DifferentialTests {
    /// RFC 8259, in the manner of the parsing test suite by N. Seriot: what every parser must take.
    static let accepted: [String] =
        [
            "[]", "[ ]", "{}", "{ }", " [] ", "\t\n\r[]\n", "[[]   ]", "[\"\"]", "[false]", "[null]", "[\"a\"]", "[1]",
            "[1\n]",
            "[1,null,null,null,2]", "[2] ", " [1]", "null", "true", "false", "\"\"", "\"asd\"", "42", "-0.1", "0", "-0",
            "0.0",
            "[123e65]", "[0e+1]", "[0e1]", "[ 4]",
            "[-0.000000000000000000000000000000000000000000000000000000000000001]",
            "[20e1]", "[-0]", "[-123]", "[-1]", "[1E22]", "[1E-2]", "[1E+2]", "[123e45]", "[123.456e78]", "[1e-2]",
            "[1e+2]",
            "[123]", "[123.456789]", #"{"asd":"sdf","dfg":"fgh"}"#, #"{"asd":"sdf"}"#, #"{"a":"b","a":"c"}"#,
            #"{"a":"b","a":"b"}"#, #"{"":0}"#, #"{"foo\u0000bar": 42}"#, #"{ "min": -1.0e+28, "max": 1.0e+28 }"#,
            #"{"x":[{"id": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}], "id": "xxxxxxxxxxxx"}"#, #"{"a":[]}"#,
            "{\n\"a\": \"b\"\n}", #"["\u0060\u012a\u12AB"]"#, #"["\uD801\udc37"]"#, #"["\ud83d\ude39\ud83d\udc8d"]"#,
            #"["\"\\\/\b\f\n\r\t"]"#, #"["\\u0000"]"#, #"["\""]"#, #"["a/*b*/c/*d//e"]"#, #"["\\a"]"#, #"["\\n"]"#,
            #"["\u0012"]"#, #"["\uFFFF"]"#, "[ \"asd\"]", "[\"\u{FFFF}\"]", "[\"\u{10FFFF}\"]", #"["\u00A0"]"#,
            #"["\uDBFF\uDFFE"]"#,
            #"["new\u000Aline"]"#, "[\"\u{2028}\"]", "[\"\u{2029}\"]", #"["\u0000"]"#, #"["\u002c"]"#, "[\"π\"]",
            "[\"asd \"]",
            #"["\u0821"]"#, #"["\u0123"]"#, "[\"€𝄞\"]", #"["\uA66D"]"#, #"["\u2064"]"#, #"["\u005C"]"#, #"["\u0022"]"#,
            "[\"\u{7F}\"]",
            "[\"a\u{7F}a\"]", #"["⍂㈴⍂"]"#, "[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]",
            "[" + [String](repeating: "{}", count: 300).joined(separator: ",") + "]",
        ]

    /// What every parser must refuse.
    static let refused: [String] =
        [
            "", " ", "[1 true]", "[\"\": 1]", "[\"\"],", "[,1]", "[1,,2]", "[\"x\",,]", "[\"x\"]]", "[\"\",]", "[\"x\"",
            "[x", "[3[4]]",
            "[1:2]", "[,]", "[-]", "[   , \"\"]", "[\"a\",\n4\n,1,", "[1,]", "[1,,]", "[\"\u{B}a\"\\f]", "[*]", "[\"\"",
            "[1,", "[1,\n1\n,1",
            "[{}", "[fals]", "[nul]", "[tru]", "[++1234]", "[+1]", "[+Inf]", "[-01]", "[-1.0.]", "[-2.]", "[-NaN]",
            "[.-1]", "[.2e-3]",
            "[0.1.2]", "[0.3e+]", "[0.3e]", "[0.e1]", "[0E+]", "[0E]", "[0e+]", "[0e]", "[1.0e+]", "[1.0e-]", "[1.0e]",
            "[1 000.0]",
            "[1eE2]", "[2.e+3]", "[2.e-3]", "[2.e3]", "[9.e+]", "[Inf]", "[NaN]", "[\u{FF11}]", "[1+2]", "[0x1]",
            "[0x42]", "[Infinity]",
            "[0e+-1]", "[-123.123foo]", "[-Infinity]", "[-foo]", "[- 1]", "[-012]", "[-.123]", "[-1x]", "[1ea]", "[1.]",
            "[.123]",
            "[1.2a-3]", "[1.8011670033376514H-308]", "[012]", #"["x", truth]"#, #"{[: "x"}"#, #"{"x", null}"#,
            #"{"x"::"b"}"#, "{🇨🇭}",
            #"{"a":"a" 123}"#, #"{key: 'value'}"#, #"{"a" b}"#, #"{:"b"}"#, #"{"a" "b"}"#, #"{"a":"#, #"{"a""#, "{1:1}",
            "{9999E9999:1}", "{null:null,null:null}", #"{"id":0,,,,,}"#, "{'a':0}", #"{"id":0,}"#, #"{"a":"b"}/**/"#,
            #"{"a":"b"}/**//"#,
            #"{"a":"b"}//"#, #"{"a":"b"}/"#, #"{"a":"b",,"c":"d"}"#, "{a: \"b\"}", #"{"a":"a"#,
            #"{ "foo" : "bar", "a" }"#, #"{"a":"b"}#"#,
            #"["\uD800\u"]"#, #"["\uD800\u1"]"#, #"["\uD800\u1x"]"#, "[é]", #"["\x00"]"#, #"["\\\"]"#, "[\"\\\t\"]",
            "[\"\\🌀\"]", #"["\"]"#,
            #"["\u00A"]"#, #"["\uD834\uDd"]"#, #"["\uD800\uD800\x"]"#, #"["\a"]"#, #"["\uqqqq"]"#, "[\"a\u{0}a\"]",
            "[\u{20}\"new\nline\"]",
            "[\"\t\"]", #"\u0020"asd""#, "[\\n]", "\"", "['single quote']", "abc", "[\"\\", #""\UA66D""#, #""\"#,
            "\"x\"#", "<.>", "[<null>]",
            "[1]x", "[1]]", "[\"asd]", "aå", "[True]", "1]", #"{"x": true,"#, "[][]", "]", "ï»{}", "å", "[", #"{"":"#,
            #"{"a":/*comment*/"b"}"#,
            #"{"a": true} "x""#, "['", "[\"a", "[{\"\":[{\"\":", "{", "{]", "{,", "{[", "{\"a", "{'a'",
            "[\"\\{[\"\\{[\"\\{[\"\\{", "*", "{}}", "{\"a\"",
            "{\"a\":1 \"b\":2}", "[\u{2060}]", "[\u{C}]", "\u{A0}", "nulll", "nul", "truefalse", "--1", "1-", "1e1e1",
            "1.1.1", "00", "-", "+", ".", "e",
            "\u{1}", "[1\u{0}]", "[\u{1}]", "{\"a\":\u{B}1}", "[1;2]", "(1)", "[1)", "{\"a\"=1}", "undefined",
            "[undefined]", "`a`", "\\", "[\"\\u000\"]",
        ]

    @Test(arguments: accepted)
    func takesWhatIsJSON(text: String) {
        #expect(fault(of: text) == nil)
        #expect(foundationTakes(Array(text.utf8)))
    }

    @Test(arguments: refused)
    func refusesWhatIsNot(text: String) {
        #expect(fault(of: text) != nil)
        if !Self.foundationIsLenient.contains(text) { #expect(!foundationTakes(Array(text.utf8))) }
    }

    /// What Foundation takes although the grammar does not: a comma before the end of a container.
    static let foundationIsLenient: Set<String> = ["[1,]", "[\"\",]", "{\"id\":0,}"]

    /// Mutants of good texts: bytes dropped, doubled, swapped and replaced by bytes that mean something in JSON.
    @Test func agreesWithFoundationOnMutants() {
        var generator = SeededGenerator(seed: 42)
        let pieces =
            Array(#"{}[]:,"\/bfnrtu0123456789.eE+-xadls \#n\#t"#.utf8) + [
                0, 0x1F, 0x7F, 0x80, 0xBF, 0xC3, 0xA9, 0xE2, 0x82, 0xAC, 0xF0, 0xFF,
            ]
        var refusals = 0
        for round in 0..<6000 {
            let seedText = Self.accepted[round % Self.accepted.count]
            guard seedText.utf8.count < 200 else { continue }
            var text = Array(seedText.utf8)
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let piece = pieces.randomElement(using: &generator) ?? 0
                let place = Int.random(in: 0..<max(1, text.count), using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0 where !text.isEmpty: text.remove(at: place)
                case 1 where !text.isEmpty: text[place] = piece
                case 2 where !text.isEmpty: text.insert(text[place], at: place)
                default: text.insert(piece, at: min(place, text.count))
                }
            }
            // Foundation guesses UTF-16 and UTF-32 from zero bytes and marks; RFC 8259, section 8.1, is UTF-8 only.
            if text.contains(0) || text.first ?? 0 >= 0xEF { continue }
            let ours = fault(of: text)
            if ours != nil { refusals += 1 }
            switch foundationTakes(text) {
            case true: #expect(ours == nil || hasTrailingComma(text), "\(text.readable): \(String(describing: ours))")
            case false: #expect(ours != nil || hasNoValue(text), "\(text.readable)")
            }
        }
        #expect(refusals > 500)
    }

    /// Strings and integers mean the same to both.
    @Test(arguments: accepted)
    func meansTheSame(text: String) throws {
        guard let ours = try? printed(Array(text.utf8)) else { return }
        let options: JSONSerialization.ReadingOptions = [.fragmentsAllowed]
        let left = try JSONSerialization.jsonObject(with: Data(ours), options: options) as? NSObject
        let right = try JSONSerialization.jsonObject(with: Data(text.utf8), options: options) as? NSObject
        #expect(left == right)
        #expect(try printed(ours) == ours)
    }

    private func foundationTakes(_ text: [UInt8]) -> Bool {
        (try? JSONSerialization.jsonObject(with: Data(text), options: [.fragmentsAllowed])) != nil
    }

    private func hasTrailingComma(_ text: [UInt8]) -> Bool {
        let text = text.filter { !" \n\r\t".utf8.contains($0) }
        return zip(text, text.dropFirst()).contains { $0 == UInt8(ascii: ",") && "]}".utf8.contains($1) }
    }

    /// Good grammar that stands for nothing Foundation can hold: half a surrogate pair, a number beyond Double.
    private func hasNoValue(_ text: [UInt8]) -> Bool {
        let isHuge = text.split { !"+-.0123456789eE".utf8.contains($0) }.contains {
            Double(String(decoding: $0, as: UTF8.self))?.isInfinite == true
        }
        guard !isHuge else { return true }
        do throws(JSONError) {
            _ = try printed(text)
            return false
        } catch {
            return error.kind == .loneSurrogate
        }
    }
}

extension [UInt8] {
    fileprivate var readable: String { String(decoding: self, as: UTF8.self) }
}
