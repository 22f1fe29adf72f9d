import Bytes
import Testing

@Suite struct ByteBufferTests {
    @Test func keepsOrderWhileItSlidesAndGrows() {
        var buffer = ByteBuffer()
        var model: [UInt8] = []
        var generator = SystemRandomNumberGenerator()
        for round in 0..<2000 {
            let bytes = (0..<Int.random(in: 0...200, using: &generator)).map { UInt8(truncatingIfNeeded: $0 + round) }
            buffer.append(bytes)
            model += bytes
            let taken = Int.random(in: 0...model.count, using: &generator)
            buffer.consume(taken)
            model.removeFirst(taken)
            let readable = buffer.bytes.copied
            #expect(readable == model)
        }
    }

    @Test func ownsNoMemoryWhenEmptyAndReleased() {
        var buffer = ByteBuffer()
        #expect(buffer.capacity == 0)
        buffer.append("abc")
        buffer.releaseIfEmpty()
        #expect(buffer.capacity >= 3)
        buffer.consume(3)
        buffer.releaseIfEmpty()
        #expect(buffer.capacity == 0)
    }

    @Test func replacesInPlace() {
        var buffer = ByteBuffer()
        buffer.append("0000body")
        [UInt8](arrayLiteral: 1, 2, 3, 4).withUnsafeBytes { buffer.replace(at: 0, with: $0) }
        buffer.truncate(to: 5)
        let readable = buffer.bytes.copied
        #expect(readable == [1, 2, 3, 4, UInt8(ascii: "b")])
    }

    @Test(arguments: [0, 7, -1, 10, 99, 100, .max, .min, -9_000])
    func printsDecimals(value: Int64) {
        var buffer = ByteBuffer()
        buffer.append(decimal: value)
        let text = buffer.bytes.text
        #expect(text == String(value))
    }

    @Test func printsDecimalsOfEveryLength() {
        var power: Int64 = 1
        for _ in 0..<19 {
            for value in [power - 1, power, power + 1, -power, power * 5 &+ 99] {
                var buffer = ByteBuffer()
                buffer.append(decimal: value)
                let text = buffer.bytes.text
                #expect(text == String(value))
            }
            power &*= 10
        }
    }

    @Test func printsTwoDigits() {
        for value in 0...99 {
            var buffer = ByteBuffer()
            buffer.append(atLeast: 2) { free in free.write(twoDigits: Int64(value), at: 0) }
            let text = buffer.bytes.text
            #expect(text == (value < 10 ? "0\(value)" : "\(value)"))
        }
    }

    @Test(arguments: [0, 1, 15, 16, 255, 256, 0xdead_beef, .max])
    func printsHexadecimals(value: UInt64) {
        var buffer = ByteBuffer()
        buffer.append(hexadecimal: value)
        let text = buffer.bytes.text
        #expect(text == String(value, radix: 16))
    }

    @Test(arguments: ["0", "00", "7", "9223372036854775807"])
    func readsDecimals(text: String) {
        let value = Array(text.utf8).span.decimalValue
        #expect(value == Int64(text))
    }

    @Test(arguments: ["", "-1", "+1", " 1", "1 ", "9223372036854775808", "12345678901234567890", "1e3"])
    func refusesWhatIsNoDecimal(text: String) {
        let value = Array(text.utf8).span.decimalValue
        #expect(value == nil)
    }
}

@Suite struct ByteBufferShrinkTests {
    @Test func littleOfMuchMovesToLittle() {
        var buffer = ByteBuffer()
        for byte in 0..<100_000 { buffer.append(UInt8(truncatingIfNeeded: byte)) }
        buffer.consume(50_000)
        buffer.shrink()
        #expect(buffer.capacity == 131_072, "half of it is in use")
        buffer.consume(49_000)
        buffer.shrink()
        #expect(buffer.capacity == 1024)
        #expect(buffer.bytes.copied == (99_000..<100_000).map { UInt8(truncatingIfNeeded: $0) })
        buffer.shrink()
        #expect(buffer.capacity == 1024)
        buffer.append([1, 2, 3])
        #expect(buffer.count == 1003)
    }

    @Test func nothingOfMuchMovesToNothing() {
        var buffer = ByteBuffer(capacity: 100_000)
        buffer.append(1)
        buffer.consume(1)
        buffer.shrink()
        #expect(buffer.capacity == 0 && buffer.isEmpty)
    }
}

@Suite struct ASCIITests {
    @Test func comparesWithoutCase() {
        #expect(equals("Content-LENGTH", "content-length"))
        #expect(!equals("Content_LENGTH", "content-length"))
        #expect(!equals("[", "{"))
    }

    private func equals(_ text: String, _ lowercased: StaticString) -> Bool {
        Array(text.utf8).span.equalsIgnoringCase(lowercased)
    }

    @Test(arguments: zip(["abc\n", "\n", "abc", ""], [3, 0, nil, nil]))
    func findsAByte(text: String, index: Int?) {
        let found = Array(text.utf8).span.firstIndex(of: 10)
        #expect(found == index)
    }
}

@Suite struct InstantTests {
    @Test func saturates() {
        #expect(Instant(nanoseconds: .max - 5) + .seconds(1) == .distantFuture)
        #expect(Instant(nanoseconds: 5) + .milliseconds(2) == Instant(nanoseconds: 2_000_005))
        #expect(Duration.seconds(Int64.max).wholeNanoseconds == .max)
    }
}
