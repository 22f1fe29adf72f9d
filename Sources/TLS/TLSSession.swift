import Bytes
import COpenSSL
import Glibc

/// One TLS connection without IO (RFC 8446; 1.2: RFC 5246): enciphered bytes in, plain bytes out, and the other way
/// round. Whoever owns it does the reading and writing.
///
///     socket ─ receive ─▶ [ session ] ─ read ──▶ plain bytes
///     socket ◀─ output ── [ session ] ◀─ write ─ plain bytes
///
/// The handshake happens in `read` and `write` by itself; look at `output` after each call.
/// Confined to one thread.
public final class TLSSession {
    /// What a `read` gave.
    public enum Progress: Equatable, Sendable {
        /// So many plain bytes, more than none.
        case bytes(Int)
        /// Nothing more can be said of what has come.
        case needMore
        /// The peer said that it sends no more (close_notify, RFC 8446 section 6.1).
        case closed
    }

    private let session: OpaquePointer
    private let wire: UnsafeMutablePointer<copenssl_wire>
    /// What came and was not looked at when the owner had enough.
    private var kept = ByteBuffer()
    /// Of a client's first message; known soon, and not looked at any more.
    private var hello = HelloLength()
    private let isServer: Bool
    private var hasFailed = false
    private var hasSaidClose = false
    /// Whether the handshake was ever done. (A peer may begin another message of one, which is under way until it is whole.)
    public private(set) var isEstablished = false

    /// The server's end.
    public convenience init(_ context: TLSContext) throws(TLSError) {
        precondition(context.isServer, "a client names its server")
        try self.init(context: context)
    }

    /// A client's end.
    /// - Parameter host: the name or numeric address that the server's certificate must be for.
    public convenience init(_ context: TLSContext, host: String) throws(TLSError) {
        precondition(!context.isServer, "a server has no host to ask for")
        try self.init(context: context)
        try expect(host)
        // The client speaks first.
        _ = SSL_do_handshake(session)
    }

    private init(context: TLSContext) throws(TLSError) {
        wire = .allocate(capacity: 1)
        wire.initialize(to: copenssl_wire())
        wire.pointee.messages_most = Limits.messages
        guard let session = copenssl_session(context.pointer, wire, context.isServer ? 1 : 0) else {
            wire.deallocate()
            throw .last("no memory for a TLS session")
        }
        self.session = session
        isServer = context.isServer
    }

    deinit {
        SSL_free(session)
        copenssl_free_output(wire)
        wire.deallocate()
    }

    /// RFC 9525: the certificate must name this host. An address is no server name (RFC 6066 section 3).
    private func expect(_ host: String) throws(TLSError) {
        let parameters = SSL_get0_param(session)
        if X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1 { return }
        ERR_clear_error()
        guard SSL_set1_host(session, host) == 1, copenssl_set_server_name(session, host) == 1 else {
            throw .last("\(host) is no host name")
        }
    }

    /// Whether a handshake is under way, or another message of one has begun and is not whole.
    public var isInHandshake: Bool { SSL_is_init_finished(session) == 0 }

    // MARK: From the peer

    /// Takes enciphered bytes, which must stay where they are until `keepInput()`.
    public func receive(_ bytes: UnsafeRawBufferPointer) {
        if isServer, hello.value == nil { hello.look(at: bytes) }
        wire.pointee.messages = 0
        if kept.isEmpty {
            lend(bytes)
        } else {
            kept.append(bytes)
        }
    }

    private func lend(_ bytes: UnsafeRawBufferPointer) {
        wire.pointee.input = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        wire.pointee.input_count = bytes.count
    }

    /// What was received and not read yet is copied: its memory may be used again.
    public func keepInput() {
        if !kept.isEmpty { kept.shrink() }
        guard kept.isEmpty, wire.pointee.input_count > 0 else { return }
        kept.append(UnsafeRawBufferPointer(start: wire.pointee.input, count: wire.pointee.input_count))
        wire.pointee.input_count = 0
    }

    /// Deciphers into `buffer`. Call it until it needs more.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws(TLSError) -> Progress {
        if let length = hello.value, length > Limits.hello { throw TLSError("the client's first message is too long") }
        if !kept.isEmpty { kept.withUnsafeBytes { lend($0) } }
        defer {
            if !kept.isEmpty {
                kept.consume(kept.count - wire.pointee.input_count)
                wire.pointee.input_count = 0
                kept.releaseIfEmpty()
            }
        }
        ERR_clear_error()
        var count = 0
        let hasRead = SSL_read_ex(session, buffer.baseAddress, buffer.count, &count) == 1
        if !isEstablished { isEstablished = !isInHandshake }
        if wire.pointee.messages > wire.pointee.messages_most {
            hasFailed = true
            throw TLSError("the peer sends messages of a handshake without end")
        }
        if hasRead { return .bytes(count) }
        switch SSL_get_error(session, 0) {
        case SSL_ERROR_WANT_READ: return .needMore
        case SSL_ERROR_ZERO_RETURN: return .closed
        default: throw failure()
        }
    }

    // MARK: To the peer

    /// Enciphers from the front of `bytes`, one record at most.
    /// - Returns: how many bytes were taken: none while the handshake is under way, or a later message of one is not whole.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(TLSError) -> Int {
        guard bytes.count > 0 else { return 0 }
        ERR_clear_error()
        var count = 0
        if SSL_write_ex(session, bytes.baseAddress, min(bytes.count, Limits.record), &count) == 1 { return count }
        guard SSL_get_error(session, 0) == SSL_ERROR_WANT_READ else { throw failure() }
        return 0
    }

    /// Says that nothing more is sent (close_notify). Does nothing in the midst of the handshake, or a second time.
    public func close() {
        guard !hasSaidClose, !hasFailed, isEstablished else { return }
        hasSaidClose = true
        _ = SSL_shutdown(session)
        ERR_clear_error()
    }

    /// Enciphered bytes that wait to be sent, in order. Valid until the next call.
    public var output: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: wire.pointee.output.map { $0 + wire.pointee.output_head },
            count: wire.pointee.output_tail - wire.pointee.output_head)
    }

    /// Memory for what came and was not read, and for a handshake that is under way.
    public var heldInput: Int { kept.capacity + (isInHandshake ? Limits.handshake : 0) }

    /// Memory for what waits to be sent.
    public var heldOutput: Int { wire.pointee.output_capacity }

    /// What waits may wait for long: it costs what it is, however much there was before.
    public func shrinkOutput() {
        copenssl_shrink_output(wire, Limits.outputKept)
    }

    /// So many of them have been sent.
    public func consumeOutput(_ count: Int) {
        precondition(count >= 0 && count <= output.count, "consumed more than there is")
        copenssl_consume_output(wire, count, Limits.outputKept)
    }

    private func failure() -> TLSError {
        hasFailed = true
        let verdict = SSL_get_verify_result(session)
        let error = TLSError.last("the peer does not keep to TLS")
        guard verdict != Int(X509_V_OK), SSL_get_verify_mode(session) != SSL_VERIFY_NONE else { return error }
        return TLSError(
            "\(error): \(String(cString: X509_verify_cert_error_string(verdict)))", isUntrusted: true)
    }
}
