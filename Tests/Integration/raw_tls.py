"""A client of TLS 1.3 that makes its records itself once the handshake is done, also such as no client makes. OpenSSL (by
ctypes, as Python has no AES) does the arithmetic."""

import ctypes
import ctypes.util
import hashlib
import hmac
import re
import ssl

from wire import Wire

_crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
for _name in ["EVP_CIPHER_CTX_new", "EVP_aes_256_gcm"]:
    getattr(_crypto, _name).restype = ctypes.c_void_p

APPLICATION_DATA, HANDSHAKE = 23, 22


def _seal(key, nonce, head, text):
    """AES-256-GCM: what is enciphered, and the tag behind it."""
    context = ctypes.c_void_p(_crypto.EVP_CIPHER_CTX_new())
    count = ctypes.c_int()
    out, tag = ctypes.create_string_buffer(len(text)), ctypes.create_string_buffer(16)
    _crypto.EVP_EncryptInit_ex(context, ctypes.c_void_p(_crypto.EVP_aes_256_gcm()), None, key, nonce)
    _crypto.EVP_EncryptUpdate(context, None, ctypes.byref(count), head, len(head))
    _crypto.EVP_EncryptUpdate(context, out, ctypes.byref(count), text, len(text))
    _crypto.EVP_EncryptFinal_ex(context, tag, ctypes.byref(count))
    _crypto.EVP_CIPHER_CTX_ctrl(context, 0x10, 16, tag)  # EVP_CTRL_AEAD_GET_TAG
    _crypto.EVP_CIPHER_CTX_free(context)
    return out.raw + tag.raw


class RawTLS:
    """Reads through Python's own TLS, and writes records."""

    def __init__(self, gateway, folder):
        log = folder / f"keys-{id(self)}"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode, context.keylog_filename = False, ssl.CERT_NONE, str(log)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._session = context.wrap_bio(self._incoming, self._outgoing)
        self.wire = Wire(gateway.port)
        self.read(self._session.do_handshake)
        self.wire.send(self._outgoing.read())
        assert self._session.cipher()[0] == "TLS_AES_256_GCM_SHA384"
        secret = re.search(r"CLIENT_TRAFFIC_SECRET_0 \w+ (\w+)", log.read_text())[1]
        self._use(bytes.fromhex(secret))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wire.socket.close()

    def read(self, step=None):
        """The next plain bytes; b"" at the end."""
        step = step or (lambda: self._session.read(65536))
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self.wire.send(self._outgoing.read())
                data = self.wire.socket.recv(65536)
                if not data:
                    return b""
                self._incoming.write(data)

    def _expand(self, label, count):
        """HKDF-Expand-Label (RFC 8446 section 7.1), of one block at most."""
        label = b"tls13 " + label
        info = count.to_bytes(2, "big") + bytes([len(label)]) + label + b"\0\1"
        return hmac.digest(self._secret, info, hashlib.sha384)[:count]

    def _use(self, secret):
        self._secret, self._sealed = secret, 0
        self._key, self._iv = self._expand(b"key", 32), self._expand(b"iv", 12)

    def update_key(self):
        """What follows a KeyUpdate has the next key."""
        self._use(self._expand(b"traffic upd", 48))

    def record(self, kind, content):
        """RFC 8446 section 5.2."""
        text = content + bytes([kind])
        head = b"\x17\x03\x03" + (len(text) + 16).to_bytes(2, "big")
        nonce = bytes(a ^ b for a, b in zip(self._iv, self._sealed.to_bytes(12, "big")))
        self._sealed += 1
        return head + _seal(self._key, nonce, head, text)

    def send(self, content, kind=APPLICATION_DATA):
        self.wire.send(self.record(kind, content))
