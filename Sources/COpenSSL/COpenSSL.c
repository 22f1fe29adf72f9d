#include "COpenSSL.h"
#include <stdlib.h>
#include <string.h>

// The wire: a BIO whose two ends are memory of the session's owner.

static int wire_read(BIO *bio, char *bytes, size_t size, size_t *count)
{
    copenssl_wire *wire = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    // OpenSSL asks for record after record of its own accord until one is for its owner.
    if (wire->input_count == 0 || wire->messages > wire->messages_most) {
        BIO_set_retry_read(bio);
        return 0;
    }
    *count = size < wire->input_count ? size : wire->input_count;
    memcpy(bytes, wire->input, *count);
    wire->input += *count;
    wire->input_count -= *count;
    return 1;
}

/// What is in the output moves to memory of that size. 0: there is none.
static int move_output(copenssl_wire *wire, size_t capacity)
{
    size_t readable = wire->output_tail - wire->output_head;
    uint8_t *memory = malloc(capacity);
    if (!memory) return 0;
    if (readable) memcpy(memory, wire->output + wire->output_head, readable);
    free(wire->output);
    wire->output = memory;
    wire->output_head = 0;
    wire->output_tail = readable;
    wire->output_capacity = capacity;
    return 1;
}

static int wire_write(BIO *bio, const char *bytes, size_t size, size_t *count)
{
    copenssl_wire *wire = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (wire->output_capacity - wire->output_tail < size) {
        size_t readable = wire->output_tail - wire->output_head;
        size_t capacity = wire->output_capacity ? wire->output_capacity : 1024;
        while (capacity - readable < size) capacity *= 2;
        if (!move_output(wire, capacity)) return 0;
    }
    memcpy(wire->output + wire->output_tail, bytes, size);
    wire->output_tail += size;
    *count = size;
    return 1;
}

/// What OpenSSL tells of each message: those of a handshake that have come are counted.
static void wire_watch(int is_sent, int version, int type, const void *bytes, size_t size, SSL *session, void *data)
{
    (void)version, (void)bytes, (void)size, (void)session;
    copenssl_wire *wire = data;
    if (!is_sent && type == SSL3_RT_HANDSHAKE) wire->messages++;
}

static long wire_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    // Everything is passed on at once.
    return command == BIO_CTRL_FLUSH;
}

static CRYPTO_ONCE wire_once = CRYPTO_ONCE_STATIC_INIT;
static BIO_METHOD *wire_method;

static void make_wire_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wire");
    if (!method) return;
    BIO_meth_set_read_ex(method, wire_read);
    BIO_meth_set_write_ex(method, wire_write);
    BIO_meth_set_ctrl(method, wire_control);
    wire_method = method;
}

void copenssl_consume_output(copenssl_wire *wire, size_t count, size_t kept)
{
    wire->output_head += count;
    if (wire->output_head < wire->output_tail) return;
    wire->output_head = wire->output_tail = 0;
    if (wire->output_capacity > kept) copenssl_free_output(wire);
}

void copenssl_shrink_output(copenssl_wire *wire, size_t kept)
{
    size_t readable = wire->output_tail - wire->output_head;
    if (wire->output_capacity <= kept || readable > wire->output_capacity / 4) return;
    size_t capacity = 1024;
    while (capacity < readable) capacity *= 2;
    // Without memory it stays where it is.
    move_output(wire, capacity);
}

void copenssl_free_output(copenssl_wire *wire)
{
    free(wire->output);
    wire->output = NULL;
    wire->output_head = wire->output_tail = wire->output_capacity = 0;
}

// The rules.

/// A key under a passphrase is refused: nobody is there to type it.
static int no_passphrase(char *buffer, int size, int is_encrypting, void *data)
{
    (void)buffer, (void)size, (void)is_encrypting, (void)data;
    return -1;
}

/// RFC 7301: http/1.1, or no_application_protocol for a client that speaks other protocols only.
static int select_protocol(SSL *session, const unsigned char **chosen, unsigned char *length,
                           const unsigned char *offered, unsigned int size, void *data)
{
    static const unsigned char ours[] = "\x08http/1.1";
    (void)session, (void)data;
    if (SSL_select_next_proto((unsigned char **)chosen, length, ours, sizeof ours - 1, offered, size)
        != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *make_context(const SSL_METHOD *method)
{
    SSL_CTX *context = SSL_CTX_new(method);
    if (!context) return NULL;
    // RFC 9325: 1.2 and 1.3, and of 1.2 only what has forward secrecy and is authenticated encryption.
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
    // Renegotiation lets a peer make work at will, and compression tells lengths (CRIME).
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // An idle connection gives its record buffers back; output may be taken record by record, from moving memory.
    SSL_CTX_set_mode(context,
        SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    return context;
}

SSL_CTX *copenssl_server_context(void)
{
    SSL_CTX *context = make_context(TLS_server_method());
    if (!context) return NULL;
    // A phone without AES instructions gets ChaCha20 first, everybody else AES.
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    // Sessions are resumed by tickets, which the client keeps; nothing is kept here for each.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    // Early data can be replayed (RFC 8446 section 8), and a POST must not be.
    SSL_CTX_set_max_early_data(context, 0);
    SSL_CTX_set_alpn_select_cb(context, select_protocol, NULL);
    return context;
}

SSL_CTX *copenssl_client_context(void)
{
    SSL_CTX *context = make_context(TLS_client_method());
    if (!context) return NULL;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return context;
}

SSL *copenssl_session(SSL_CTX *context, copenssl_wire *wire, int is_server)
{
    if (!CRYPTO_THREAD_run_once(&wire_once, make_wire_method) || !wire_method) return NULL;
    SSL *session = SSL_new(context);
    BIO *bio = session ? BIO_new(wire_method) : NULL;
    if (!bio) {
        SSL_free(session);
        return NULL;
    }
    BIO_set_data(bio, wire);
    BIO_set_init(bio, 1);
    SSL_set_bio(session, bio, bio);
    SSL_set_msg_callback(session, wire_watch);
    SSL_set_msg_callback_arg(session, wire);
    if (is_server) SSL_set_accept_state(session);
    else SSL_set_connect_state(session);
    return session;
}

int copenssl_set_server_name(SSL *session, const char *name)
{
    return (int)SSL_set_tlsext_host_name(session, name);
}
