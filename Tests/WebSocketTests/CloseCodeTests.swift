import Testing
import WebSocket

@Suite struct CloseCodeTests {
    /// RFC 6455, 7.4.1 and 7.4.2, and the IANA registry (1012–1014).
    @Test func knowsWhatMayBeSent() {
        let allowed = Set(Array(1000...1003) + Array(1007...1014) + Array(3000...4999))
        for value in UInt16.min...UInt16.max {
            if CloseCode(rawValue: value).mayBeSent != allowed.contains(Int(value)) { Issue.record("\(value)") }
        }
    }
}
