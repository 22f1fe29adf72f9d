#pragma once
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stddef.h>
#include <stdint.h>

// TLS for a program that does its own reading and writing: what is macro or callback in OpenSSL. The rules themselves
// are here, one a line with its reason; Sources/TLS is the only one who calls these.

/// What a session reads from and writes to, in place of a socket. The input is borrowed for the length of a call; the
/// output is owned, and grows as far as its owner lets the session write.
typedef struct copenssl_wire {
    const uint8_t *_Nullable input;
    size_t input_count;
    uint8_t *_Nullable output;
    size_t output_head;
    size_t output_tail;
    size_t output_capacity;
    /// Messages of a handshake that have come; beyond the most, nothing more is read. The owner says of how long.
    size_t messages;
    size_t messages_most;
} copenssl_wire;

/// Drops `count` bytes at the front of the output. Its memory is given back when it is empty and larger than `kept`.
void copenssl_consume_output(copenssl_wire *_Nonnull wire, size_t count, size_t kept);
/// Gives back most of the memory when it is larger than `kept` and little of it is used.
void copenssl_shrink_output(copenssl_wire *_Nonnull wire, size_t kept);
void copenssl_free_output(copenssl_wire *_Nonnull wire);

/// A context with the rules for a server, or for a client; NULL without memory.
SSL_CTX *_Nullable copenssl_server_context(void);
SSL_CTX *_Nullable copenssl_client_context(void);

/// A session on `wire`, which must live as long; NULL without memory. The wire may not move.
SSL *_Nullable copenssl_session(SSL_CTX *_Nonnull context, copenssl_wire *_Nonnull wire, int is_server);

/// SNI (RFC 6066 section 3): the name a client asks for. 1: set.
int copenssl_set_server_name(SSL *_Nonnull session, const char *_Nonnull name);
