import COpenSSL
import Glibc
import Reactor
import TLS
import Testing

/// A certificate for tests, made once.
enum TestCertificate {
    static let files: (certificate: String, key: String) = {
        let folder = "/tmp/http-server-tests-\(getpid())"
        mkdir(folder, 0o700)
        let files = (certificate: "\(folder)/server.pem", key: "\(folder)/server.key")
        let made = system(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -days 2"
                + " -keyout \(files.key) -out \(files.certificate) 2>/dev/null")
        precondition(made == 0, "openssl made no certificate")
        return files
    }()

    static func context() throws -> TLSContext {
        try TLSContext(certificateFile: files.certificate, keyFile: files.key)
    }
}

/// A client of TLS 1.3: OpenSSL does its handshake and reads, and the test makes every record that follows, also such as no
/// client makes.
final class SecureClient {
    let socket: TestClient
    private let context: OpaquePointer
    private let session: OpaquePointer
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer
    /// How much of what the socket received was given to OpenSSL.
    private var given = 0
    private(set) var plain: [UInt8] = []
    /// What the keys of the records are made from (RFC 8446 section 7.2), and how many were sealed with them.
    private var secret: [UInt8] = []
    private var sealed: UInt64 = 0

    /// What a client sends first: it may be sent again by any number of them.
    static func hello() throws -> [UInt8] {
        let context = try #require(SSL_CTX_new(TLS_client_method()))
        defer { SSL_CTX_free(context) }
        let session = try #require(SSL_new(context))
        defer { SSL_free(session) }
        let outgoing = try #require(BIO_new(BIO_s_mem()))
        SSL_set_bio(session, BIO_new(BIO_s_mem()), outgoing)
        SSL_set_connect_state(session)
        _ = SSL_do_handshake(session)
        var bytes = [UInt8](repeating: 0, count: Int(BIO_ctrl_pending(outgoing)))
        let count = BIO_read(outgoing, &bytes, Int32(bytes.count))
        return Array(bytes.prefix(max(0, Int(count))))
    }

    init(_ test: TestServer) throws {
        socket = try test.connect()
        context = try #require(SSL_CTX_new(TLS_client_method()))
        SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256")
        SSL_CTX_set_keylog_callback(context) { session, line in
            guard let session, let line, let client = SSL_get_ex_data(session, 0) else { return }
            Unmanaged<SecureClient>.fromOpaque(client).takeUnretainedValue().log(String(cString: line))
        }
        session = try #require(SSL_new(context))
        incoming = try #require(BIO_new(BIO_s_mem()))
        outgoing = try #require(BIO_new(BIO_s_mem()))
        SSL_set_bio(session, incoming, outgoing)
        SSL_set_connect_state(session)
        SSL_set_ex_data(session, 0, Unmanaged.passUnretained(self).toOpaque())
        test.turn {
            receive()
            _ = SSL_do_handshake(session)
            socket.send(output)
            return SSL_is_init_finished(session) == 1 && !secret.isEmpty
        }
    }

    deinit {
        SSL_free(session)
        SSL_CTX_free(context)
    }

    private func log(_ line: String) {
        let words = line.split(separator: " ")
        guard words[0] == "CLIENT_TRAFFIC_SECRET_0" else { return }
        let digits = Array(words[2])
        secret = stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
    }

    /// What OpenSSL wants to be sent.
    private var output: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(BIO_ctrl_pending(outgoing)))
        let count = BIO_read(outgoing, &bytes, Int32(bytes.count))
        return Array(bytes.prefix(max(0, Int(count))))
    }

    /// Everything there is.
    func receive() {
        socket.receive()
        let fresh = Array(socket.received[given...])
        given = socket.received.count
        _ = BIO_write(incoming, fresh, Int32(fresh.count))
        var piece = [UInt8](repeating: 0, count: 16384)
        while true {
            let count = SSL_read(session, &piece, Int32(piece.count))
            guard count > 0 else { break }
            plain += piece[..<Int(count)]
        }
        ERR_clear_error()
    }

    func send(_ text: String) { socket.send(record(23, Array(text.utf8))) }

    /// The first bytes of a KeyUpdate, which is not whole without its last.
    func sendHalfOfKeyUpdate() { socket.send(record(22, [24, 0, 0, 1])) }

    func sendRestOfKeyUpdate() {
        socket.send(record(22, [0]))
        updateKey()
    }

    /// Many records, each with a KeyUpdate that asks for one in return.
    func keyUpdates(_ count: Int) -> [UInt8] {
        (0..<count).flatMap { _ in
            defer { updateKey() }
            return record(22, [24, 0, 0, 1, 1])
        }
    }

    private func updateKey() {
        secret = expand("traffic upd", 32)
        sealed = 0
    }

    /// A record of that content type (RFC 8446 section 5.2).
    func record(_ type: UInt8, _ content: [UInt8]) -> [UInt8] {
        let inner = content + [type]
        let length = inner.count + 16
        let head: [UInt8] = [23, 3, 3, UInt8(length >> 8), UInt8(length & 255)]
        var nonce = expand("iv", 12)
        for index in 0..<8 { nonce[11 - index] ^= UInt8(truncatingIfNeeded: sealed >> (8 * UInt64(index))) }
        sealed += 1
        let cipher = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(cipher) }
        var count: Int32 = 0
        var text = [UInt8](repeating: 0, count: inner.count)
        var tag = [UInt8](repeating: 0, count: 16)
        EVP_EncryptInit_ex(cipher, EVP_aes_128_gcm(), nil, expand("key", 16), nonce)
        EVP_EncryptUpdate(cipher, nil, &count, head, 5)
        EVP_EncryptUpdate(cipher, &text, &count, inner, Int32(inner.count))
        EVP_EncryptFinal_ex(cipher, &tag, &count)
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, 16, &tag)
        return head + text + tag
    }

    /// HKDF-Expand-Label (RFC 8446 section 7.1), of one block at most.
    private func expand(_ label: String, _ count: Int) -> [UInt8] {
        let name = Array("tls13 \(label)".utf8)
        let info = [0, UInt8(count), UInt8(name.count)] + name + [0, 1]
        var block = [UInt8](repeating: 0, count: 32)
        EVP_Q_mac(nil, "HMAC", nil, "SHA256", nil, secret, secret.count, info, info.count, &block, block.count, nil)
        return Array(block.prefix(count))
    }
}
