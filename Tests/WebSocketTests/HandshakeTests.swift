import Bytes
import Testing
import WebSocket

@Suite struct HandshakeTests {
    @Test(arguments: [
        // RFC 6455, 1.3
        ("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        // Others, computed with Python's hashlib
        ("x3JJHMbDL1EzLkh9GBhXDw==", "HSmrc0sMlYUkAGmm5OPpG2HaGWk="),
        ("AAAAAAAAAAAAAAAAAAAAAA==", "ICX+Yqv66kxgM0FcWaLWlFLwTAI="),
    ])
    func answersAKey(key: String, answer: String) {
        let accepted = Handshake.acceptValue(key: Array(key.utf8).span)
        let text = accepted.span.text
        #expect(text == answer)
        let isValid = Handshake.isValid(acceptValue: Array(answer.utf8).span, key: Array(key.utf8).span)
        #expect(isValid)
    }

    @Test(arguments: [
        "", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo", "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=,",
    ])
    func refusesAWrongAnswer(answer: String) {
        let key = Array("dGhlIHNhbXBsZSBub25jZQ==".utf8)
        let isValid = Handshake.isValid(acceptValue: Array(answer.utf8).span, key: key.span)
        #expect(!isValid)
    }

    @Test(arguments: [
        ("dGhlIHNhbXBsZSBub25jZQ==", true), ("++++//////////////////==", true),
        // 4.2.1, 5: base64 of 16 bytes and nothing else
        ("", false), ("dGhlIHNhbXBsZSBub25jZQ", false), ("dGhlIHNhbXBsZSBub25jZQ=", false),
        ("dGhlIHNhbXBsZSBub25jZQ===", false), ("dGhlIHNhbXBsZSBub25jZQAA", false),
        ("dGhlIHNhbXBsZSBub25jZQA=", false), ("dGhlIHNhbXBsZSBub25jZ===", false),
        ("dGhlIHNhbXBsZSBub25j ZQ==", false), ("dGhlIHNhbXBsZSBub25j Q==", false),
        ("dGhlIHNhbXBsZSBub25j-_==", false), ("dGhlIHNhbXBsZSBub25jé==", false),
        ("=GhlIHNhbXBsZSBub25jZQ==", false), ("dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ==", false),
    ])
    func checksAKey(key: String, isValid: Bool) {
        let checked = Handshake.isValid(key: Array(key.utf8).span)
        #expect(checked == isValid)
    }

    @Test func makesAKeyOfANonce() {
        let nonce = Array("the sample nonce".utf8)
        let key = Handshake.key(nonce: [16 of UInt8] { nonce[$0] })
        let text = key.span.text
        #expect(text == "dGhlIHNhbXBsZSBub25jZQ==")
    }
}
