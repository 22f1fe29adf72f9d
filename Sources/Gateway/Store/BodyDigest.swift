import COpenSSL

/// SHA-256 of a body that comes in pieces: what tells two requests with one Idempotency-Key apart.
final class BodyDigest {
    private let context: OpaquePointer

    init() {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            preconditionFailure("libcrypto has no SHA-256, or there is no memory")
        }
        self.context = context
    }

    deinit {
        EVP_MD_CTX_free(context)
    }

    func update(_ piece: Span<UInt8>) {
        piece.withUnsafeBytes { _ = EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
    }

    /// The 32 bytes; once.
    func finish() -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { bytes, count in
            var length: UInt32 = 0
            _ = EVP_DigestFinal_ex(context, bytes.baseAddress, &length)
            count = Int(length)
        }
    }
}
