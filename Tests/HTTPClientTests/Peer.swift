import Foundation
import Testing

/// A web server that nobody here wrote: `http.server` of Python's standard library, with a handler for every manner,
/// good and bad, that a server may have. It ends when its standard input does, so it never outlives the tests.
final class Peer: Sendable {
    /// For all tests that do not count its connections: Python takes its time to start.
    static let shared = Result { try Peer() }

    let port: Int
    private let process = Process()
    private let input = Pipe()

    /// - Parameter certificate: a PEM file with certificate and key makes it speak TLS.
    init(certificate: String? = nil) throws {
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", Peer.script] + (certificate.map { [$0] } ?? [])
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        // The script prints its port once it listens, and nothing else.
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        port = try #require(Int(line.trimmingCharacters(in: .whitespacesAndNewlines)), "python3 did not start")
    }

    deinit {
        // Not by the end of its input alone, and without waiting: a child that another test started at the same moment may
        // have inherited both the pipe and the descriptor by which Foundation waits.
        try? input.fileHandleForWriting.close()
        process.terminate()
    }

    func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }

    private static let script = #"""
        import http.server, json, os, socket, ssl, struct, sys, threading, time

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 1024
            daemon_threads = True
            lock = threading.Lock()
            accepted = 0
            open = 0
            def handle_error(self, request, address): pass
            def process_request(self, request, address):
                with self.lock: self.accepted += 1; self.open += 1
                super().process_request(request, address)
            def shutdown_request(self, request):
                super().shutdown_request(request)
                with self.lock: self.open -= 1

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 60
            disable_nagle_algorithm = True
            def log_message(self, *arguments): pass
            def answer(self, status, body=b"", fields=()):
                self.send_response(status)
                for name, value in fields: self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            def raw(self, data):
                self.wfile.write(data)
                self.wfile.flush()
                self.close_connection = True
            def chunk(self, data):
                self.wfile.write(b"%x\r\n" % len(data) + data + b"\r\n")
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/echo": self.answer(200, body, [("Content-Type", self.headers["Content-Type"])])
                elif self.path == "/moved": self.answer(307, b"moved", [("Location", "/hello")])
                else: self.answer(404)
            def do_GET(self):
                path, _, query = self.path.partition("?")
                getattr(self, "get_" + path[1:].replace("-", "_"), lambda _: self.answer(404, b"no such page"))(query)
            def get_hello(self, _): self.answer(200, b"hello", [("Content-Type", "text/plain; charset=utf-8")])
            def get_connections(self, _):
                self.answer(200, json.dumps([self.server.accepted, self.server.open]).encode())
            def get_fields(self, _): self.answer(200, json.dumps([[n.lower(), v] for n, v in self.headers.items()]).encode())
            def get_empty(self, _):
                self.send_response(204)
                self.end_headers()
            def get_limited(self, _): self.answer(429, b"slow down", [("Retry-After", "7")])
            def get_limited_until(self, _):
                self.answer(503, b"", [("Retry-After", self.date_time_string(time.time() + 120))])
            def get_interim(self, _):
                self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nRetry-After: 99\r\nContent-Type: early/hints\r\n\r\n")
                self.answer(200, b"late")
            def get_redirect(self, query):
                left = int(query)
                self.answer(302, b"a body of the redirect",
                    [("Location", "/redirect?%d" % (left - 1) if left > 1 else "/hello"), ("Retry-After", "55")])
            def get_redirect_to_file(self, _): self.answer(302, b"", [("Location", "file:///etc/hostname")])
            def wait_for_the_client_to_go(self):
                self.rfile.read(1)
                self.close_connection = True
            def get_slow(self, _): self.wait_for_the_client_to_go()
            def get_pause(self, _):
                time.sleep(0.3)
                self.answer(200, b"pause")
            def get_stalled(self, _):
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.chunk(b"the beginning")
                self.wait_for_the_client_to_go()
            def get_large(self, query):
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                block = bytes(range(256)) * 256
                for _ in range(int(query) * 16): self.chunk(block)
                self.wfile.write(b"0\r\n\r\n")
            def get_reset(self, _):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True
            def get_silent_end(self, _): self.close_connection = True
            def get_half(self, _): self.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789")
            def get_garbage(self, _): self.raw(b"\x00\x01\x02 220 mail.example ESMTP\r\n\r\n\xff\xfe")
            def get_bad_chunk(self, _):
                self.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\nhello\r\n")
            def get_bad_length(self, _): self.raw(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello")
            def get_endless_head(self, _):
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
                for _ in range(1 << 10): self.wfile.write(b"x" * 1024)
                self.raw(b"")

        server = Server(("127.0.0.1", 0), Handler)
        if len(sys.argv) > 1:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(sys.argv[1])
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_address[1], flush=True)
        sys.stdin.read()
        os._exit(0)
        """#
}
