#pragma once
#include <zlib.h>

/* The `…Init2` are macros, which Swift cannot import. A negative number of bits means DEFLATE alone (RFC 1951), without
   zlib's header and trailer: what RFC 7692 puts into messages. */
static inline int czlib_inflate_init(z_stream *stream, int window_bits) {
    return inflateInit2(stream, -window_bits);
}

static inline int czlib_deflate_init(z_stream *stream, int level, int window_bits, int memory_level) {
    return deflateInit2(stream, level, Z_DEFLATED, -window_bits, memory_level, Z_DEFAULT_STRATEGY);
}
