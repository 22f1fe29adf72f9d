import COpenSSL

/// Why a TLS session, or the material for one, cannot be used. The text is OpenSSL's own.
public struct TLSError: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String
    /// The peer's certificate is not one we trust, or not for the host that was asked for: trying again is of no use.
    public let isUntrusted: Bool

    public init(_ description: String, isUntrusted: Bool = false) {
        self.description = description
        self.isUntrusted = isUntrusted
    }

    /// What OpenSSL says of the last call, which failed; its queue is empty afterwards.
    static func last(_ fallback: String) -> TLSError {
        let code = ERR_peek_error()
        defer { ERR_clear_error() }
        guard code != 0 else { return TLSError(fallback) }
        guard let reason = ERR_reason_error_string(code) else { return TLSError("\(fallback) (OpenSSL error \(code))") }
        return TLSError(String(cString: reason))
    }
}
