import Bytes
import Testing

@testable import HTTP1

@Suite struct RequestTargetTests {
    @Test(
        "RFC 9112 §3.2: the forms",
        arguments: [
            ("GET", "/", "GET / @h"), ("GET", "/a/b?c=d", "GET /a/b?c=d @h"), ("GET", "/?", "GET /? @h"),
            ("GET", "/a?b?c/d", "GET /a?b?c/d @h"), ("GET", "//x", "GET //x @h"),
            ("GET", "/\"<>\\^`{|}", "GET /\"<>\\^`{|} @h"),
            ("GET", "http://example.com/a?b", "GET /a?b @example.com"), ("POST", "HTTPS://e:8000/", "POST / @e:8000"),
            ("GET", "http://e", "GET / @e"), ("GET", "http://[::1]:80?q", "GET /?q @[::1]:80"),
            ("GET", "http://e?/a", "GET /?/a @e"),
            ("OPTIONS", "*", "OPTIONS * @h"), ("OPTIONS", "/a", "OPTIONS /a @h"),
        ])
    func takes(method: String, target: String, head: String) {
        #expect(requests("\(method) \(target) HTTP/1.1\r\nHost: h\r\n\r\n") == [.head(head), .end])
    }

    @Test(
        "refused",
        arguments: [
            ("GET", "/a#b", HTTPError.fragmentInTarget), ("GET", "/a?b#c", .fragmentInTarget),
            ("GET", "#", .fragmentInTarget),
            ("GET", "/é", .malformedTarget), ("GET", "/a?\u{7f}", .malformedTarget),
            ("GET", "/\u{0}", .malformedTarget),
            ("GET", "/a\u{b}", .malformedTarget), ("GET", "/a\rb", .malformedRequestLine),
            ("GET", "/a\nb", .bareLineFeed),
            ("GET", "*", .unsuitableTargetForm), ("OPTIONS", "*a", .unsuitableTargetForm),
            ("OPTIONS", "*?a", .unsuitableTargetForm),
            ("GET", "a/b", .unsuitableTargetForm), ("GET", "?a", .unsuitableTargetForm),
            ("GET", "ftp://e/", .unsuitableTargetForm),
            ("GET", "http:/e/", .unsuitableTargetForm), ("GET", "e:443", .unsuitableTargetForm),
            ("GET", "http://", .malformedAuthority), ("GET", "http:///a", .malformedAuthority),
            ("GET", "http://:80/", .malformedAuthority), ("GET", "http://u@e/", .malformedAuthority),
            ("GET", "http://u:p@e/", .malformedAuthority), ("GET", "http://e:8x/", .malformedAuthority),
            ("GET", "http://[]/", .malformedAuthority), ("GET", "http://a]b/", .malformedAuthority),
            ("CONNECT", "e:443", .connectNotSupported), ("CONNECT", "[::1]:443", .connectNotSupported),
            ("CONNECT", "e", .malformedAuthority), ("CONNECT", "e:", .malformedAuthority),
            ("CONNECT", ":443", .malformedAuthority),
            ("CONNECT", "/", .malformedAuthority), ("CONNECT", "http://e/", .malformedAuthority),
            ("CONNECT", "e:443?", .malformedAuthority),
        ])
    func refuses(method: String, target: String, error: HTTPError) {
        #expect(requests("\(method) \(target) HTTP/1.1\r\nHost: h\r\n\r\n") == [.error(error)])
    }

    @Test("a version that is not spoken is said before the target is looked into")
    func versionFirst() {
        #expect(requests("GET x HTTP/2.0\r\n\r\n") == [.error(.unsupportedVersion)])
    }

    @Test("an absolute-form target needs a Host as well, and overrides it")
    func absoluteFormAndHost() {
        #expect(requests("GET http://e/ HTTP/1.1\r\n\r\n") == [.error(.missingHost)])
        #expect(requests("GET http://e/ HTTP/1.1\r\nHost: a\r\nHost: e\r\n\r\n") == [.error(.repeatedHost)])
        #expect(requests("GET http://e/ HTTP/1.1\r\nHost: a b\r\n\r\n") == [.error(.malformedHost)])
    }
}

@Suite struct QueryParserTests {
    private func pairs(_ query: String) -> ([String], HTTPError?) {
        let bytes = Array("?\(query)".utf8)
        var buffer = ByteBuffer()
        var parser = QueryParser(1..<bytes.count)
        var seen: [String] = []
        do throws(HTTPError) {
            while let pair = try parser.next(bytes.span, into: &buffer) {
                seen.append(buffer.bytes.extracting(pair.name).text + "→" + buffer.bytes.extracting(pair.value).text)
            }
        } catch {
            return (seen, error)
        }
        return (seen, nil)
    }

    @Test(arguments: [
        ("", []), ("&&", []), ("limit=5", ["limit→5"]), ("a=1&b=2&a=3", ["a→1", "b→2", "a→3"]), ("a", ["a→"]),
        ("a=", ["a→"]), ("=b", ["→b"]), ("=", ["→"]), ("&a=b&", ["a→b"]), ("a=b=c", ["a→b=c"]),
        ("user=J%C3%B6rg+M%2b%26&%61=%3D", ["user→Jörg M+&", "a→="]), ("a=%00", ["a→\u{0}"]), ("a?b=c/d", ["a?b→c/d"]),
    ])
    func decodes(query: String, expected: [String]) {
        let (seen, error) = pairs(query)
        #expect(seen == expected)
        #expect(error == nil)
    }

    @Test(arguments: ["a=%", "a=%2", "a=%zz", "a=%2g", "%=b", "a=%%20", "a=%+1", "a=%2&b", "a%2=b"])
    func refusesBadEscapes(query: String) {
        let (seen, error) = pairs("ok=1&" + query)
        #expect(seen == ["ok→1"])
        #expect(error == .malformedEscape)
    }

    @Test("in a path, a plus is a plus")
    func leavesPlusAlone() throws {
        var buffer = ByteBuffer()
        try buffer.append(percentDecoding: Array("a+b%2Fc".utf8).span)
        let text = buffer.bytes.text
        #expect(text == "a+b/c")
    }
}
