import Testing

@testable import HTTPClient

@Suite struct HTTPRequestTests {
    private func refusal(_ request: HTTPRequest) -> HTTPClientError? {
        do throws(HTTPClientError) {
            try request.validate()
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: ["http://a", "https://a:8443/b?c", "HTTP://A/"])
    func takesWebAddresses(url: String) {
        #expect(refusal(HTTPRequest(.get, url)) == nil)
    }

    @Test(arguments: ["", "a", "//a", "file:///etc/passwd", "ftp://a", "httpx://a", "http://a\0.example/"])
    func takesNoOthers(url: String) {
        #expect(refusal(HTTPRequest(.get, url))?.reason == .invalidRequest)
    }

    @Test("a field cannot begin another one, RFC 9110 5.5", arguments: ["a\r\nX: b", "a\nb", "a\rb", "a\0b", "\u{7F}"])
    func refusesControlCharactersInValues(value: String) {
        let found = refusal(HTTPRequest(.get, "http://a", fields: [("Authorization", value)]))
        #expect(found?.reason == .invalidRequest)
        #expect(found?.text == "control character in the value of Authorization")
    }

    @Test("field-name is a token, RFC 9110 5.1", arguments: ["", "a b", "a:", "a\r\n", "ä"])
    func refusesBadNames(name: String) {
        #expect(refusal(HTTPRequest(.get, "http://a", fields: [(name, "b")]))?.reason == .invalidRequest)
    }

    @Test(arguments: [HTTPRequest.Deadline.total(.zero), .lowSpeed(bytesPerSecond: 0, time: .seconds(1))])
    func refusesToWaitForEver(deadline: HTTPRequest.Deadline) {
        #expect(refusal(HTTPRequest(.get, "http://a", deadline: deadline))?.reason == .invalidRequest)
    }
}
