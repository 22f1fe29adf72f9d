import Bytes
import Testing
import WebSocket

/// RFC 6455, 8.1; RFC 3629; Markus Kuhn's decoder stress test by its section numbers.
@Suite struct UTF8ValidatorTests {
    private func verdict(_ chunks: [ArraySlice<UInt8>]) -> (failed: Bool, isComplete: Bool) {
        var validator = UTF8Validator()
        for chunk in chunks {
            let isText = validator.validate(Array(chunk).span)
            if !isText { return (true, false) }
        }
        return (false, validator.isComplete)
    }

    static let wellFormed: [[UInt8]] = [
        [], hex("00"), hex("7f"), hex("cebae1bdb9cf83cebcceb5"),  // Autobahn 6.2.1, Kuhn 1
        hex("c280"), hex("dfbf"), hex("e0a080"), hex("ed9fbf"), hex("ee8080"), hex("efbfbd"),  // Kuhn 2.1–2.3
        hex("efbfbe"), hex("efbfbf"),  // non-characters are code points (Kuhn 5.3)
        hex("f0908080"), hex("f3bfbfbf"), hex("f48fbfbf"), hex("efbbbf"),
        Array("Hello-µ@ßöäüàá-UTF-8!!".utf8), Array("κόσμε 日本語 🎉 e\u{301}".utf8),
        Array((0..<100).map { _ in "0123456789abcdefé" }.joined().utf8),
    ]

    @Test(arguments: wellFormed)
    func acceptsUTF8(bytes: [UInt8]) {
        everyChunking(bytes) { chunks in
            let verdict = verdict(chunks)
            if verdict != (false, true) { Issue.record("\(bytes) as \(chunks.map(\.count))") }
        }
    }

    /// The bytes, and the offset of the first that cannot belong to UTF-8.
    static let illFormed: [([UInt8], Int)] = [
        // Kuhn 3.1: unexpected continuation bytes
        (hex("80"), 0), (hex("bf"), 0), (hex("c3a980"), 2), (hex("6180"), 1),
        // 3.2: lonely first bytes, each followed by a blank
        (hex("c220"), 1), (hex("df20"), 1), (hex("e020"), 1), (hex("ef20"), 1), (hex("f020"), 1), (hex("f420"), 1),
        (hex("f8"), 0), (hex("fb"), 0), (hex("fc"), 0), (hex("fd"), 0),
        // 3.3, 3.4: the last byte of a sequence missing, and another sequence after it
        (hex("e0a0e0a0"), 2), (hex("f09080f0"), 3), (hex("c2c2"), 1), (hex("efbf61"), 2),
        // 3.5: impossible bytes
        (hex("fe"), 0), (hex("ff"), 0), (hex("41fefeffff"), 1),
        // 4.1–4.3: overlong forms of "/" and of the boundaries
        (hex("c0af"), 0), (hex("e080af"), 1), (hex("f08080af"), 1), (hex("f8808080af"), 0), (hex("fc80808080af"), 0),
        (hex("c1bf"), 0), (hex("e09fbf"), 1), (hex("f08fbfbf"), 1), (hex("c080"), 0), (hex("e08080"), 1),
        (hex("f0808080"), 1),
        // 5.1, 5.2: surrogates, alone and in pairs
        (hex("eda080"), 1), (hex("edadbf"), 1), (hex("edae80"), 1), (hex("edafbf"), 1), (hex("edb080"), 1),
        (hex("edbfbf"), 1), (hex("eda080edb080"), 1), (hex("edafbfedbfbf"), 1),
        // Beyond U+10FFFF (Autobahn 6.4)
        (hex("f4908080"), 1), (hex("f5808080"), 0), (hex("f7bfbfbf"), 0),
        (hex("cebae1bdb9cf83cebcceb5f4908080656469746564"), 12),
        (hex("cebae1bdb9cf83cebcceb5eda080656469746564"), 12),
        // Behind the fast way through ASCII
        (hex("3031323334353637303132333435363780"), 16), (hex("30313233343536ff38"), 7),
    ]

    @Test(arguments: illFormed)
    func failsAtTheFirstImpossibleByte(bytes: [UInt8], offset: Int) {
        everyChunking(bytes) { chunks in
            let verdict = verdict(chunks)
            if !verdict.failed { Issue.record("\(bytes) as \(chunks.map(\.count))") }
        }
        #expect(!verdict([bytes[..<offset]]).failed, "the bytes before were still possible")
        #expect(verdict([bytes[...offset]]).failed, "known from this byte on")
    }

    @Test func knowsWhenACodePointIsUnderWay() {
        for (bytes, count) in [(hex("c3a9"), 2), (hex("e282ac"), 3), (hex("f09f8e89"), 4)] {
            for length in 0...count {
                let verdict = verdict([bytes[..<length]])
                #expect(verdict == (false, length == 0 || length == count))
            }
        }
    }

    /// Every sequence of a first byte and up to three others, against the standard library.
    @Test func agreesWithTheStandardLibrary() {
        let interesting: [UInt8] = [0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xFF]
        for first in [0x41, 0x80] + Array(UInt8(0xC0)...0xFF) {
            for second in interesting {
                for third in interesting {
                    for fourth in interesting {
                        let bytes = [first, second, third, fourth]
                        let verdict = verdict([bytes[...]])
                        let isValid = String(validating: bytes, as: UTF8.self) != nil
                        if (!verdict.failed && verdict.isComplete) != isValid { Issue.record("\(bytes)") }
                    }
                }
            }
        }
    }
}
