"""https and wss, as clients nobody here wrote see them; the reload; and TLS towards broker and scores API."""

import contextlib
import json
import shutil
import signal
import socket
import ssl
import subprocess
import time

import pytest
from certificates import Authority, Relay
from conftest import on
from feed import close_code, receive, subscribe
from gateway import command
from waiting import eventually
from wire import request

pytestmark = on("embedded")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def pair(authority):
    return authority.vouch("server")


@pytest.fixture(scope="module")
def gateway(shared_world, pair):
    return shared_world.gateway(**pair)


def post(user, score):
    return request("POST", "/scores", json.dumps({"user": user, "score": score}))


def names(socket_):
    """The common name in the certificate of the other side."""
    return dict(part[0] for part in socket_.getpeercert()["subject"])["commonName"]


def s_client(gateway, *arguments):
    """What openssl's own client says, both streams as one."""
    result = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}", "-crlf", "-ign_eof", *arguments],
        input="GET /healthz HTTP/1.1\nHost: a\nConnection: close\n\n",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    return result.stdout


# Requests


def test_a_score_by_https(gateway):
    stored = gateway.post("ada", 3)
    assert stored in gateway.scores()
    assert gateway.get("/healthz").content == b'{"Status":200}'
    assert f"address={gateway.url}" in gateway.log and "valid_until=" in gateway.log


