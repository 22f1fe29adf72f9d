import Testing

@testable import HTTP1

/// RFC 9112 §6: everything that two readers could read differently is refused. The shapes are those of the public
/// collections of request-smuggling tests.
@Suite struct BodyFramingTests {
    private static func example(_ name: String, _ fields: String, _ error: HTTPError, version: String = "1.1") -> Case {
        Case(
            name,
            "POST /first HTTP/\(version)\r\nHost: x\r\n\(fields)\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
            error)
    }

    static let ambiguous: [Case] = [
        example("CL.TE", "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", .contentLengthWithTransferEncoding),
        example("TE.CL", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", .contentLengthWithTransferEncoding),
        example(
            "TE.CL of zero", "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", .contentLengthWithTransferEncoding),
        example(
            "TE.CL, in HTTP/1.0", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
            .contentLengthWithTransferEncoding, version: "1.0"),
        example(
            "a length and an unknown coding", "Content-Length: 5\r\nTransfer-Encoding: x\r\n",
            .contentLengthWithTransferEncoding),
        example(
            "a bad length with a coding", "Content-Length: x\r\nTransfer-Encoding: chunked\r\n",
            .contentLengthWithTransferEncoding),
        example("TE.TE", "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow\r\n", .repeatedTransferEncoding),
        example(
            "TE.TE, the other way", "Transfer-Encoding: cow\r\nTransfer-encoding: chunked\r\n",
            .repeatedTransferEncoding),
        example(
            "chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", .repeatedTransferEncoding),
        example("chunked twice in one line", "Transfer-Encoding: chunked, chunked\r\n", .chunkedNotFinal),
        example("identity", "Transfer-Encoding: identity\r\n", .chunkedNotFinal),
        example("chunked, identity", "Transfer-Encoding: chunked, identity\r\n", .chunkedNotFinal),
        example("identity, chunked", "Transfer-Encoding: identity, chunked\r\n", .unsupportedTransferCoding),
        example("gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n", .unsupportedTransferCoding),
        example("gzip", "Transfer-Encoding: gzip\r\n", .chunkedNotFinal),
        example("xchunked", "Transfer-Encoding: xchunked\r\n", .chunkedNotFinal),
        example("chunkedx", "Transfer-Encoding: chunkedx\r\n", .chunkedNotFinal),
        example("chunked with a parameter", "Transfer-Encoding: chunked;q=1\r\n", .chunkedNotFinal),
        example("chunked in quotes", "Transfer-Encoding: \"chunked\"\r\n", .chunkedNotFinal),
        example("chunked and a comma", "Transfer-Encoding: chunked,\r\n", .chunkedNotFinal),
        example("a comma and chunked", "Transfer-Encoding: , chunked\r\n", .chunkedNotFinal),
        example("two words", "Transfer-Encoding: x chunked\r\n", .chunkedNotFinal),
        example("no coding", "Transfer-Encoding:\r\n", .chunkedNotFinal),
        example("a coding beyond ASCII", "Transfer-Encoding: ſhunked\r\n", .chunkedNotFinal),
        example("a vertical tab before chunked", "Transfer-Encoding: \u{b}chunked\r\n", .malformedFieldValue),
        example("a NUL after chunked", "Transfer-Encoding: chunked\u{0}\r\n", .malformedFieldValue),
        example("a blank before the colon", "Transfer-Encoding : chunked\r\n", .whitespaceBeforeColon),
        example("a tab before the colon", "Transfer-Encoding\t: chunked\r\n", .whitespaceBeforeColon),
        example("a blank before the name", " Transfer-Encoding: chunked\r\n", .lineFolding),
        example("a folded coding", "Transfer-Encoding:\r\n chunked\r\n", .lineFolding),
        example("hidden behind a bare LF", "X: y\nTransfer-Encoding: chunked\r\n", .bareLineFeed),
        example("hidden behind a bare CR", "X: y\rTransfer-Encoding: chunked\r\n", .bareCarriageReturn),
        example("chunked in HTTP/1.0", "Transfer-Encoding: chunked\r\n", .transferEncodingInHTTP10, version: "1.0"),
        example("a length twice", "Content-Length: 5\r\nContent-Length: 5\r\n", .repeatedContentLength),
        example("two lengths", "Content-Length: 5\r\ncontent-length: 6\r\n", .repeatedContentLength),
        example("a listed length", "Content-Length: 5, 5\r\n", .malformedContentLength),
        example("a length and a comma", "Content-Length: 5,\r\n", .malformedContentLength),
        example("no length", "Content-Length:\r\n", .malformedContentLength),
        example("a signed length", "Content-Length: +5\r\n", .malformedContentLength),
        example("a negative length", "Content-Length: -5\r\n", .malformedContentLength),
        example("minus zero", "Content-Length: -0\r\n", .malformedContentLength),
        example("a hexadecimal length", "Content-Length: 0x5\r\n", .malformedContentLength),
        example("hexadecimal digits", "Content-Length: a\r\n", .malformedContentLength),
        example("a fraction", "Content-Length: 5.0\r\n", .malformedContentLength),
        example("an exponent", "Content-Length: 1e1\r\n", .malformedContentLength),
        example("an underscore", "Content-Length: 1_0\r\n", .malformedContentLength),
        example("blanks between digits", "Content-Length: 5 5\r\n", .malformedContentLength),
        example("a length in quotes", "Content-Length: \"5\"\r\n", .malformedContentLength),
        example("digits beyond ASCII", "Content-Length: ５\r\n", .malformedContentLength),
        example("a length over 2⁶³", "Content-Length: 9223372036854775808\r\n", .contentLengthOverflow),
        example("a length over 2⁶⁴", "Content-Length: 18446744073709551621\r\n", .contentLengthOverflow),
        example(
            "a length of 400 digits", "Content-Length: \(String(repeating: "9", count: 400))\r\n",
            .contentLengthOverflow),
        example("a blank before the colon of a length", "Content-Length : 5\r\n", .whitespaceBeforeColon),
    ]

    @Test(arguments: ambiguous)
    func refuses(_ example: Case) {
        #expect(requests(example.wire) == [.error(example.error)])
    }

    @Test("each refusal is answered 400, or 501 where a coding is merely unknown", arguments: ambiguous)
    func answers(_ example: Case) {
        #expect(example.error.status == (example.error == .unsupportedTransferCoding ? .notImplemented : .badRequest))
    }

    @Test(arguments: [
        ("Content-Length: 0\r\n", " length=0"), ("Content-Length:\t007 \r\n", " length=7"),
        ("Transfer-Encoding: Chunked\r\n", " chunked"),
        ("transfer-encoding:chunked\r\n", " chunked"), ("", ""), ("Transfer-Encodings: x\r\nContent-Lengt: y\r\n", ""),
        ("Content-Length: 9223372036854775807\r\n", " length=9223372036854775807"),
    ])
    func takes(fields: String, framing: String) throws {
        let entries = requests("POST / HTTP/1.1\r\nHost: x\r\n\(fields)\r\n", maximumBodyLength: .max)
        #expect(entries.first == .head("POST / @x\(framing)"))
    }
}
