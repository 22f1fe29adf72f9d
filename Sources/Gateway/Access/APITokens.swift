import Bytes
import COpenSSL

/// Who may write: Bearer tokens (RFC 6750). Several, so that one can be replaced while the other still works.
public struct APITokens: Sendable, Equatable {
    /// A short one could be guessed in the time in which a gateway answers some billion requests.
    static let shortest = 16
    static let longest = 256
    /// More are not tokens but users, and want a directory.
    static let most = 64

    /// SHA-256 of each. What is presented is compared by its hash: in a time that says nothing of how much of it is right,
    /// nor of its length.
    private let hashes: [[UInt8]]

    /// Tokens separated by commas, blanks or lines; nil when there is none, or one is too short, too long or has other
    /// characters than a token may have (RFC 6750 section 2.1: `b64token`).
    init?(_ text: String) {
        let tokens = text.split { $0 == "," || $0 == " " || $0 == "\n" || $0 == "\r\n" || $0 == "\t" }
        guard !tokens.isEmpty, tokens.count <= Self.most else { return nil }
        var hashes: [[UInt8]] = []
        for token in tokens {
            guard (Self.shortest...Self.longest).contains(token.utf8.count),
                token.utf8.allSatisfy({ Self.isTokenByte($0) })
            else { return nil }
            hashes.append(Self.hash(Array(token.utf8).span))
        }
        self.hashes = hashes
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "-._~+/=".utf8.contains(byte)
        }
    }

    private static func hash(_ bytes: Span<UInt8>) -> [UInt8] {
        let digest = BodyDigest()
        digest.update(bytes)
        return digest.finish()
    }

    /// Which token an `Authorization` field presents; nil when none of ours.
    /// - Parameter authorization: the value of the field: `Bearer`, in any case, blanks, the token.
    func match(_ authorization: Span<UInt8>) -> Int? {
        guard authorization.count > 7, authorization.extracting(0..<7).text.lowercased() == "bearer " else {
            return nil
        }
        var start = 7
        while start < authorization.count, authorization[start] == UInt8(ascii: " ") { start += 1 }
        let token = authorization.extracting(start..<authorization.count)
        guard token.count <= Self.longest else { return nil }
        let presented = Self.hash(token)
        var found: Int?
        // All of them, also after the right one.
        for (index, hash) in hashes.enumerated() where CRYPTO_memcmp(presented, hash, hash.count) == 0 { found = index }
        return found
    }
}