def test_curl(gateway, authority):
    result = subprocess.run(
        ["curl", "-sSv", "--cacert", authority.file, "-d", '{"user":"curl","score":1}', f"{gateway.url}/scores"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert json.loads(result.stdout)["user"] == "curl", result.stderr
    assert "server accepted http/1.1" in result.stderr


def test_many_requests_of_one_connection(gateway):
    with gateway.wire() as wire:
        wire.send(b"".join(request("GET", "/healthz") for _ in range(300)) + post("ada", 1))
        assert [wire.answer().status for _ in range(301)] == [200] * 301


def test_bodies_larger_than_any_buffer(gateway):
    lines = "".join(f'{{"user":"{"x" * 200}","score":{n}}}\n' for n in range(20_000))
    answer = gateway.request("POST", "/scores", lines, {"Content-Type": "application/x-ndjson"})
    assert answer.status == 200, answer.content
    stored = json.loads(answer.content)
    assert stored["stored"] == 20_000
    scores = gateway.scores(f"?after={stored['first_id'] - 1}")
    assert [score["score"] for score in scores[:20_000]] == list(range(20_000))


def test_a_client_that_is_slow_to_read(gateway):
    lines = "".join(f'{{"user":"{"y" * 200}","score":{n}}}\n' for n in range(20_000))
    gateway.request("POST", "/scores", lines, {"Content-Type": "application/x-ndjson"})
    with gateway.wire(receive_buffer=4096) as wire:
        wire.send(request("GET", f"/scores?user={'y' * 200}"))
        time.sleep(0.5)  # until everything in between is full
        assert len(wire.answer().json) >= 20_000


def test_every_byte_by_itself(gateway):
    """Whatever the pieces in which the records come: handshake, request, close_notify."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = gateway.tls.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with contextlib.closing(socket.create_connection(("127.0.0.1", gateway.port), timeout=20)) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def send():
            data = outgoing.read()
            for index in range(len(data)):
                raw.sendall(data[index : index + 1])

        def complete(step):
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    send()
                    data = raw.recv(1)
                    assert data, "the server hung up"
                    incoming.write(data)

        complete(session.do_handshake)
        session.write(post("bytewise", 1) + request("GET", "/healthz", b"", "Connection: close"))
        send()
        answers = b""
        while data := complete(lambda: session.read(65536)):
            answers += data
        assert answers.count(b"HTTP/1.1 200 OK") == 2 and answers.endswith(b'{"Status":200}')


def test_who_says_that_he_is_done_is_answered(gateway):
    """close_notify is a half-close: what was asked before is answered."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = gateway.tls.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with contextlib.closing(socket.create_connection(("127.0.0.1", gateway.port), timeout=20)) as raw:
        while True:
            try:
                session.do_handshake()
                break
            except ssl.SSLWantReadError:
                raw.sendall(outgoing.read())
                incoming.write(raw.recv(65536))
        session.write(post("half", 1))
        with contextlib.suppress(ssl.SSLWantReadError):
            session.unwrap()
        raw.sendall(outgoing.read())
        while data := raw.recv(65536):
            incoming.write(data)
    eventually(lambda: any(score["user"] == "half" for score in gateway.scores("?limit=1000000")))
    assert incoming.pending > 200, "handshake's end, answer and close_notify"


def test_the_last_answer_ends_with_close_notify(gateway):
    with gateway.wire() as wire:
        wire.send(request("GET", "/healthz", b"", "Connection: close"))
        # Without it this is an SSLEOFError.
        assert wire.rest().endswith(b'{"Status":200}')


def test_an_idle_connection_ends_with_close_notify(world, pair):
    gateway = world.gateway(**pair, IDLE_TIMEOUT="500ms")
    with gateway.wire() as wire:
        wire.send(request("GET", "/healthz"))
        assert wire.answer().status == 200
        assert wire.socket.recv(1) == b""


# Protocol


def test_protocols_and_ciphers(gateway, authority):
    ca = ["-CAfile", str(authority.file)]
    modern = s_client(gateway, *ca, "-alpn", "h2,http/1.1")
    assert "TLSv1.3" in modern and "ALPN protocol: http/1.1" in modern and "Verify return code: 0 (ok)" in modern
    assert "Max Early Data: 0" in modern and "HTTP/1.1 200 OK" in modern
    older = s_client(gateway, *ca, "-tls1_2")
    assert "Protocol  : TLSv1.2" in older and "Compression: NONE" in older and "HTTP/1.1 200 OK" in older
    assert "-GCM-" in older or "CHACHA20" in older


@pytest.mark.parametrize(
    "arguments",
    [
        ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
        ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"],
        ["-tls1_2", "-cipher", "AES128-GCM-SHA256"],
        ["-alpn", "h2"],
    ],
    ids=["TLS 1.1", "CBC", "no forward secrecy", "another protocol"],
)
def test_what_is_refused(gateway, arguments):
    said = s_client(gateway, *arguments)
    assert "alert" in said and "HTTP/1.1" not in said, said


def test_no_renegotiation(gateway):
    client = subprocess.Popen(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}", "-tls1_2", "-crlf"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    with client:
        said = b""
        while b"Extended master secret" not in said:
            line = client.stdout.readline()
            assert line, said
            said += line
        # A line that begins with R asks for it.
        client.stdin.write(b"R\n")
        client.stdin.flush()
        said, _ = client.communicate(timeout=60)
    assert b"RENEGOTIATING" in said and b"no renegotiation" in said, said
    assert gateway.get("/healthz").status == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_resumed_by_its_ticket(gateway, authority, version):
    context = ssl.create_default_context(cafile=authority.file)
    context.minimum_version = context.maximum_version = version

    def ask(session=None):
        raw = socket.create_connection(("127.0.0.1", gateway.port), timeout=20)
        with context.wrap_socket(raw, server_hostname="127.0.0.1", session=session) as secure:
            secure.sendall(request("GET", "/healthz", b"", "Connection: close"))
            while secure.recv(65536):
                pass
            return secure.session, secure.session_reused

    session, reused = ask()
    assert not reused
    assert ask(session)[1]


# What is no TLS, or none that ends


def test_plain_http_is_no_tls(gateway):
    with contextlib.closing(socket.create_connection(("127.0.0.1", gateway.port), timeout=20)) as raw:
        raw.sendall(request("GET", "/healthz"))
        data = b""
        with contextlib.suppress(ConnectionResetError):
            while more := raw.recv(65536):
                data += more
    assert b"HTTP" not in data
    assert gateway.get("/healthz").status == 200


def test_the_handshake_has_a_deadline(world, pair):
    gateway = world.gateway(**pair, REQUEST_TIMEOUT="500ms", IDLE_TIMEOUT="60s")
    before = gateway.metric("score_gateway_tls_handshakes_failed_total")
    silent = socket.create_connection(("127.0.0.1", gateway.port), timeout=30)
    dripping = socket.create_connection(("127.0.0.1", gateway.port), timeout=30)
    with silent, dripping:
        dripping.sendall(b"\x16\x03\x01\x02\x00\x01")
        for one in (silent, dripping):
            assert one.recv(1) == b""
    eventually(lambda: gateway.metric("score_gateway_tls_handshakes_failed_total") >= before + 2)
    assert gateway.get("/healthz").status == 200


def test_over_the_limit_there_is_an_alert(world, pair):
    gateway = world.gateway(**pair, MAX_CONNECTIONS=2, REACTORS=1)
    with contextlib.ExitStack() as stack:

        def is_full():
            raw = stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port), timeout=20))
            raw.settimeout(0.5)
            with contextlib.suppress(TimeoutError):
                return raw.recv(7) == bytes([21, 3, 3, 0, 2, 2, 80])

        eventually(is_full)


# The feed


