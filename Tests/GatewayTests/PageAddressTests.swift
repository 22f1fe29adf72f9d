import Testing

@testable import Gateway

@Suite struct PageAddressTests {
    @Test(arguments: [
        ("https://feed.example", "https://feed.example"),
        ("http://ada:secret@feed.example:8080/live/", "http://feed.example:8080/live"),
        ("http://token@feed.example", "http://feed.example"),
        ("https://feed.example/a@b", "https://feed.example/a@b"),
    ]) func noLoginIsShown(text: String, shown: String) throws {
        #expect(try HTTPURL(text).withoutLogin == shown)
    }
}
