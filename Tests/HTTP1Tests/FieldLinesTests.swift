import Bytes
import Testing

@testable import HTTP1

@Suite struct FieldLinesTests {
    static let malformed: [Case] = [
        Case("a blank before the colon", "Host : x\r\n", .whitespaceBeforeColon),
        Case("a tab before the colon", "Host\t: x\r\n", .whitespaceBeforeColon),
        Case("no colon", "Host\r\n", .missingColon),
        Case("words without a colon", "no colon here\r\n", .whitespaceBeforeColon),
        Case("no name", ": x\r\n", .emptyFieldName),
        Case("a name in quotes", "\"Host\": x\r\n", .malformedFieldName),
        Case("a name with a parenthesis", "Ho(st: x\r\n", .malformedFieldName),
        Case("a name with a NUL", "Ho\u{0}st: x\r\n", .malformedFieldName),
        Case("a name beyond ASCII", "Hést: x\r\n", .malformedFieldName),
        Case("a name with a DEL", "Ho\u{7f}st: x\r\n", .malformedFieldName),
        Case("a folded line", "A: b\r\n c\r\n", .lineFolding),
        Case("a line folded by a tab", "A: b\r\n\tc\r\n", .lineFolding),
        Case("a blank before the first field", " Host: x\r\n", .lineFolding),
        Case("a blank line of blanks", "A: b\r\n \r\n", .lineFolding),
        Case("a value with a NUL", "A: b\u{0}c\r\n", .malformedFieldValue),
        Case("a value with a vertical tab", "A: \u{b}chunked\r\n", .malformedFieldValue),
        Case("a value with a form feed", "A: b\u{c}\r\n", .malformedFieldValue),
        Case("a value with an escape", "A: \u{1b}[2J and so on and on\r\n", .malformedFieldValue),
        Case("a value with a DEL", "A: b\u{7f}\r\n", .malformedFieldValue),
        Case("a bare CR in a value", "A: b\rc: d\r\n", .bareCarriageReturn),
        Case("two CRs", "A: b\r\r\n", .bareCarriageReturn),
        Case("a bare LF after a value", "A: b\nc: d\r\n", .bareLineFeed),
        Case("a bare LF in a long value", "A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nb\r\n", .bareLineFeed),
        Case("a bare LF in a name", "A\nb: c\r\n", .bareLineFeed),
        Case("an end by a bare LF", "A: b\r\n\n", .bareLineFeed),
        Case("an end by a bare CR", "A: b\r\n\rX", .bareCarriageReturn),
    ]