def test_the_feed_by_wss(gateway):
    with subscribe(gateway, "?history=0") as feed:
        stored = [gateway.post("wss", n) for n in range(20)]
        assert receive(feed, 20) == stored
    with subscribe(gateway, f"?after={stored[4]['id']}") as feed:
        seen = []
        while not seen or seen[-1] != stored[-1]:
            seen += receive(feed, 1)
        assert [score for score in seen if score in stored[5:]] == stored[5:]


def test_events_by_https(gateway):
    with gateway.wire() as wire:
        wire.send(request("GET", "/events"))
        assert b"text/event-stream" in wire._until(b"\r\n\r\n")
        stored = gateway.post("events", 1)
        assert wire._until(f"id: {stored['id']}\ndata: ".encode()) is not None


def test_a_reader_that_lacks_much(world, pair):
    """More than is copied at once: it is given piece by piece."""
    gateway = world.gateway(**pair, FEED_HISTORY=20_000, REACTORS=1)
    lines = "".join(f'{{"user":"{"x" * 100}","score":{n}}}\n' for n in range(20_000))
    assert gateway.request("POST", "/scores", lines, {"Content-Type": "application/x-ndjson"}).status == 200
    eventually(lambda: gateway.metric("score_gateway_feed_scores_total") == 20_000)
    with subscribe(gateway, "?history=20000") as feed:
        assert [score["score"] for score in receive(feed, 20_000, timeout=60)] == list(range(20_000))
        last = gateway.post("one more", 1)
        assert receive(feed, 1) == [last]


