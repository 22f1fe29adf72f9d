import Bytes
import Testing

@testable import HTTP1

@Suite struct ResponseParserTests {
    @Test func readsAPipelineOfResponses() {
        let two =
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
            + "HTTP/1.1 200 \r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
        let expected: [Entry] = [
            .head("200 OK length=2"), .body("ok"), .end, .head("200  chunked"), .body("ab"), .end,
        ]
        #expect(responses(two + two) == expected + expected)
    }

    @Test("RFC 9112 §6.3: what has no content, whatever its fields say")
    func knowsWhatHasNoContent() {
        let fields = "Content-Length: 5\r\n\r\n"
        #expect(responses("HTTP/1.1 200 OK\r\n" + fields, to: .head) == [.head("200 OK"), .end])
        #expect(responses("HTTP/1.1 304 Not Modified\r\n" + fields) == [.head("304 Not Modified"), .end])
        #expect(responses("HTTP/1.1 204 No Content\r\n\r\n") == [.head("204 No Content"), .end])
        #expect(
            responses("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", to: .head) == [.head("200 OK"), .end])
    }

    @Test func reportsInterimResponses() {
        #expect(
            responses(
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"
            )
                == [.interim("100 Continue"), .interim("103 Early Hints"), .head("200 OK length=1"), .body("a"), .end])
    }

    @Test func stopsAtAnUpgrade() {
        #expect(
            responses("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\u{1}\u{2}")
                == [.head("101 Switching Protocols upgrade"), .end, .rest(2)])
        #expect(
            responses("HTTP/1.1 200 Tunnel\r\nContent-Length: 9\r\n\r\nabc", to: .connect)
                == [.head("200 Tunnel upgrade"), .end, .rest(3)])
    }

    @Test func readsUntilTheConnectionEnds() {
        let wire = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nsome text"
        #expect(responses(wire, closes: true) == [.head("200 OK until-close close"), .body("some text"), .end])
        #expect(responses(wire) == [.head("200 OK until-close close"), .body("some text")])
        #expect(
            responses(wire, closes: true, maximumBodyLength: 4)
                == [.head("200 OK until-close close"), .body("some"), .error(.contentTooLarge)])
        #expect(responses("HTTP/1.0 200 OK\r\n\r\n", closes: true) == [.head("200 OK until-close close"), .end])
    }

    @Test(
        "RFC 9112 §8: an end in the middle",
        arguments: [
            "H", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcd",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
        ])
    func noticesIncompleteMessages(wire: String) {
        #expect(responses(wire, closes: true).last == .error(.unexpectedEnd))
    }

    @Test func anEndBetweenResponsesIsFine() {
        #expect(
            responses("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", closes: true) == [.head("200 OK length=0"), .end])
    }

    @Test(arguments: [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            HTTPError.contentLengthWithTransferEncoding
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", .repeatedContentLength),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", .malformedContentLength),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingInHTTP10),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", .chunkedNotFinal),
        ("HTTP/2.0 200 OK\r\n\r\n", .malformedStatusLine), ("HTTP/1.1 99 OK\r\n\r\n", .malformedStatusLine),
        ("HTTP/1.1 099 OK\r\n\r\n", .malformedStatusLine), ("HTTP/1.1 2000 OK\r\n\r\n", .malformedStatusLine),
        ("HTTP/1.1  200 OK\r\n\r\n", .malformedStatusLine), ("ICY 200 OK\r\n\r\n", .malformedStatusLine),
        ("HTTP/1.x 200 OK\r\n\r\n", .malformedStatusLine), ("HTTP/1.1 2:0 OK\r\n\r\n", .malformedStatusLine),
        ("HTTP/1.1 200 O\u{0}K\r\n\r\n", .malformedStatusLine), ("\r\nHTTP/1.1 200 OK\r\n\r\n", .malformedStatusLine),
        ("HTTP/1.1 200 OK\nA: b\r\n\r\n", .bareLineFeed), ("HTTP/1.1 200\n\r\n", .bareLineFeed),
        ("HTTP/1.1 200 OK\rA: b\r\n\r\n", .bareCarriageReturn), ("HTTP/1.1 200\r\r\n", .bareCarriageReturn),
        ("HTTP/1.1 200 " + String(repeating: "x", count: 65536), .headTooLarge),
    ])
    func refuses(wire: String, error: HTTPError) {
        #expect(responses(wire) == [.error(error)])
    }

    @Test func aReasonMayBeMissing() {
        #expect(responses("HTTP/1.1 204\r\n\r\nHTTP/1.1 204 \r\n\r\n") == [.head("204 "), .end, .head("204 "), .end])
    }

    @Test func keepAliveAsForRequests() {
        #expect(responses("HTTP/1.1 204 N\r\nConnection: close\r\n\r\n") == [.head("204 N close"), .end])
        #expect(responses("HTTP/1.0 204 N\r\n\r\n") == [.head("204 N close"), .end])
        #expect(responses("HTTP/1.0 204 N\r\nConnection: keep-alive\r\n\r\n") == [.head("204 N"), .end])
    }

    @Test func tellsValues() throws {
        let bytes = Array("HTTP/1.1 503 Later\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n".utf8)
        var parser = ResponseParser()
        _ = try parser.next(bytes.span)
        let value = parser.value(of: .retryAfter).map { String(decoding: bytes[$0], as: UTF8.self) }
        #expect(value == "7")
        let fieldCount = parser.head.fieldCount
        #expect(fieldCount == 2)
    }
}
