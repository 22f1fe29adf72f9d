import Bytes
import Testing

@testable import HTTP1

@Suite struct ChunkedDecoderTests {
    private static let head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

    private func decode(_ body: String, sourceLocation: SourceLocation = #_sourceLocation) -> [Entry] {
        Array(requests(Self.head + body, sourceLocation: sourceLocation).dropFirst())
    }

    @Test(
        "RFC 9112 §7.1",
        arguments: [
            ("0\r\n\r\n", ""), ("5\r\nhello\r\n0\r\n\r\n", "hello"), ("1\r\na\r\n01\r\nb\r\n000\r\n\r\n", "ab"),
            ("A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"),
            ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
            ("3;a\r\nabc\r\n0;last\r\n\r\n", "abc"), ("3;a=b;c=\"d;\\\"\t\\\\\";e\r\nabc\r\n0\r\n\r\n", "abc"),
            ("3 ; a = b ; c\t=\t\"\"\r\nabc\r\n0\r\n\r\n", "abc"), ("3;a=\"é\"\r\nabc\r\n0\r\n\r\n", "abc"),
            ("3\r\nabc\r\n0\r\nTrailer: x\r\nOther:\r\n\r\n", "abc"),
            ("3\r\nabc\r\n0\r\nContent-Length: 99\r\nTransfer-Encoding: gzip\r\nHost: y\r\n\r\n", "abc"),
        ])
    func decodes(body: String, content: String) {
        let expected: [Entry] = (content.isEmpty ? [] : [.body(content)]) + [.end]
        #expect(decode(body) == expected)
        // What follows is the next request, whatever the trailers said.
        #expect(
            Array(requests(Self.head + body + "GET / HTTP/1.1\r\nHost: x\r\n\r\n").dropFirst())
                == expected + [.head("GET / @x"), .end])
    }

    @Test(
        "refused before any content",
        arguments: [
            ("\r\n", HTTPError.malformedChunkSize), ("\n", .bareLineFeed), (" 5\r\nhello\r\n", .malformedChunkSize),
            ("g\r\n", .malformedChunkSize), ("0x5\r\nhello\r\n", .malformedChunkSize),
            ("+5\r\nhello\r\n", .malformedChunkSize),
            ("-1\r\n", .malformedChunkSize), ("5 \r\nhello\r\n", .malformedChunkSize),
            ("5\t\r\nhello\r\n", .malformedChunkSize),
            ("5 5\r\nhello\r\n", .malformedChunkSize), ("5.0\r\n", .malformedChunkSize),
            ("5_0\r\n", .malformedChunkSize),
            ("5h\r\n", .malformedChunkSize), ("5\u{0}\r\n", .malformedChunkSize), (";a\r\n", .malformedChunkSize),
            ("5\nhello\r\n", .bareLineFeed), ("5\rhello\r\n", .bareCarriageReturn),
            ("5\r\rhello\r\n", .bareCarriageReturn),
            ("8000000000000000\r\n", .chunkSizeOverflow), ("10000000000000005\r\n", .chunkSizeOverflow),
            ("ffffffffffffffff\r\n", .chunkSizeOverflow), ("7fffffffffffffff\r\n", .contentTooLarge),
            ("5;\r\nhello\r\n", .malformedChunkExtension), ("5;;a\r\n", .malformedChunkExtension),
            ("5;a=\r\n", .malformedChunkExtension),
            ("5;a=b=c\r\n", .malformedChunkExtension), ("5;a b\r\n", .malformedChunkExtension),
            ("5;a \r\n", .malformedChunkExtension),
            ("5;a=b \r\n", .malformedChunkExtension), ("5;a=\"b\" \r\n", .malformedChunkExtension),
            ("5;a=\"b\r\n", .malformedChunkExtension), ("5;a=\"b\"c\r\n", .malformedChunkExtension),
            ("5;a=\"b\\\r\n", .malformedChunkExtension),
            ("5;a,b\r\n", .malformedChunkExtension), ("5;a\u{0}\r\n", .malformedChunkExtension),
            ("5;a=\u{7f}\r\n", .malformedChunkExtension),
            ("5;a=\"\u{1}\"\r\n", .malformedChunkExtension), ("5;a\nhello\r\n", .bareLineFeed),
            ("5;a=\"\nhello\r\n", .bareLineFeed),
            ("5;a=\"\\\nhello\r\n", .bareLineFeed), ("5;a\rb\r\n", .bareCarriageReturn), ("5;\n66\r\n", .bareLineFeed),
            ("0\n\n", .bareLineFeed), ("0\r\n\n", .bareLineFeed), ("0\r\n\rX", .bareCarriageReturn),
            ("0\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", .whitespaceBeforeColon),
            (String(repeating: "0", count: 300) + "\r\n\r\n", .chunkLineTooLong),
            ("1;" + String(repeating: "a", count: 300), .chunkLineTooLong),
        ])
    func refuses(body: String, error: HTTPError) {
        #expect(decode(body) == [.error(error)])
        #expect(error.status == .badRequest || error == .contentTooLarge)
    }

    @Test(
        "a chunk ends where its size says",
        arguments: ["3\r\nabcd\r\n", "3\r\nabc\n0\r\n\r\n", "3\r\nabc0\r\n\r\n", "3\r\nabc\rX"])
    func refusesBadEnds(body: String) {
        #expect(decode(body) == [.body("abc"), .error(.malformedChunkEnd)])
    }

    @Test func refusesAChunkThatIsLongerThanItsSize() {
        #expect(decode("2\r\nabc\r\n0\r\n\r\n") == [.body("ab"), .error(.malformedChunkEnd)])
        #expect(decode("4\r\nabc\r\n0\r\n\r\n") == [.body("abc\r"), .error(.malformedChunkEnd)])
    }

    @Test func theSumOfTheSizesCannotOverflow() {
        let body = "1\r\na\r\n7fffffffffffffff\r\n"
        let entries = requests(Self.head + body, maximumBodyLength: .max)
        #expect(entries == [.head("POST / @x chunked"), .body("a"), .error(.contentTooLarge)])
    }

    @Test func extensionsAreBoundedInAll() {
        var limits = Limits()
        limits.chunkExtensions = 10
        let chunk = "1;abc\r\nx\r\n"
        // The first extension byte after the ";" to the CR: four each.
        #expect(
            requests(Self.head + chunk + chunk + "0\r\n\r\n", limits: limits)
                == [.head("POST / @x chunked"), .body("xx"), .end])
        #expect(
            requests(Self.head + chunk + chunk + chunk, limits: limits)
                == [.head("POST / @x chunked"), .body("xx"), .error(.chunkLineTooLong)])
        let next = Self.head + chunk + chunk + "0\r\n\r\n"
        #expect(requests(next + next, limits: limits).last == .end, "counted anew for each request")
    }

    @Test func trailersAreBounded() {
        var limits = Limits()
        limits.trailers = 20
        limits.fields = 5
        #expect(requests(Self.head + "0\r\nabcdef: 01234567\r\n\r\n", limits: limits).last == .end)
        #expect(
            requests(Self.head + "0\r\nabcdef: 0123456789a\r\n\r\n", limits: limits).last == .error(.trailersTooLarge))
        #expect(requests(Self.head + "0\r\nabcdef: 0123456789abcdef", limits: limits).last == .error(.trailersTooLarge))
        limits.trailers = 100
        #expect(
            requests(Self.head + "0\r\n" + String(repeating: "a:\r\n", count: 5) + "\r\n", limits: limits).last == .end)
        #expect(
            requests(Self.head + "0\r\n" + String(repeating: "a:\r\n", count: 6) + "\r\n", limits: limits).last
                == .error(.tooManyFields))
    }
}
