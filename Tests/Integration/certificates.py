"""Certificates of an authority of our own, made by openssl, and a relay that ends TLS before a server that has none."""

import contextlib
import pathlib
import socket
import ssl
import subprocess
import threading


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]


class Authority:
    """`ca.pem` in a folder, and whom it vouches for."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file = self.folder / "ca.pem"
        self._key = self.folder / "ca.key"
        _openssl(
            *["req", "-x509", *_KEY, "-subj", "/CN=Test Authority", "-addext", "keyUsage=critical,keyCertSign"],
            *["-keyout", self._key, "-out", self.file],
        )

    def vouch(self, name, hosts="DNS:localhost,IP:127.0.0.1"):
        """Certificate and key for somebody: TLS_CERT_FILE and TLS_KEY_FILE."""
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        _openssl(
            *["req", "-x509", *_KEY, "-CA", self.file, "-CAkey", self._key, "-subj", f"/CN={name}"],
            *["-addext", f"subjectAltName={hosts}", "-addext", "basicConstraints=critical,CA:FALSE"],
            *["-keyout", key, "-out", certificate],
        )
        return {"TLS_CERT_FILE": certificate, "TLS_KEY_FILE": key}


class Relay:
    """Takes TLS on a port of its own, and passes what is in it to a port without."""

    def __init__(self, pair, port):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pair["TLS_CERT_FILE"], pair["TLS_KEY_FILE"])
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with contextlib.suppress(OSError), client:
            client.settimeout(20)
            secure = self._context.wrap_socket(client, server_side=True)
            secure.settimeout(None)
            with secure, socket.create_connection(self._target) as server:
                back = threading.Thread(target=self._pass, args=(server, secure), daemon=True)
                back.start()
                self._pass(secure, server)
                back.join()

    @staticmethod
    def _pass(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