def test_a_reader_that_does_not_read(world, pair):
    """It costs its place in the log and what was copied for it; the others do not wait for it."""
    gateway = world.gateway(**pair, FEED_HISTORY=0, FEED_LOG_BYTES="2MiB", REACTORS=1)
    lines = "".join(f'{{"user":"{"x" * 200}","score":{n}}}\n' for n in range(2_000))
    with gateway.wire(receive_buffer=4096) as deaf, subscribe(gateway) as feed:
        deaf.send(
            request("GET", "/ws/1", b"", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
            .replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        )
        assert b"101" in deaf._until(b"\r\n\r\n")
        for _ in range(24):
            assert gateway.request("POST", "/scores", lines, {"Content-Type": "application/x-ndjson"}).status == 200
            assert [score["score"] for score in receive(feed, 2_000, timeout=60)] == list(range(2_000))
        eventually(lambda: 'feed_disconnects_total{reason="slow"} 1' in gateway.get("/metrics").content.decode())
    assert gateway.get("/healthz").status == 200


def test_the_shutdown_is_said_by_wss(world, pair):
    gateway = world.gateway(**pair)
    with subscribe(gateway) as feed:
        gateway.signal()
        assert close_code(feed) == 1001
    assert gateway.process.wait(timeout=30) == 0


# The files


def copied(pair, folder):
    """The same pair at another place, where it may be changed."""
    folder.mkdir()
    shutil.copy(pair["TLS_CERT_FILE"].parent / "ca.pem", folder / "ca.pem")
    target = {"TLS_CERT_FILE": folder / "cert.pem", "TLS_KEY_FILE": folder / "cert.key"}
    for name, path in target.items():
        shutil.copy(pair[name], path)
    return target


def test_sighup_reads_the_pair_again(world, authority, pair, tmp_path):
    files = copied(pair, tmp_path / "renewed")
    gateway = world.gateway(**files)

    def served():
        with gateway.wire() as wire:
            return names(wire.socket)

    with gateway.wire() as standing:
        assert names(standing.socket) == "server"
        standing.send(request("GET", "/healthz"))
        assert standing.answer().status == 200

        # Half of a pair, as in the midst of a renewal, and then something that is none: the last good one stays.
        renewed = authority.vouch("renewed")
        shutil.copy(renewed["TLS_CERT_FILE"], files["TLS_CERT_FILE"])
        gateway.signal(signal.SIGHUP)
        eventually(lambda: "not the key of the certificate" in gateway.log)
        assert served() == "server"
        files["TLS_KEY_FILE"].write_text("rubbish")
        gateway.signal(signal.SIGHUP)
        eventually(lambda: "no private key in PEM" in gateway.log)
        assert served() == "server"

        shutil.copy(renewed["TLS_KEY_FILE"], files["TLS_KEY_FILE"])
        gateway.signal(signal.SIGHUP)
        eventually(lambda: "new connections get the certificate as it is now" in gateway.log)
        eventually(lambda: {served() for _ in range(8)} == {"renewed"}, what="on every reactor")
        assert gateway.metric("score_gateway_tls_certificate_not_after_seconds") > time.time()

        standing.send(request("GET", "/healthz"))
        assert standing.answer().status == 200


def test_sighup_without_tls(world):
    gateway = world.gateway()
    gateway.signal(signal.SIGHUP)
    eventually(lambda: "nothing to read again" in gateway.log)
    assert gateway.get("/healthz").status == 200


def test_a_pair_that_cannot_be_used(kind, pair, authority, tmp_path):
    other = authority.vouch("other")
    for files, said in [
        ({**pair, "TLS_KEY_FILE": other["TLS_KEY_FILE"]}, "not the key of the certificate in"),
        ({**pair, "TLS_KEY_FILE": tmp_path / "none.key"}, "TLS_KEY_FILE: "),
        ({**pair, "TLS_CERT_FILE": pair["TLS_KEY_FILE"]}, "no certificate in PEM"),
        ({"TLS_CERT_FILE": pair["TLS_CERT_FILE"]}, "TLS_KEY_FILE: not set, but TLS_CERT_FILE is"),
    ]:
        result = command(env={name: str(path) for name, path in files.items()}, directory=tmp_path)
        assert result.returncode == 78 and said in result.stderr, result.stderr


def test_a_key_with_a_passphrase_is_refused(kind, pair, tmp_path):
    locked = tmp_path / "locked.key"
    subprocess.run(
        ["openssl", "pkey", "-in", pair["TLS_KEY_FILE"], "-aes256", "-passout", "pass:x", "-out", locked], check=True
    )
    result = command(
        env={"TLS_CERT_FILE": str(pair["TLS_CERT_FILE"]), "TLS_KEY_FILE": str(locked)}, directory=tmp_path
    )
    assert result.returncode == 78 and "without a passphrase" in result.stderr, result.stderr


def test_healthcheck_speaks_tls(gateway):
    result = command("healthcheck", env={**gateway.env, "HOST": "127.0.0.1"})
    assert result.returncode == 0, result.stderr


# Towards others


@pytest.fixture
def broker(world, services):
    with contextlib.ExitStack() as stack:

        def made(pair):
            host, port = services.broker_url.rsplit("@", 1)[1].rstrip("/").split(":")
            relay = Relay(pair, int(port))
            stack.callback(relay.close)
            login = services.broker_url.split("://", 1)[1].rsplit("@", 1)[0]
            return {
                "BROKER_URL": f"amqps://{login}@localhost:{relay.port}/",
                "BROKER_EXCHANGE": world.exchange,
                "POSTER_QUEUE": world.queue,
            }

        yield made


def test_amqps(world, broker, authority, pair):
    env = broker(pair)
    gateway = world.gateway(**env, BROKER_CA_FILE=authority.file)
    with subscribe(gateway, "?history=0") as feed:
        stored = [gateway.post("amqps", n) for n in range(50)]
        assert sorted(receive(feed, 50), key=lambda score: score["id"]) == stored
    result = command("wait", "--timeout", "10", env={name: str(value) for name, value in gateway.env.items()})
    assert result.returncode == 0, result.stderr


def test_a_broker_nobody_vouches_for(world, broker, authority, pair):
    gateway = world.gateway(ready=False, **broker(pair))
    eventually(lambda: "certificate verify failed" in gateway.log)
    assert gateway.get("/readiness").status == 503
    assert "no TLS with the broker" in gateway.log


def test_a_broker_of_another_name(world, broker, authority):
    gateway = world.gateway(ready=False, **broker(authority.vouch("x", "DNS:elsewhere")), BROKER_CA_FILE=authority.file)
    eventually(lambda: "hostname mismatch" in gateway.log)
    assert gateway.get("/readiness").status == 503


def test_a_broker_without_tls(world, services, authority):
    url = services.broker_url.replace("amqp://", "amqps://")
    gateway = world.gateway(
        ready=False, BROKER_URL=url, BROKER_EXCHANGE=world.exchange, BROKER_CA_FILE=authority.file
    )
    eventually(lambda: "bus: broker" in gateway.log)
    assert gateway.get("/readiness").status == 503


def test_the_scores_api_by_https(world, authority, pair):
    env = {"BROKER_URL": world.broker_url, "BROKER_EXCHANGE": world.exchange, "POSTER_QUEUE": world.queue}
    scores = world.gateway(ROLE="scores", DATABASE_URL=f"sqlite:{world.file}", **pair, **env)
    stored = [scores.post("api", n) for n in range(3)]
    asked = {"ROLE": "reporter", "SCORES_API": f"https://localhost:{scores.port}", "SCORES_FILE": None, **env}
    reporter = world.gateway(SSL_CERT_FILE=authority.file, **asked)
    with subscribe(reporter) as feed:
        assert receive(feed, 3) == stored
    stranger = world.gateway(ready=False, **asked)
    eventually(lambda: "certificate" in stranger.log)
    assert stranger.get("/readiness").status == 503
