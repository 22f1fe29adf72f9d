import COpenSSL

/// The hash of a script or style that a page has in it, as its Content-Security-Policy names it (CSP Level 3, section
/// 2.3.1). Computed from the very bytes that are served, so that the two cannot disagree.
enum ContentHash {
    /// `sha256-` and the base64 of the SHA-256.
    static func source(of text: String) -> String {
        let digest = BodyDigest()
        digest.update(Array(text.utf8).span)
        let bytes = digest.finish()
        let base64 = [UInt8](unsafeUninitializedCapacity: 48) { output, count in
            count = Int(EVP_EncodeBlock(output.baseAddress, bytes, Int32(bytes.count)))
        }
        return "sha256-" + String(decoding: base64, as: UTF8.self)
    }
}
