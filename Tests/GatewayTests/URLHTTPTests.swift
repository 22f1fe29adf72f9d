import Testing

@testable import Gateway

@Suite struct URLHTTPTests {
    @Test(arguments: [
        ("http://scores-service", "http://scores-service/scores", "scores-service", 80, ""),
        ("http://scores-service/", "http://scores-service/scores", "scores-service", 80, ""),
        ("https://h//", "https://h/scores", "h", 443, ""), ("HTTP://h", "http://h/scores", "h", 80, ""),
        ("https://slack.com/api", "https://slack.com/api/scores", "slack.com", 443, "/api"),
        ("https://slack.com/api/", "https://slack.com/api/scores", "slack.com", 443, "/api"),
        ("http://127.0.0.1:8000/a/b/", "http://127.0.0.1:8000/a/b/scores", "127.0.0.1", 8000, "/a/b"),
        ("http://[::1]:1", "http://[::1]:1/scores", "::1", 1, ""), ("http://h:", "http://h/scores", "h", 80, ""),
        ("http://u:p@h/", "http://u:p@h/scores", "h", 80, ""),
        ("http://u:p@ss@h/", "http://u:p%40ss@h/scores", "h", 80, ""),
    ])
    func reading(url: String, appended: String, host: String, port: UInt16, path: String) throws {
        let parsed = try HTTPURL(url)
        #expect(parsed.appending("/scores") == appended)
        #expect(parsed.host == host)
        #expect(parsed.port == port)
        #expect(parsed.path == path)
    }

    @Test(arguments: [
        "", "scores-service", "//h", "http:", "http://", "http:///x", "ftp://h", "ws://h", "http://h:0", "http://h:x",
        "http://h?x=y", "http://h/#x", "http://h#x", "http://h h", "http://h/ ", "http://h\r\nX: y", "http://a,b",
        "http://ü",
        "http://h/ü", "http://%2Ftmp",
    ])
    func refused(url: String) {
        #expect(throws: URLError.self) { try HTTPURL(url) }
    }

    @Test func display() throws {
        #expect(try HTTPURL("https://u:pw@h:1/a").description == "https://u:***@h:1/a")
        #expect(try HTTPURL("https://token@h").description == "https://***@h")
        #expect(try HTTPURL("https://h/").description == "https://h")
        #expect(try HTTPURL("https://@'r:@b//").description == "https://%40'r:***@b")
    }
}
