import Testing

@testable import Bench

@Suite struct TargetTests {
    @Test(arguments: [
        ("http://localhost:8000", "localhost", 8000, "", "localhost:8000"),
        ("http://localhost:8000/", "localhost", 8000, "", "localhost:8000"),
        ("HTTP://scores.example/a/b/", "scores.example", 80, "/a/b", "scores.example"),
        ("ws://127.0.0.1:1", "127.0.0.1", 1, "", "127.0.0.1:1"),
        ("https://scores.example", "scores.example", 443, "", "scores.example"),
        ("wss://scores.example:8443", "scores.example", 8443, "", "scores.example:8443"),
        ("http://[::1]:8000/x", "[::1]", 8000, "/x", "[::1]:8000"),
    ]) func isRead(_ text: String, host: String, port: UInt16, prefix: String, authority: String) throws {
        let target = try Target(text)
        #expect(target.host == host && target.port == port && target.prefix == prefix)
        #expect(target.authority == authority)
        #expect((target.tls != nil) == ["https", "wss:/"].contains(text.prefix(5)))
    }

    @Test func anIPv6LiteralIsResolvedWithoutItsBrackets() throws {
        #expect(try Target("http://[::1]").resolvableHost == "::1")
    }

    @Test(arguments: [
        "", "localhost:8000", "ftp://localhost", "http://", "http://:80", "http://a:0", "http://a:65536",
        "http://a:b", "http://a/?q=1", "http://u@a", "file:///etc/passwd",
        "http://a/b c", "http://a/é", "http://a b/", "http://ä/", "http://a/\n",
    ]) func whatIsNoTargetIsRefused(_ text: String) {
        #expect(throws: Target.Invalid.self) { try Target(text) }
    }
}
