import Bytes
import Testing

@testable import HTTP1

@Suite struct RequestParserTests {
    @Test func readsASmallRequest() {
        #expect(requests("GET /scores HTTP/1.1\r\nHost: x\r\n\r\n") == [.head("GET /scores @x"), .end])
    }

    @Test func readsAPipelineOfMany() {
        let one =
            "GET /a?b HTTP/1.1\r\nHost: x\r\n\r\nPOST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
            + "PUT /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        let expected: [Entry] = [
            .head("GET /a?b @x"), .end, .head("POST /p @x length=5"), .body("hello"), .end,
            .head("PUT /c @x chunked"), .body("abcde"), .end,
        ]
        let pipeline = String(repeating: one, count: 20)
        #expect(requests(pipeline) == Array(repeating: expected, count: 20).flatMap { $0 })
    }

    @Test func givesOffsetsIntoTheBytesOfTheCall() throws {
        let bytes = Array(
            "\r\nPOST /scores?x=1&y HTTP/1.1\r\nHost: a\r\ncontent-TYPE: \t json \t\r\nOrigin:\r\n\r\nrest".utf8)
        let parser = RequestParser()
        let event = try parser.next(bytes.span)
        #expect(event == .head(consumed: bytes.count - 4))
        let head = parser.head
        func text(_ range: Range<Int>?) -> String? { range.map { String(decoding: bytes[$0], as: UTF8.self) } }
        #expect(head.method == .post)
        #expect(text(head.methodToken) == "POST")
        #expect(text(head.target) == "/scores?x=1&y")
        #expect(text(head.path) == "/scores")
        #expect(text(head.query) == "x=1&y")
        #expect(text(head.authority) == "a")
        #expect(head.fieldCount == 3)
        #expect(text(parser.value(of: .contentType)) == "json")
        #expect(text(parser.value(of: .origin)) == "")
        #expect(text(parser.value(of: .expect)) == nil)
        #expect(text(head.fields) == "Host: a\r\ncontent-TYPE: \t json \t\r\nOrigin:\r\n\r\n")
    }

    @Test func forgetsTheFieldsOfTheRequestBefore() throws {
        let first = Array("GET / HTTP/1.1\r\nHost: a\r\nOrigin: o\r\nOrigin: p\r\nConnection: close\r\n\r\n".utf8)
        let second = Array("GET / HTTP/1.1\r\nHost: b\r\n\r\n".utf8)
        let parser = RequestParser()
        _ = try parser.next(first.span)
        let isRepeated = (parser.isRepeated(.origin), parser.isRepeated(.host))
        #expect(isRepeated == (true, false))
        let value = parser.value(of: .origin).map { String(decoding: first[$0], as: UTF8.self) }
        #expect(value == "o", "the first of several")
        let firstStays = parser.head.keepAlive
        #expect(!firstStays)
        let none: [UInt8] = []
        let end = try parser.next(none.span)
        #expect(end == .end(consumed: 0))
        _ = try parser.next(second.span)
        let origin = parser.value(of: .origin)
        #expect(origin == nil)
        let isStillRepeated = parser.isRepeated(.origin)
        #expect(!isStillRepeated)
        let secondStays = parser.head.keepAlive
        #expect(secondStays)
    }

    @Test func saysWhetherARequestIsUnderWay() throws {
        let parser = RequestParser()
        let none: [UInt8] = []
        var seen: [Bool] = [parser.isInRequest]
        let empty = try parser.next(Array("\r\n\r".utf8).span)
        #expect(empty == .needMore(consumed: 3))
        seen.append(parser.isInRequest)
        let begun = try parser.next(Array("\nG".utf8).span)
        #expect(begun == .needMore(consumed: 0))
        seen.append(parser.isInRequest)
        _ = try parser.next(Array("\nGET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8).span)
        seen.append(parser.isInRequest)
        _ = try parser.next(none.span)
        seen.append(parser.isInRequest)
        #expect(seen == [false, false, true, true, false], "empty lines are no request")
    }

    @Test("RFC 9112 §2.2: a few empty lines before a request are passed over")
    func passesOverEmptyLines() {
        #expect(requests("\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n") == [.head("GET / @x"), .end])
        let afterForm = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"
        #expect(requests(afterForm) == [.head("POST / @x length=1"), .body("a"), .end, .head("GET / @x"), .end])
    }

    @Test(
        "RFC 9112 §9.3: who stays",
        arguments: [
            ("1.1", "", true), ("1.1", "Connection: close\r\n", false), ("1.1", "Connection: keep-alive\r\n", true),
            ("1.1", "Connection: foo, CLOSE ,bar\r\n", false),
            ("1.1", "connection: foo\r\nCONNECTION: ,close,\r\n", false),
            ("1.1", "Connection: closed\r\n", true), ("1.1", "Connection: keep-alive, close\r\n", false),
            ("1.0", "", false), ("1.0", "Connection: Keep-Alive\r\n", true),
            ("1.0", "Connection: close, keep-alive\r\n", false),
            ("1.7", "", true), ("1.2", "Connection: close\r\n", false),
        ])
    func decidesAboutKeepAlive(version: String, fields: String, keepAlive: Bool) throws {
        let bytes = Array("GET / HTTP/\(version)\r\nHost: x\r\n\(fields)\r\n".utf8)
        let parser = RequestParser()
        _ = try parser.next(bytes.span)
        let found = parser.head.keepAlive
        #expect(found == keepAlive)
    }

    @Test("HTTP/1.0 needs no Host, and never waits for 100 (RFC 9110 §10.1.1)")
    func readsHTTP10() {
        #expect(requests("GET / HTTP/1.0\r\n\r\n") == [.head("GET / 1.0 close"), .end])
        #expect(
            requests("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nab")
                == [.head("POST / 1.0 length=2 close"), .body("ab"), .end])
    }

    @Test("RFC 9110 §10.1.1: 100-continue, whatever its case")
    func noticesExpectations() {
        #expect(
            requests("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\na")
                == [.head("POST / @x length=1 continue"), .body("a"), .end])
    }

    @Test(
        "RFC 6455 §4.2.1: what asks for a WebSocket",
        arguments: [
            ("GET", "1.1", "Connection: Upgrade\r\nUpgrade: WebSocket\r\n", true),
            ("GET", "1.1", "Connection: keep-alive, upgrade\r\nUpgrade: foo/2, websocket\r\n", true),
            ("GET", "1.1", "Upgrade: websocket\r\nConnection: keep-alive\r\nConnection: UPGRADE\r\n", true),
            ("POST", "1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n", false),
            ("GET", "1.0", "Connection: Upgrade\r\nUpgrade: websocket\r\n", false),
            ("GET", "1.1", "Upgrade: websocket\r\n", false),
            ("GET", "1.1", "Connection: Upgrade\r\n", false),
            ("GET", "1.1", "Connection: Upgrade\r\nUpgrade: websockets\r\n", false),
        ])
    func noticesUpgrades(method: String, version: String, fields: String, isUpgrade: Bool) throws {
        let bytes = Array("\(method) /ws HTTP/\(version)\r\nHost: x\r\n\(fields)\r\n".utf8)
        let parser = RequestParser()
        _ = try parser.next(bytes.span)
        let found = parser.head.isWebSocketUpgrade
        #expect(found == isUpgrade)
    }

    @Test(arguments: [
        ("GET", HTTP1.Method.get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("DELETE", .delete),
        ("OPTIONS", .options), ("TRACE", .trace), ("PATCH", .patch), ("get", .other), ("GETS", .other),
        ("M-SEARCH", .other),
        ("QUERY", .other), ("!#$%&'*+-.^_`|~09", .other),
    ])
    func namesMethods(name: String, method: HTTP1.Method) throws {
        let bytes = Array("\(name) / HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
        let parser = RequestParser()
        _ = try parser.next(bytes.span)
        let found = parser.head.method
        #expect(found == method)
    }

    static let malformedLines: [Case] = [
        Case("three empty lines", "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", .tooManyEmptyLines),
        Case("an empty line ended by a bare LF", "\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", .bareLineFeed),
        Case("a bare CR before the request", "\rGET / HTTP/1.1\r\nHost: x\r\n\r\n", .bareCarriageReturn),
        Case("a blank before the request", " GET / HTTP/1.1\r\nHost: x\r\n\r\n", .malformedRequestLine),
        Case("a TLS hello", bytes: [0x16, 3, 1, 2, 0, 1, 0], .malformedMethod),
        Case("a method with a parenthesis", "G(T / HTTP/1.1\r\nHost: x\r\n\r\n", .malformedMethod),
        Case("a method with a NUL", "GE\u{0}T / HTTP/1.1\r\nHost: x\r\n\r\n", .malformedMethod),
        Case("a tab for a space", "GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n", .malformedMethod),
        Case("a method alone", "GET\r\n\r\n", .malformedRequestLine),
        Case("a method alone, bare LF", "GET\n\n", .bareLineFeed),
        Case("a method of 33 bytes", String(repeating: "M", count: 33) + " / HTTP/1.1\r\n", .methodTooLong),
        Case("two spaces", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", .malformedRequestLine),
        Case("no target", "GET HTTP/1.1\r\nHost: x\r\n\r\n", .malformedRequestLine),
        Case("HTTP/0.9", "GET /\r\n", .malformedRequestLine),
        Case("HTTP/0.9, bare LF", "GET /\n", .bareLineFeed),
        Case("a space in the target", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", .malformedVersion),
        Case("two spaces before the version", "GET /  HTTP/1.1\r\nHost: x\r\n\r\n", .malformedVersion),
        Case("a tab before the version", "GET /\tHTTP/1.1\r\nHost: x\r\n\r\n", .malformedTarget),
        Case("a blank after the version", "GET / HTTP/1.1 \r\nHost: x\r\n\r\n", .malformedVersion),
        Case("junk after the version", "GET / HTTP/1.1x\r\nHost: x\r\n\r\n", .malformedVersion),
        Case("two digits", "GET / HTTP/1.10\r\nHost: x\r\n\r\n", .malformedVersion),
        Case("no minor version", "GET / HTTP/1\r\nHost: x\r\n\r\n", .malformedVersion),
        Case("a small http", "GET / http/1.1\r\nHost: x\r\n\r\n", .malformedVersion),
        Case("another protocol", "GET / ICY/1.1\r\nHost: x\r\n\r\n", .malformedVersion),
        Case("a request line ended by a bare LF", "GET / HTTP/1.1\nHost: x\r\n\r\n", .bareLineFeed),
        Case("a request line ended by a bare CR", "GET / HTTP/1.1\rHost: x\r\n\r\n", .bareCarriageReturn),
        Case("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .unsupportedVersion),
        Case("HTTP/0.9 by name", "GET / HTTP/0.9\r\n\r\n", .unsupportedVersion),
        Case("HTTP/3.7", "GET / HTTP/3.7\r\nHost: x\r\n\r\n", .unsupportedVersion),
        Case("an unknown expectation", "GET / HTTP/1.1\r\nHost: x\r\nExpect: 200-ok\r\n\r\n", .unknownExpectation),
        Case(
            "one known and one unknown expectation",
            "GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nExpect: cake\r\n\r\n", .unknownExpectation),
        Case("an empty expectation", "GET / HTTP/1.1\r\nHost: x\r\nExpect:\r\n\r\n", .unknownExpectation),
        Case("no Host", "GET / HTTP/1.1\r\nAccept: x\r\n\r\n", .missingHost),
        Case("no field at all", "GET / HTTP/1.1\r\n\r\n", .missingHost),
        Case("two Hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", .repeatedHost),
        Case("two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: x\r\nhost: y\r\n\r\n", .repeatedHost),
        Case("a list of Hosts", "GET / HTTP/1.1\r\nHost: x, y\r\n\r\n", .malformedHost),
        Case("a Host with a path", "GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", .malformedHost),
        Case("a Host with user information", "GET / HTTP/1.1\r\nHost: u@x\r\n\r\n", .malformedHost),
        Case("a Host with a port that is none", "GET / HTTP/1.1\r\nHost: x:8o\r\n\r\n", .malformedHost),
        Case("a Host with two ports", "GET / HTTP/1.1\r\nHost: x:8:8\r\n\r\n", .malformedHost),
        Case("a Host with half a bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", .malformedHost),
        Case("a Host beyond ASCII", "GET / HTTP/1.1\r\nHost: ö\r\n\r\n", .malformedHost),
    ]

    @Test(arguments: malformedLines)
    func refuses(_ example: Case) {
        #expect(requests(example.wire) == [.error(example.error)])
    }

    @Test(
        "RFC 9112 §3.2: hosts that are fine",
        arguments: ["", "x:", "x:8000", "[::1]", "[::1]:8000", "127.0.0.1", "a_b.c~%20"])
    func takesHosts(host: String) {
        #expect(requests("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n") == [.head("GET / @\(host)"), .end])
    }

    @Test func whatFollowsAnErrorIsNoRequest() {
        let good = "GET /good HTTP/1.1\r\nHost: x\r\n\r\n"
        #expect(
            requests(good + "GET / HTTP/1.1\nHost: x\r\n\r\n" + good) == [
                .head("GET /good @x"), .end, .error(.bareLineFeed),
            ])
    }

    @Test func aTargetMayFillItsLimit() {
        let target = "/" + String(repeating: "a", count: 8 * 1024 - 1)
        #expect(requests("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n") == [.head("GET \(target) @x"), .end])
        // Decided at the first byte that is too many, not at an end that may never come.
        #expect(requests("GET \(target)a") == [.error(.targetTooLong)])
        #expect(requests("GET /?\(target)") == [.error(.targetTooLong)])
        #expect(requests("GET \(target)") == [.rest(4 + 8 * 1024)])
    }

    @Test func aHeadMayFillItsLimit() {
        let before = "GET / HTTP/1.1\r\nHost: x\r\nA: "
        let value = String(repeating: "b", count: 64 * 1024 - before.utf8.count - 4)
        #expect(requests(before + value + "\r\n\r\n") == [.head("GET / @x"), .end])
        #expect(
            requests("\r\n" + before + value + "\r\n\r\n") == [.head("GET / @x"), .end], "empty lines are not counted")
        #expect(requests(before + value + "b\r\n\r\n") == [.error(.headTooLarge)])
        #expect(requests(before + value + "bbbb") == [.error(.headTooLarge)], "an end that never comes")
        #expect(requests(before + value + "bbb") == [.rest(64 * 1024 - 1)])
    }

    @Test func thereMayBeAHundredFields() {
        let fields = String(repeating: "a: b\r\n", count: 99)
        #expect(requests("GET / HTTP/1.1\r\nHost: x\r\n\(fields)\r\n") == [.head("GET / @x"), .end])
        #expect(requests("GET / HTTP/1.1\r\nHost: x\r\n\(fields)c") == [.error(.tooManyFields)])
    }

    @Test func contentIsHeldToTheLimitOfItsRoute() {
        let head = "POST / HTTP/1.1\r\nHost: x\r\n"
        #expect(
            requests(head + "Content-Length: 5\r\n\r\nhello", maximumBodyLength: 5)
                == [.head("POST / @x length=5"), .body("hello"), .end])
        #expect(
            requests(head + "Content-Length: 6\r\n\r\n", maximumBodyLength: 5)
                == [.head("POST / @x length=6"), .error(.contentTooLarge)], "before any of it")
        #expect(
            requests(head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\n", maximumBodyLength: 5)
                == [.head("POST / @x chunked"), .body("abc"), .error(.contentTooLarge)])
        #expect(
            requests(head + "Content-Length: 1048577\r\n\r\n") == [
                .head("POST / @x length=1048577"), .error(.contentTooLarge),
            ])
        #expect(
            requests(head + "Content-Length: 1048577\r\n\r\n", maximumBodyLength: 2 << 20)
                == [.head("POST / @x length=1048577")])
        var limits = Limits()
        limits.body = 0
        #expect(
            requests(
                head + "Content-Length: 0\r\n\r\n" + head + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                limits: limits)
                == [.head("POST / @x length=0"), .end, .head("POST / @x chunked"), .end])
    }

    @Test("a dripping client costs each byte once: the parser does not begin anew")
    func doesNotRescan() throws {
        // Bytes that were looked at are changed behind the parser's back; it must not notice. (Host is read at the end.)
        var bytes = Array("GET /abc HTTP/1.1\r\nHost: x\r\nOther: value".utf8)
        let parser = RequestParser()
        let waiting = try parser.next(bytes.span)
        #expect(waiting == .needMore(consumed: 0))
        for index in bytes.indices where bytes[index] != UInt8(ascii: "x") { bytes[index] = 0 }
        bytes += Array("\r\n\r\n".utf8)
        let event = try parser.next(bytes.span)
        #expect(event == .head(consumed: bytes.count))
    }
}