    @Test("RFC 9112 §5: refused in a head", arguments: malformed)
    func refuses(_ example: Case) {
        #expect(
            requests(Array("GET / HTTP/1.1\r\n".utf8) + example.wire + Array("Host: x\r\n\r\n".utf8)) == [
                .error(example.error)
            ])
        #expect(
            requests(Array("GET / HTTP/1.1\r\nHost: x\r\n".utf8) + example.wire + Array("\r\n".utf8)) == [
                .error(example.error)
            ])
    }

    @Test("RFC 9112 §7.1.2: refused in a trailer section", arguments: malformed)
    func refusesInTrailers(_ example: Case) {
        let head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
        #expect(
            requests(Array(head.utf8) + example.wire + Array("\r\n".utf8))
                == [.head("POST / @x chunked"), .error(example.error)])
    }

    @Test("refused in a response", arguments: malformed)
    func refusesInResponses(_ example: Case) {
        let bytes = Array("HTTP/1.1 200 OK\r\n".utf8) + example.wire + Array("\r\n".utf8)
        let entries = everyChunking(bytes) { responseTranscript(bytes, cuts: $0) }
        #expect(entries == [.error(example.error)])
    }

    @Test func walksOverAllLines() throws {
        let bytes = Array(
            "GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: a\r\nb:\r\nx-forwarded-for:\tb, c \t \r\nC: \u{e9} d\t\te\r\n\r\n"
                .utf8)
        let parser = RequestParser()
        _ = try parser.next(bytes.span)
        var lines = FieldLines(parser.head.fields)
        var seen: [String] = []
        while let line = lines.next(bytes.span) {
            seen.append(
                String(decoding: bytes[line.name], as: UTF8.self) + "|"
                    + String(decoding: bytes[line.value], as: UTF8.self))
        }
        #expect(seen == ["Host|x", "X-Forwarded-For|a", "b|", "x-forwarded-for|b, c", "C|é d\t\te"])
        var forwarded = FieldLines(parser.head.fields)
        var values: [String] = []
        while let value = forwarded.next("x-forwarded-for", bytes.span) {
            values.append(String(decoding: bytes[value], as: UTF8.self))
        }
        #expect(values == ["a", "b, c"])
    }

    @Test("every known name is found, in any case, and none besides")
    func findsKnownNames() {
        let names: [(String, FieldName)] = [
            ("Host", .host), ("Connection", .connection), ("Content-Length", .contentLength),
            ("Transfer-Encoding", .transferEncoding), ("Content-Type", .contentType), ("Expect", .expect),
            ("Upgrade", .upgrade), ("Accept", .accept), ("Accept-Encoding", .acceptEncoding),
            ("Authorization", .authorization), ("Idempotency-Key", .idempotencyKey), ("If-None-Match", .ifNoneMatch),
            ("Last-Event-ID", .lastEventID), ("Origin", .origin), ("User-Agent", .userAgent),
            ("Sec-WebSocket-Key", .secWebSocketKey), ("Sec-WebSocket-Version", .secWebSocketVersion),
            ("Sec-WebSocket-Protocol", .secWebSocketProtocol), ("Sec-WebSocket-Extensions", .secWebSocketExtensions),
            ("X-Forwarded-For", .xForwardedFor), ("X-Forwarded-Proto", .xForwardedProto),
            ("X-Forwarded-Host", .xForwardedHost), ("Access-Control-Request-Method", .accessControlRequestMethod),
            ("Access-Control-Request-Headers", .accessControlRequestHeaders),
            ("Sec-WebSocket-Accept", .secWebSocketAccept), ("Retry-After", .retryAfter), ("ETag", .etag),
            ("Location", .location),
        ]
        #expect(names.count == FieldName.allCases.count)
        let known = KnownFields()
        for (name, field) in names {
            for spelling in [name, name.lowercased(), name.uppercased()] {
                let found = FieldName(Array(spelling.utf8).span)
                #expect(found == field, "\(spelling)")
            }
            // One bit off in any byte is another name, or none.
            for index in name.utf8.indices {
                var bytes = Array(name.utf8)
                bytes[name.utf8.distance(from: name.utf8.startIndex, to: index)] ^= 2
                let found = FieldName(bytes.span)
                #expect(found == nil, "\(bytes)")
            }
            let line = Array("\(name): v\r\n".utf8)
            var parser = FieldLineParser()
            parser.begin(at: 0)
            _ = try? parser.next(line.span, to: line.count, maximum: 1)
            known.record(parser, line.span)
            let value = known.value(of: field)
            #expect(value == name.utf8.count + 2..<name.utf8.count + 3)
        }
    }

    @Test("eight bytes a step finds what one byte a step finds")
    func findsTheEndOfAValue() {
        for byte in UInt8.min...UInt8.max {
            for length in [1, 7, 8, 9, 16, 23] {
                for place in 0..<length {
                    for filler: UInt8 in [0x20, 0x61, 0x80, 0xff, 0x09] {
                        var bytes = [UInt8](repeating: filler, count: length)
                        bytes[place] = byte
                        let isValue = byte == 9 || byte >= 0x20 && byte != 0x7f
                        let end = bytes.span.endOfFieldValue(from: 0, to: length)
                        #expect(end == (isValue ? length : place))
                    }
                }
            }
        }
    }

    @Test("RFC 9110 §5.6.2: tchar, and nothing else")
    func knowsTokens() {
        let token = Set("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
        for byte in UInt8.min...UInt8.max {
            #expect(Octet.is(byte, Octet.token) == token.contains(byte))
            #expect(Octet.is(byte, Octet.fieldValue) == (byte == 9 || byte >= 0x20 && byte != 0x7f))
            #expect(Octet.is(byte, Octet.target) == (0x21...0x7e ~= byte && byte != 0x23 && byte != 0x3f))
        }
    }
}
