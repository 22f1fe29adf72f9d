import Bytes
import Testing

@testable import HTTP1

@Suite struct ResponseEncoderTests {
    private let date = DateField(unixSeconds: 784_111_777)

    @Test func writesAHeadInOneCall() {
        var buffer = ByteBuffer()
        ResponseEncoder.append(&buffer, .ok, contentType: "application/json", contentLength: 14, date: date)
        let text = buffer.bytes.text
        #expect(
            text == """
                HTTP/1.1 200 OK\r
                Date: Sun, 06 Nov 1994 08:49:37 GMT\r
                Content-Type: application/json\r
                Content-Length: 14\r
                \r

                """)
    }

    @Test func writesFieldsOneByOne() {
        var buffer = ByteBuffer()
        ResponseEncoder.begin(&buffer, .methodNotAllowed, date: date, .close)
        ResponseEncoder.field(&buffer, "Allow", "GET, HEAD")
        ResponseEncoder.field(&buffer, "Retry-After", 5)
        ResponseEncoder.chunked(&buffer)
        ResponseEncoder.end(&buffer)
        let text = buffer.bytes.text
        #expect(
            text == """
                HTTP/1.1 405 Method Not Allowed\r
                Date: Sun, 06 Nov 1994 08:49:37 GMT\r
                Connection: close\r
                Allow: GET, HEAD\r
                Retry-After: 5\r
                Transfer-Encoding: chunked\r
                \r

                """)
    }

    @Test(
        "RFC 9110 §8.6: no Content-Length where content is forbidden",
        arguments: [Status.noContent, .notModified, .continue])
    func omitsContentLength(status: Status) {
        var buffer = ByteBuffer()
        ResponseEncoder.append(
            &buffer, status, contentType: nil, contentLength: 0, date: date, connection: .keepAliveHTTP10)
        let text = buffer.bytes.text
        #expect(!text.contains("Content-Length"))
        #expect(text.contains("\r\nConnection: keep-alive\r\n"))
    }

    @Test("nobody writes lines of their own into our head (RFC 9110 §5.5)")
    func cleansValues() {
        var buffer = ByteBuffer()
        let none: [UInt8] = []
        let value = Array("a\r\nSet-Cookie: b\u{0}\u{7f}c\té".utf8)
        ResponseEncoder.field(&buffer, "Link", value.span)
        ResponseEncoder.field(&buffer, "Empty", none.span)
        ResponseEncoder.field(&buffer, "X", Array("\n\n".utf8).span)
        let text = buffer.bytes.text
        #expect(text == "Link: a  Set-Cookie: b  c\té\r\nEmpty: \r\nX:   \r\n")
    }

    @Test("status lines agree with codes and phrases", arguments: Status.allCases)
    func statusLines(status: Status) {
        #expect("\(status.line)" == "HTTP/1.1 \(status.rawValue) \(status.phrase)\r\n")
    }

    @Test("every error has an answer, and a reason of its own")
    func errorsAreAnswered() {
        var reasons: Set<String> = []
        for error in HTTPError.allCases {
            #expect(error.status.rawValue >= 400)
            #expect(reasons.insert("\(error.reason)").inserted)
        }
    }

    static let statuses: [(HTTPError, UInt16)] = [
        (HTTPError.contentTooLarge, 413), (.targetTooLong, 414), (.headTooLarge, 431), (.tooManyFields, 431),
        (.unknownExpectation, 417), (.unsupportedVersion, 505), (.unsupportedTransferCoding, 501),
        (.transferEncodingInHTTP10, 400), (.contentLengthWithTransferEncoding, 400), (.repeatedContentLength, 400),
        (.malformedContentLength, 400), (.contentLengthOverflow, 400), (.bareLineFeed, 400),
        (.bareCarriageReturn, 400),
        (.whitespaceBeforeColon, 400), (.lineFolding, 400), (.malformedFieldValue, 400), (.malformedChunkSize, 400),
        (.malformedChunkExtension, 400), (.malformedChunkEnd, 400), (.missingHost, 400), (.repeatedHost, 400),
        (.requestTimeout, 408), (.methodTooLong, 501), (.connectNotSupported, 501),
    ]

    @Test("contract: the statuses of the refusals", arguments: statuses)
    func statusOf(error: HTTPError, status: UInt16) {
        #expect(error.status.rawValue == status)
    }

    @Test("what the encoder writes, the parser reads")
    func printThenParse() {
        for status in Status.allCases where status.rawValue >= 200 {
            var buffer = ByteBuffer()
            ResponseEncoder.append(
                &buffer, status, contentType: "text/plain", contentLength: 2, date: date, connection: .close)
            if !status.forbidsContent { buffer.append("ok") }
            let expected =
                "\(status.rawValue) \(status.phrase)" + (status.forbidsContent ? " close" : " length=2 close")
            #expect(
                responses(buffer.bytes.text)
                    == [.head(expected)] + (status.forbidsContent ? [] : [.body("ok")]) + [.end])
        }
        #expect(
            responses("\(ResponseEncoder.continueResponse)HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                == [.interim("100 Continue"), .head("200 OK length=0"), .end])
    }
}

@Suite struct HTTPDateTests {
    @Test(
        "RFC 9110 §5.6.7",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"), (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
            (1_767_225_599, "Wed, 31 Dec 2025 23:59:59 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
            (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"), (.max, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (-1, "Thu, 01 Jan 1970 00:00:00 GMT"),
        ])
    func formats(seconds: Int64, text: String) {
        let date = HTTPDate.format(unixSeconds: seconds)
        let formatted = date.span.text
        #expect(formatted == text)
    }

    @Test func theFieldFollowsTheSecond() {
        var field = DateField(unixSeconds: 0)
        field.update(unixSeconds: 0)
        field.update(unixSeconds: 1)
        var buffer = ByteBuffer()
        field.append(to: &buffer)
        let text = buffer.bytes.text
        #expect(text == "Date: Thu, 01 Jan 1970 00:00:01 GMT\r\n")
    }
}

@Suite struct ChunkedEncoderTests {
    @Test func writesChunksOfKnownSize() {
        var buffer = ByteBuffer()
        ChunkedEncoder.begin(&buffer, size: 26)
        buffer.append("abcdefghijklmnopqrstuvwxyz")
        ChunkedEncoder.end(&buffer)
        ChunkedEncoder.last(&buffer)
        let text = buffer.bytes.text
        #expect(text == "1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n")
    }

    @Test func fillsInSizesAfterwards() {
        var buffer = ByteBuffer()
        buffer.append("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for size in [1, 15, 16, 300, 0, 70_000] {
            let mark = ChunkedEncoder.open(&buffer)
            for _ in 0..<size { buffer.append(UInt8(ascii: "x")) }
            ChunkedEncoder.close(&buffer, from: mark)
        }
        ChunkedEncoder.last(&buffer)
        let bytes = buffer.bytes.copied
        let entries = responseTranscript(bytes, cuts: Array(stride(from: 7, to: bytes.count, by: 1001)))
        #expect(entries == [.head("200 OK chunked"), .body(String(repeating: "x", count: 70_332)), .end])
    }
}
