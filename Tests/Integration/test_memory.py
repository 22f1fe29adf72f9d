"""What OpenSSL and zlib hold for a connection is given back with it, however it ends. (What Swift counts, Swift frees: those
who come and go without either are in test_hostile.)"""

import json
import signal
import socket
import ssl

import pytest

from certificates import Authority
from feed import TEXT, deflated, frame, handshake
from gateway import Gateway
from waiting import eventually
from wire import request

DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"
RSV1 = 4
#: Bytes that one connection may leave behind. The least that could be forgotten is far more: an SSL has 4 KiB without its
#: buffers, what inflates a message has 9, what compresses one 40.
EACH = 1024


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates")).vouch("server")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, pair):
    made = Gateway({"REACTORS": "1", **{name: str(path) for name, path in pair.items()}}, tmp_path_factory.mktemp("memory"))
    made.start()
    for number in range(20):
        made.post("a name that is worth compressing " * 6, number)
    yield made
    try:
        made.stop()
    finally:
        made.kill()
        print(made.log)


# MARK: How they come, and how far they get


def raw(gateway):
    return socket.create_connection(("127.0.0.1", gateway.port), timeout=20)


def hello(tls):
    """The first bytes of a handshake."""
    sent = ssl.MemoryBIO()
    client = tls.wrap_bio(ssl.MemoryBIO(), sent, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return sent.read()


def within_the_hello(gateway):
    connection = raw(gateway)
    connection.sendall(hello(gateway.tls)[:100])
    return connection


def within_the_handshake(gateway):
    connection = raw(gateway)
    connection.sendall(hello(gateway.tls))
    assert connection.recv(5)[0] == 22, "a handshake's record"
    return connection


def no_tls(gateway):
    connection = raw(gateway)
    connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert connection.recv(1) == b""
    return connection


def asked(*pieces, answer):
    def come(gateway):
        wire = gateway.wire()
        for piece in pieces:
            wire.send(piece)
        wire._until(answer)
        return wire.socket

    return come


def compressed(target, *frames):
    return asked(handshake(target, DEFLATE), *frames, answer=b"permessage-deflate")


def with_a_ping(target, *frames):
    """Up to where the server has answered, so that it has seen what was before."""
    return asked(handshake(target, DEFLATE), *frames, frame(9, b"all of it?"), answer=b"all of it?")


LONG = deflated(json.dumps([{"long": index} for index in range(4000)]).encode())
WAYS = {
    "within the hello": within_the_hello,
    "within the handshake": within_the_handshake,
    "without TLS": no_tls,
    "within a request": asked(request("GET", "/healthz"), b"GET /scores HT", answer=b"}"),
    "after an answer": asked(request("GET", "/healthz"), answer=b"}"),
    "as a reader of messages": asked(handshake("/ws/1"), answer=b"worth"),
    "as a reader of compressed messages": compressed("/ws/1?after=0"),
    "after a compressed message": with_a_ping("/ws/1?history=0", frame(TEXT, LONG, reserved=RSV1)),
    "within a compressed message": with_a_ping("/ws/1?history=0", frame(TEXT, LONG[:2000], reserved=RSV1, fin=False)),
    "within a compressed frame": compressed("/ws/1?history=0", frame(TEXT, LONG, reserved=RSV1)[:1000]),
    "after compressed nonsense": compressed("/ws/1?history=0", frame(TEXT, b"\xff" * 100, reserved=RSV1)),
}


def come_and_go(gateway, come, count):
    for index in range(count):
        connection = come(gateway)
        if index % 2:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
    eventually(lambda: gateway.metric("score_gateway_connections") == 1, 60, "all are gone")


def always_grows(gateway, again, rounds=3):
    """By how much at least, in each of several rounds. The first makes what is made once; and how many are there at once is
    chance, so the allocator now and then needs more than before."""
    again()
    sizes = [gateway.memory()]
    for _ in range(rounds):
        again()
        sizes.append(gateway.memory())
    grown = [after - before for before, after in zip(sizes, sizes[1:])]
    print("KiB more:", [each >> 10 for each in grown])
    return min(grown)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("way", WAYS)
def test_who_goes_gives_back_what_it_had(gateway, way):
    assert always_grows(gateway, lambda: come_and_go(gateway, WAYS[way], 200)) < 200 * EACH


@pytest.mark.timeout(300)
def test_a_certificate_that_is_read_again_takes_the_place_of_the_last(gateway):
    def read_again():
        for _ in range(25):
            times = gateway.log.count("new connections get the certificate")
            gateway.signal(signal.SIGHUP)
            eventually(lambda: gateway.log.count("new connections get the certificate") > times)
            come_and_go(gateway, WAYS["after an answer"], 1)

    # A context has some 20 KiB.
    assert always_grows(gateway, read_again) < 25 * 8 << 10
