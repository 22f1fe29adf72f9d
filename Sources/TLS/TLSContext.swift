import COpenSSL
import Glibc

/// What sessions of one kind have in common: rules, and certificate or trust. Made once and never changed, so that every
/// thread may make sessions of it; a new certificate is a new context, and sessions keep the one they began with.
public final class TLSContext: Sendable, Equatable {
    public enum Trust: Sendable {
        /// The system's certificate authorities (`SSL_CERT_FILE` and `SSL_CERT_DIR` name others, as for every program
        /// that uses OpenSSL).
        case system
        /// Those of a PEM file.
        case file(String)
        /// Nobody is asked for: only to talk to oneself.
        case anybody
    }

    /// The SSL_CTX. OpenSSL counts its references atomically, and reading it from many threads is what it is for; as a
    /// number, for the compiler cannot know that.
    private let address: UInt
    let isServer: Bool

    var pointer: OpaquePointer {
        guard let pointer = OpaquePointer(bitPattern: address) else { preconditionFailure("made in init") }
        return pointer
    }

    /// For a server.
    /// - Parameters:
    ///   - certificateFile: PEM, the server's certificate first, then those between it and the root.
    ///   - keyFile: PEM, without a passphrase.
    /// - Throws: when either cannot be read, or they do not belong together. Reads files: not for a reactor's thread.
    public init(certificateFile: String, keyFile: String) throws(TLSError) {
        guard let context = copenssl_server_context() else { throw .last("no memory for TLS") }
        address = UInt(bitPattern: context)
        isServer = true
        try Self.readable(certificateFile)
        try Self.readable(keyFile)
        ERR_clear_error()
        guard SSL_CTX_use_certificate_chain_file(context, certificateFile) == 1 else {
            throw TLSError("\(certificateFile): no certificate in PEM: \(TLSError.last("unreadable"))")
        }
        guard SSL_CTX_use_PrivateKey_file(context, keyFile, SSL_FILETYPE_PEM) == 1 else {
            let reason = ERR_GET_REASON(ERR_peek_error())
            let error = TLSError.last("unreadable")
            throw reason == X509_R_KEY_VALUES_MISMATCH || reason == X509_R_KEY_TYPE_MISMATCH
                ? TLSError("\(keyFile): not the key of the certificate in \(certificateFile)")
                : TLSError("\(keyFile): no private key in PEM without a passphrase: \(error)")
        }
    }

    /// For a client, which checks whom it talks to.
    public init(trust: Trust) throws(TLSError) {
        guard let context = copenssl_client_context() else { throw .last("no memory for TLS") }
        address = UInt(bitPattern: context)
        isServer = false
        ERR_clear_error()
        switch trust {
        case .system:
            guard SSL_CTX_set_default_verify_paths(context) == 1 else {
                throw .last("the system's certificate authorities cannot be read")
            }
        case .file(let path):
            try Self.readable(path)
            guard SSL_CTX_load_verify_locations(context, path, nil) == 1 else {
                throw TLSError("\(path): no certificates in PEM: \(TLSError.last("unreadable"))")
            }
        case .anybody: SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
        }
    }

    /// When the certificate to serve with ends, in seconds since the Unix epoch; nil: there is none.
    public var notAfter: Int64? {
        guard let certificate = SSL_CTX_get0_certificate(pointer) else { return nil }
        var time = tm()
        guard ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) == 1 else { return nil }
        return Int64(timegm(&time))
    }

    deinit {
        SSL_CTX_free(pointer)
    }

    /// Which one, not what is in it.
    public static func == (a: TLSContext, b: TLSContext) -> Bool { a === b }

    private static func readable(_ path: String) throws(TLSError) {
        guard access(path, R_OK) == 0 else { throw TLSError("\(path): \(String(cString: strerror(errno)))") }
    }
}
