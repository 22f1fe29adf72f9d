import Bytes
import COpenSSL

/// The two values by which both ends know that the other one means WebSocket (RFC 6455, 1.3, 4.1 and 4.2).
/// The requests and answers around them are HTTP's matter.
public enum Handshake {
    /// `Sec-WebSocket-Version`: the only one there is.
    public static let version: StaticString = "13"

    /// Base64 of a nonce of 16 bytes.
    public typealias Key = [24 of UInt8]

    /// Base64 of a SHA-1 digest.
    public typealias AcceptValue = [28 of UInt8]

    private static let guid: StaticString = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    /// Whether a `Sec-WebSocket-Key` (without blanks around it) is base64 of 16 bytes, as 4.2.1 demands: 22 characters of
    /// the alphabet and two of padding. Bits of the last character that no byte needs are not looked at, as elsewhere.
    public static func isValid(key: Span<UInt8>) -> Bool {
        guard key.count == 24, key[22] == UInt8(ascii: "="), key[23] == UInt8(ascii: "=") else { return false }
        for index in 0..<22 where !key[index].isBase64 { return false }
        return true
    }

    /// The `Sec-WebSocket-Accept` that answers `key` (4.2.2, step 5.4).
    /// - Parameter key: one that `isValid(key:)`.
    public static func acceptValue(key: Span<UInt8>) -> AcceptValue {
        precondition(key.count == 24, "the key was not checked")
        var challenge = [60 of UInt8](repeating: 0)
        for index in 0..<24 { challenge[index] = key[index] }
        for index in 0..<36 { challenge[24 + index] = guid.utf8Start[index] }
        var digest = [20 of UInt8](repeating: 0)
        challenge.span.withUnsafeBufferPointer { text in
            var digest = digest.mutableSpan
            digest.withUnsafeMutableBufferPointer { _ = SHA1(text.baseAddress, text.count, $0.baseAddress) }
        }
        // EVP_EncodeBlock ends its text with a NUL.
        var text = [29 of UInt8](repeating: 0)
        digest.span.withUnsafeBufferPointer { digest in
            var text = text.mutableSpan
            text.withUnsafeMutableBufferPointer {
                _ = EVP_EncodeBlock($0.baseAddress, digest.baseAddress, Int32(digest.count))
            }
        }
        return AcceptValue { text[$0] }
    }

    /// A client's key.
    /// - Parameter nonce: 16 random bytes, new for each connection (4.1, step 7).
    public static func key(nonce: [16 of UInt8]) -> Key {
        var text = [25 of UInt8](repeating: 0)
        nonce.span.withUnsafeBufferPointer { nonce in
            var text = text.mutableSpan
            text.withUnsafeMutableBufferPointer {
                _ = EVP_EncodeBlock($0.baseAddress, nonce.baseAddress, Int32(nonce.count))
            }
        }
        return Key { text[$0] }
    }

    /// Whether a server's `Sec-WebSocket-Accept` (without blanks around it) answers the key the client sent (4.1).
    public static func isValid(acceptValue: Span<UInt8>, key: Span<UInt8>) -> Bool {
        guard acceptValue.count == 28 else { return false }
        let expected = Handshake.acceptValue(key: key)
        for index in 0..<28 where acceptValue[index] != expected[index] { return false }
        return true
    }
}

extension UInt8 {
    fileprivate var isBase64: Bool {
        switch self {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"): true
        default: false
        }
    }
}
