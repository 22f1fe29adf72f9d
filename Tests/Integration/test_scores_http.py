"""Section 2 of the contract over HTTP/1.1: what is answered to good, bad and hostile requests."""

import json
import re
import socket
import subprocess
import threading

import pytest

from conftest import on
from waiting import eventually
from wire import chunked, post, request

pytestmark = on("servers", "embedded")

CREATED_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def problem(answer, status):
    """Checks that an answer is the RFC 9457 document of a status, and gives it."""
    assert answer.status == status, (answer.status, answer.body)
    assert answer["content-type"].startswith("application/problem+json")
    document = answer.json
    assert document["status"] == status and document["title"] and document["type"]
    return document


# MARK: POST /scores


@pytest.mark.parametrize(
    ("user", "score"),
    [
        ("ada", 3),
        ("Jörgen 🎉", -2147483648),
        ('"quoted" \\ / \b\f\n\r\t \x01 \x7f', 2147483647),
        ("<script>alert(1)</script> & co", 0),
        ("a", 1),
        ("x" * 255, 1),
        ("🦊" * 255, 1),  # 255 characters, 1,020 bytes
        ("\u2028\ufeff\U0010ffff", 1),
    ],
)
def test_a_score_is_stored_and_answered(gateway, shared_world, user, score):
    with gateway.wire() as wire:
        wire.send(post(user, score, "Content-Type: application/json"))
        answer = wire.answer()
    assert answer.status == 200
    assert answer["content-type"].startswith("application/json")
    stored = answer.json
    assert list(stored) == ["id", "user", "score", "created_at"]
    assert (stored["user"], stored["score"]) == (user, score)
    assert CREATED_AT.fullmatch(stored["created_at"])
    assert shared_world.sql('select "user", score from "Score" where id = %s', stored["id"]) == [(user, score)]
    assert gateway.get(f"/scores/{stored['id']}").content == answer.body


@pytest.mark.parametrize(
    "body",
    [
        b' { "score" : 7 , "user" : "ada" } \r\n',
        b'{"user":"ada","score":7,"unknown":{"deep":[1,null,true,"x"]}}',
        b'{"\\u0075ser":"\\u0061da","score":7}',
        b'{"id":99,"created_at":"never","user":"ada","score":7}',
        b'{"user":"ada","score":-0,"more":1e400}',
    ],
)
def test_other_spellings_of_a_score(gateway, body):
    with gateway.wire() as wire:
        wire.send(request("POST", "/scores", body))
        answer = wire.answer()
    assert answer.status == 200, answer.body
    assert answer.json["user"] == "ada" and answer.json["score"] in (7, 0)


def test_escapes_make_one_character(gateway):
    with gateway.wire() as wire:
        wire.send(request("POST", "/scores", b'{"user":"\\ud83e\\udd8a\\u00e9","score":1}'))
        assert wire.answer().json["user"] == "🦊é"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"ada",
        b'{"user":"ada","score":1}x',
        b'{"user":"ada","score":1}{}',
        b'{"user":"ada","score":NaN}',
        b'{"user":"ada","score":Infinity}',
        b'{"user":"ada","score":01}',
        b'{"user":"ada","score":+1}',
        b'{"user":"ada","score":1,}',
        b"{'user':'ada','score':1}",
        b'{"user":"\xff","score":1}',
        b'{"user":"\xed\xa0\x80","score":1}',  # a surrogate in UTF-8
        b'{"user":"\xc0\xaf","score":1}',  # an overlong form
        b'{"user":"a\nb","score":1}',  # a control character in a string
        b'{"user":"\\x41","score":1}',
        b'{"user":"ada","score":1,"deep":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    ],
)
def test_a_body_that_is_no_json_is_400(gateway, body):
    with gateway.wire() as wire:
        fields = [] if body else ["Content-Length: 0"]
        wire.send(request("POST", "/scores", body, *fields))
        problem(wire.answer(), 400)


@pytest.mark.parametrize(
    ("body", "member"),
    [
        (b'{"score":1}', "user"),
        (b'{"user":"ada"}', "score"),
        (b'{"user":1,"score":1}', "user"),
        (b'{"user":null,"score":1}', "user"),
        (b'{"user":["ada"],"score":1}', "user"),
        (b'{"user":"","score":1}', "user"),
        (b'{"user":"' + b"x" * 256 + b'","score":1}', "user"),
        (b'{"user":"' + "é".encode() * 256 + b'","score":1}', "user"),
        (b'{"user":"a\\u0000b","score":1}', "user"),
        (b'{"user":"ada","score":"5"}', "score"),
        (b'{"user":"ada","score":1.5}', "score"),
        (b'{"user":"ada","score":3.0}', "score"),
        (b'{"user":"ada","score":3e0}', "score"),
        (b'{"user":"ada","score":1e400}', "score"),
        (b'{"user":"ada","score":true}', "score"),
        (b'{"user":"ada","score":null}', "score"),
        (b'{"user":"ada","score":2147483648}', "score"),
        (b'{"user":"ada","score":-2147483649}', "score"),
        (b'{"user":"ada","score":99999999999999999999999999}', "score"),
        (b'{"user":"ada","score":1,"score":2}', "score"),
        (b'{"user":"ada","user":"ada","score":1}', "user"),
        (b'{"user":"ada","\\u0075ser":"bob","score":1}', "user"),
    ],
)
def test_a_wrong_member_is_422_and_named(gateway, body, member):
    with gateway.wire() as wire:
        wire.send(request("POST", "/scores", body))
        document = problem(wire.answer(), 422)
    assert document["errors"][0]["loc"] == ["body", member]
    assert document["errors"][0]["msg"] and document["errors"][0]["type"]
    assert member in document["detail"]


@pytest.mark.parametrize("body", [b"null", b"3", b'"ada"', b"true"])
def test_json_that_is_no_object_is_422(gateway, body):
    with gateway.wire() as wire:
        wire.send(request("POST", "/scores", body))
        problem(wire.answer(), 422)


def test_a_lone_surrogate_is_refused(gateway):
    with gateway.wire() as wire:
        wire.send(request("POST", "/scores", b'{"user":"\\ud800","score":1}'))
        assert wire.answer().status in (400, 422)


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "nonsense"])
def test_another_content_type_is_415(gateway, media_type):
    with gateway.wire() as wire:
        wire.send(post("ada", 1, f"Content-Type: {media_type}"))
        problem(wire.answer(), 415)


@pytest.mark.parametrize("media_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_content_types(gateway, media_type):
    with gateway.wire() as wire:
        wire.send(post("ada", 1, f"Content-Type: {media_type}"))
        assert wire.answer().status == 200


# MARK: Methods and paths


@pytest.mark.parametrize(
    ("method", "target", "allowed"),
    [
        ("PUT", "/scores", {"GET", "POST"}),
        ("DELETE", "/scores", {"GET", "POST"}),
        ("BREW", "/scores", {"GET", "POST"}),
        ("POST", "/scores/1", {"GET"}),
        ("POST", "/", {"GET"}),
        ("POST", "/healthz", {"GET"}),
        ("DELETE", "/readiness", {"GET"}),
    ],
)
def test_a_wrong_method_is_405_and_the_right_ones_are_named(gateway, method, target, allowed):
    with gateway.wire() as wire:
        wire.send(request(method, target))
        answer = wire.answer()
    problem(answer, 405)
    named = {name.strip() for name in answer["allow"].split(",")}
    assert allowed <= named and method not in named


@pytest.mark.parametrize(
    "target", ["/nope", "/scores/999999999", "/scores/abc", "/scores/-1", "/scores/1/2", "/SCORES", "/healthz/x"]
)
def test_an_unknown_path_or_id_is_404(gateway, target):
    with gateway.wire() as wire:
        wire.send(request("GET", target))
        problem(wire.answer(), 404)


def test_an_id_beyond_every_integer_is_404(gateway):
    with gateway.wire() as wire:
        wire.send(request("GET", "/scores/" + "9" * 40))
        problem(wire.answer(), 404)


@pytest.mark.parametrize("target", ["/healthz", "/scores", "/", "/nope"])
def test_head_is_get_without_the_body(gateway, target):
    with gateway.wire() as wire:
        wire.send(request("GET", target) + request("HEAD", target) + request("GET", "/healthz"))
        got, head = wire.answer(), wire.answer(to="HEAD")
        assert head.status == got.status
        assert head["content-type"] == got["content-type"]
        if head["content-length"] is not None and got["content-length"] is not None:
            assert head["content-length"] == got["content-length"]
        assert wire.answer().json == {"Status": 200}, "something of the body came after all"


@pytest.mark.parametrize("target", ["/scores", "*"])
def test_options(gateway, target):
    with gateway.wire() as wire:
        wire.send(request("OPTIONS", target) + request("GET", "/healthz"))
        answer = wire.answer()
        assert answer.status in (200, 204)
        if target != "*":
            assert {"GET", "POST", "HEAD", "OPTIONS"} <= {name.strip() for name in answer["allow"].split(",")}
        assert wire.answer().status == 200


@pytest.mark.parametrize("target", ["/healthz", "/readiness"])
def test_health(gateway, target):
    with gateway.wire() as wire:
        wire.send(request("GET", target, host="10.1.2.3:8000"))
        answer = wire.answer()
    assert (answer.status, answer.json) == (200, {"Status": 200})


def test_every_answer_has_a_date(gateway):
    with gateway.wire() as wire:
        for target in ["/healthz", "/scores", "/nope"]:
            wire.send(request("GET", target))
            assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", wire.answer()["date"])


# MARK: The ways of a connection


def test_sixteen_requests_in_one_write_are_answered_in_order(gateway):
    with gateway.wire() as wire:
        wire.send(b"".join(post(f"pipe-{index}", index) for index in range(16)))
        answers = [wire.answer() for _ in range(16)]
    assert [answer.status for answer in answers] == [200] * 16
    assert [answer.json["user"] for answer in answers] == [f"pipe-{index}" for index in range(16)]
    assert len({answer.json["id"] for answer in answers}) == 16


def test_quick_and_slow_answers_keep_their_order(gateway):
    requests, expected = [], []
    for index in range(8):
        requests += [post("mixed", index), request("GET", "/healthz"), request("GET", "/scores?limit=1")]
        requests += [request("GET", "/nope"), request("POST", "/scores", b"{"), request("HEAD", "/scores")]
        expected += [200, 200, 200, 404, 400, 200]
    with gateway.wire() as wire:
        wire.send(b"".join(requests))
        answers = [wire.answer(to=sent.split(b" ")[0].decode()) for sent in requests]
    assert [answer.status for answer in answers] == expected
    assert [answer.json["score"] for answer in answers[::6]] == list(range(8))
    assert all(answer.json == {"Status": 200} for answer in answers[1::6])


def test_a_get_sees_the_post_before_it_on_the_same_connection(gateway):
    with gateway.wire() as wire:
        wire.send(post("read-your-writes", 1))
        stored = wire.answer().json
        wire.send(request("GET", f"/scores?after={stored['id'] - 1}&user=read-your-writes"))
        assert stored in wire.answer().json


def test_requests_byte_by_byte(gateway):
    body = json.dumps({"user": "bytewise", "score": 1}).encode()
    with gateway.wire() as wire:
        wire.send_bytewise(
            post("bytewise", 1)
            + request("POST", "/scores", chunked(body[:5], body[5:]), "Transfer-Encoding: chunked")
            + request("GET", "/healthz")
        )
        assert [wire.answer().status for _ in range(3)] == [200, 200, 200]


@pytest.mark.parametrize(
    "body",
    [
        b'18\r\n{"user":"ada","score":1}\r\n0\r\n\r\n',
        b'018;name=value;other="a;\\"b"\r\n{"user":"ada","score":1}\r\n0\r\n\r\n',
        b'6\r\n{"user\r\n12\r\n":"ada","score":1}\r\n0\r\nTrailer: kept out\r\nMore: x\r\n\r\n',
        b'18\r\n{"user":"ada","score":1}\r\n000;last\r\n\r\n',
    ],
)
def test_chunked_bodies(gateway, body):
    with gateway.wire() as wire:
        wire.send(request("POST", "/scores", body, "Transfer-Encoding: chunked") + request("GET", "/healthz"))
        assert wire.answer().json["user"] == "ada"
        assert wire.answer().json == {"Status": 200}


def test_keep_alive_and_connection_close(gateway):
    with gateway.wire() as wire:
        for _ in range(3):
            wire.send(request("GET", "/healthz"))
            assert wire.answer().status == 200
        wire.send(request("GET", "/healthz", b"", "Connection: close") + request("GET", "/healthz"))
        answer = wire.answer()
        assert answer.status == 200 and answer["connection"].lower() == "close"
        assert wire.rest() == b""


def test_http_1_0_closes_and_is_not_chunked(gateway):
    for target in ["/healthz", "/scores"]:
        with gateway.wire() as wire:
            wire.send(request("GET", target, version="HTTP/1.0", host=None))
            answer = wire.answer()
            assert answer.status == 200 and answer["transfer-encoding"] is None
            json.loads(answer.body)
            assert wire.rest() == b""


def test_half_close_still_gets_the_answers(gateway):
    with gateway.wire() as wire:
        wire.send(post("half", 1) + request("GET", "/scores?limit=1"))
        wire.half_close()
        assert wire.answer().json["user"] == "half"
        assert len(wire.answer().json) == 1
        assert wire.rest() == b""


def test_absolute_targets_and_empty_lines_before_a_request(gateway):
    with gateway.wire() as wire:
        wire.send(b"\r\n" + request("GET", "http://localhost/healthz"))
        assert wire.answer().status == 200


def test_100_continue_comes_before_the_body(gateway):
    body = json.dumps({"user": "patient", "score": 1}).encode()
    with gateway.wire() as wire:
        wire.send(request("POST", "/scores", b"", "Expect: 100-continue", f"Content-Length: {len(body)}"))
        assert wire.answer().status == 100
        wire.send(body)
        assert wire.answer().json["user"] == "patient"


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        # Up to 64 MiB it may be an array, which the first byte tells.
        (["Expect: 100-continue", "Content-Length: 67108865"], 413),
        (["Expect: tea", "Content-Length: 24"], 417),
        (["Expect: 100-continue", "Content-Length: 24", "Content-Type: text/plain"], 415),
    ],
)
def test_a_refusal_comes_instead_of_100_continue(gateway, fields, status):
    with gateway.wire() as wire:
        wire.send(request("POST", "/scores", b"", *fields))
        problem(wire.answer(), status)


# MARK: Too much


def test_a_body_too_large_is_413_that_a_sending_client_can_read(gateway):
    for head, body in [
        (request("POST", "/scores", b"", "Content-Length: 3145728"), b"x" * 3 * 1024 * 1024),
        (request("POST", "/scores", b"", "Transfer-Encoding: chunked"), b"10000\r\n" + b"x" * 65536 + b"\r\n"),
    ]:
        with gateway.wire() as wire:
            wire.send(head)
            # The chunked one has no end: as much as there is until the refusal, and then some.
            for _ in range(1 if b"Length" in head else 40):
                wire.send_whatever_happens(body)
            problem(wire.answer(), 413)
            assert wire.rest() == b""


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (request("GET", "/" + "x" * 9000), 414),
        (request("GET", "/healthz", b"", "X: " + "x" * 70_000), 431),
        (request("GET", "/healthz", b"", *[f"X-{index}: y" for index in range(101)]), 431),
        (b"GET " + b"x" * 70_000, 414),
    ],
)
def test_a_head_too_large_is_414_or_431_then_close(gateway, head, status):
    with gateway.wire() as wire:
        wire.send_whatever_happens(head + request("GET", "/healthz"))
        problem(wire.answer(), status)
        assert wire.rest() == b""


def test_max_body_is_obeyed(world):
    gateway = world.gateway(MAX_BODY=2048)
    with gateway.wire() as wire:
        wire.send(request("POST", "/scores", b" " * 2024 + b'{"user":"ada","score":1}'))
        assert wire.answer().status == 200
        wire.send(request("POST", "/scores", b" " * 2025 + b'{"user":"ada","score":1}'))
        problem(wire.answer(), 413)


# MARK: Malformed and smuggling shapes

HOST = b"Host: localhost\r\n"
POST = b"POST /scores HTTP/1.1\r\n" + HOST
BODY = b'{"user":"eve","score":1}'

HOSTILE = {
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "length and chunked": POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 24\r\nContent-Length: 24\r\n\r\n" + BODY,
    "two other lengths": POST + b"Content-Length: 24\r\nContent-Length: 0\r\n\r\n" + BODY,
    "a list of lengths": POST + b"Content-Length: 24, 24\r\n\r\n" + BODY,
    "a signed length": POST + b"Content-Length: +24\r\n\r\n" + BODY,
    "a negative length": POST + b"Content-Length: -1\r\n\r\n" + BODY,
    "a hexadecimal length": POST + b"Content-Length: 0x18\r\n\r\n" + BODY,
    "an empty length": POST + b"Content-Length:\r\n\r\n" + BODY,
    "a length beyond 64 bits": POST + b"Content-Length: 18446744073709551640\r\n\r\n" + BODY,
    "bare line feeds": b"GET /healthz HTTP/1.1\nHost: a\n\n",
    "one bare line feed": b"GET /healthz HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
    "a bare return": b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n",
    "a blank before the colon": b"GET /healthz HTTP/1.1\r\n" + HOST + b"X : y\r\n\r\n",
    "a folded field": b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: y\r\n z\r\n\r\n",
    "a blank before the first field": b"GET /healthz HTTP/1.1\r\n X: y\r\n" + HOST + b"\r\n",
    "a field without a name": b"GET /healthz HTTP/1.1\r\n" + HOST + b": y\r\n\r\n",
    "a field without a colon": b"GET /healthz HTTP/1.1\r\n" + HOST + b"nonsense\r\n\r\n",
    "a zero byte in a field": b"GET /healthz HTTP/1.1\r\n" + HOST + b"X: a\x00b\r\n\r\n",
    "a control character in a name": b"GET /healthz HTTP/1.1\r\n" + HOST + b"X\x01: a\r\n\r\n",
    "a control character in the target": b"GET /heal\x01thz HTTP/1.1\r\n" + HOST + b"\r\n",
    "two blanks in the request line": b"GET  /healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "no target": b"GET HTTP/1.1\r\n" + HOST + b"\r\n",
    "no version": b"GET /healthz\r\n" + HOST + b"\r\n",
    "a method that is no token": b"G(T /healthz HTTP/1.1\r\n" + HOST + b"\r\n",
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a chunk size that is none": POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n",
    "a chunk size with 0x": POST + b"Transfer-Encoding: chunked\r\n\r\n0x18\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a signed chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n+18\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a chunk size beyond 64 bits": POST + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n\r\n",
    "an empty chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\n\r\n0\r\n\r\n",
    "a chunk without its end": POST + b"Transfer-Encoding: chunked\r\n\r\n18\r\n" + BODY + b"0\r\n\r\n",
    "a chunk line ended by a bare line feed": POST + b"Transfer-Encoding: chunked\r\n\r\n18\n" + BODY + b"\r\n0\r\n\r\n",
    "a control character in an extension": POST + b"Transfer-Encoding: chunked\r\n\r\n18;\x01\r\n" + BODY + b"\r\n0\r\n\r\n",
    "a bad trailer": POST + b"Transfer-Encoding: chunked\r\n\r\n18\r\n" + BODY + b"\r\n0\r\nX : y\r\n\r\n",
}

# The codings of RFC 9112 section 6.1 that are not a single "chunked": 400 or 501.
CODINGS = {
    "gzip": POST + b"Transfer-Encoding: gzip\r\n\r\n",
    "gzip before chunked": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked in two fields": POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "xchunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "an empty coding": POST + b"Transfer-Encoding:\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": b"POST /scores HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
}

VERSIONS = {
    "HTTP/2.0": b"GET /healthz HTTP/2.0\r\n" + HOST + b"\r\n",
    "HTTP/0.9": b"GET /healthz HTTP/0.9\r\n" + HOST + b"\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.mark.parametrize(
    ("statuses", "hostile"),
    [pytest.param((400,), shape, id=name) for name, shape in HOSTILE.items()]
    + [pytest.param((400, 501), shape, id=name) for name, shape in CODINGS.items()]
    + [pytest.param((505,), shape, id=name) for name, shape in VERSIONS.items()],
)
@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytewise"])
def test_nothing_after_a_refusal_is_read_as_a_request(gateway, hostile, statuses, bytewise):
    smuggled = post("smuggled", 1)
    with gateway.wire() as wire:
        if bytewise:
            try:
                wire.send_bytewise(hostile + smuggled)
            except ConnectionError:
                pass
        else:
            wire.send_whatever_happens(hostile + smuggled)
        answer = wire.answer()
        assert answer.status in statuses, answer.body
        assert answer["connection"].lower() == "close"
        assert wire.rest() == b"", "a second answer"


def test_nothing_was_smuggled(gateway, shared_world):
    """After all of the above."""
    assert shared_world.sql("""select count(*) from "Score" where "user" in ('smuggled', 'eve')""") == [(0,)]


def test_a_refusal_does_not_lose_the_good_requests_before_it(gateway):
    with gateway.wire() as wire:
        wire.send(post("before", 1) + request("GET", "/healthz") + b"GET / HTTP/1.1\r\n\r\n" + post("smuggled", 1))
        assert [wire.answer().status for _ in range(3)] == [200, 200, 400]
        assert wire.rest() == b""


# MARK: Slow clients


@pytest.fixture(scope="module")
def impatient(shared_world):
    return shared_world.gateway(REQUEST_TIMEOUT=1, **shared_world.apart)


def drip(wire, seconds=30):
    """One byte after the other until there is an answer."""

    def step():
        try:
            wire.socket.sendall(b"x")
            wire.socket.settimeout(0.1)
            return wire._more()
        except TimeoutError:
            return False
        finally:
            wire.socket.settimeout(20)

    eventually(step, seconds, "an answer to a dripping client")
    return wire.answer()


@pytest.mark.parametrize("begin", [b"G", b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: ", request("GET", "/healthz") + b"GET /"])
def test_a_dripping_head_is_408(impatient, begin):
    with impatient.wire() as wire:
        wire.send(begin)
        if begin.endswith(b"\r\nGET /"):
            assert wire.answer().status == 200
        problem(drip(wire), 408)
        assert wire.rest() == b""


def test_a_dripping_body_is_408(impatient):
    with impatient.wire() as wire:
        wire.send(request("POST", "/scores", b"", "Content-Length: 100000"))
        problem(drip(wire, seconds=60), 408)
        assert wire.rest() == b""


def test_a_client_that_sends_half_a_head_and_waits_is_408(impatient):
    with impatient.wire() as wire:
        wire.send(b"GET /healthz HTTP/1.1\r\n")
        problem(wire.answer(), 408)
        assert wire.rest() == b""


# MARK: GET /scores


@pytest.fixture(scope="module")
def thirty(services, template, tmp_path_factory, kind):
    """A gateway on the scores 1…30 of three players."""
    from conftest import World

    world = World(services, template, tmp_path_factory.mktemp("thirty"), kind)
    world.fill(30, lambda n: f"p{n % 3}")
    yield world.gateway()
    world.close()


def ids(scores):
    return [score["id"] for score in scores]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", range(1, 31)),
        ("?limit=5", range(1, 6)),
        ("?after=25", range(26, 31)),
        ("?before=4", range(1, 4)),
        ("?after=3&before=6", [4, 5]),
        ("?order=desc", range(30, 0, -1)),
        ("?order=asc&limit=1", [1]),
        ("?order=desc&limit=2", [30, 29]),
        ("?order=desc&limit=2&before=29", [28, 27]),
        ("?user=p1", range(1, 31, 3)),
        ("?user=p1&limit=2&after=4", [7, 10]),
        ("?user=p%31", range(1, 31, 3)),
        ("?user=nobody", []),
        ("?after=9223372036854775807", []),
        ("?limit=1000000", range(1, 31)),
        ("?unknown=1&limit=1", [1]),
    ],
)
def test_which_scores(thirty, query, expected):
    assert ids(thirty.scores(query)) == list(expected)


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=-1", "limit=1000001", "limit=x", "limit=", "after=x", "before=1.5", "order=up"]
    + ["after=99999999999999999999", "user=%ff", "user=a%00b"],
)
def test_a_wrong_parameter_is_refused_and_named(thirty, query):
    with thirty.wire() as wire:
        wire.send(request("GET", f"/scores?{query}"))
        answer = wire.answer()
    assert answer.status in (400, 422), answer.body
    assert query.split("=")[0] in problem(answer, answer.status)["detail"]


@pytest.mark.parametrize("query", ["?limit=7", "?limit=7&order=desc", "?limit=3&user=p2", "?limit=4&user=p2&order=desc"])
def test_following_next_gives_everything_once(thirty, query):
    whole = thirty.scores(query.replace("limit=", "ignored="))
    collected, target = [], f"/scores{query}"
    while target:
        response = thirty.get(target)
        assert response.status == 200
        collected += json.loads(response.content)
        target = next_page(response)
        assert len(collected) <= len(whole), "next goes in circles"
    assert collected == whole


def test_no_next_where_nothing_is_left(thirty):
    assert thirty.get("/scores").getheader("Link") is None
    assert thirty.get("/scores?limit=31").getheader("Link") is None


@pytest.fixture(scope="module")
def many(services, template, tmp_path_factory, kind):
    """A gateway on 23,000 scores of two players: more than are counted off at once."""
    from conftest import World

    world = World(services, template, tmp_path_factory.mktemp("many"), kind)
    world.fill(23_000, lambda n: f"p{n % 2}")
    yield world.gateway()
    world.close()


def next_page(answer):
    link = answer.getheader("Link")
    match = re.search(r'<(/[^>]*)>\s*;\s*rel="?next"?', link) if link else None
    return match and match.group(1)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1001, 9_000, 11_000, 11_001, 22_999, 23_000, 23_001, 1_000_000])
def test_a_long_answer_says_beforehand_whether_it_is_cut(many, limit, order):
    head = many.request("HEAD", f"/scores?limit={limit}&order={order}")
    answer = many.get(f"/scores?limit={limit}&order={order}")
    expected = list(range(1, 23_001))[:: 1 if order == "asc" else -1]
    assert [score["score"] for score in json.loads(answer.content)] == expected[:limit]
    assert (next_page(answer) is None) == (limit >= 23_000)
    assert answer.getheader("Link") == head.getheader("Link")
    if rest := next_page(answer):
        assert [score["score"] for score in many.scores(rest.removeprefix("/scores"))] == expected[limit : 2 * limit]


def test_following_next_through_long_answers(many):
    collected, target = [], "/scores?user=p1&limit=4000"
    while target:
        answer = many.get(target)
        collected += [score["score"] for score in json.loads(answer.content)]
        target = next_page(answer)
    assert collected == list(range(1, 23_000, 2))


def test_a_score_that_slips_in_among_counted_ones_cuts_the_answer_short(world):
    """Its transaction was open when they were counted: the answer would have one more than `limit`, or next leave one out."""
    if world.store == "sqlite":
        pytest.skip("one transaction writes at a time")
    long_name = "😀" * 250  # a page is larger than what a slow reader's socket takes
    world.fill(2_000, lambda n: long_name)
    gateway = world.gateway()
    with world.services.connect(world.database_url) as late:
        late.execute("begin")
        late.execute("""insert into "Score" ("user", score) values ('late', 2001)""")
        world.fill(30_000, lambda n: long_name)
        with gateway.wire(receive_buffer=4096) as slow:
            slow.send(request("GET", "/scores?limit=20000"))
            head = slow._until(b"\r\n\r\n")
            assert b"Link: </scores?limit=20000&after=20001>" in head
            late.execute("commit")
            with pytest.raises(AssertionError, match="ended"):
                list(slow._chunks())
    again = gateway.get("/scores?limit=20000")
    assert [score["id"] for score in json.loads(again.content)] == list(range(1, 20_001))
    assert next_page(again) == "/scores?limit=20000&after=20000"


def test_etag(world):
    gateway = world.gateway()
    gateway.post("ada", 1)
    first = gateway.get("/scores")
    tag = first.getheader("ETag")
    assert tag and re.fullmatch(r'(W/)?"[^"]+"', tag)
    for condition in [tag, f'"other", {tag}', "*"]:
        again = gateway.get("/scores", {"If-None-Match": condition})
        assert (again.status, again.content) == (304, b"")
        assert again.getheader("ETag") == tag
    assert gateway.get("/scores", {"If-None-Match": '"other"'}).status == 200
    gateway.post("ada", 2)
    changed = gateway.get("/scores", {"If-None-Match": tag})
    assert changed.status == 200 and changed.getheader("ETag") != tag


def test_an_empty_table_is_an_empty_array(world):
    gateway = world.gateway()
    assert gateway.get("/scores").content.strip() == b"[]"
    assert gateway.get("/scores?limit=1").getheader("Link") is None


def test_many_rows_do_not_grow_the_process(world):
    """Streamed in bounded memory, also to a client that reads slower than the database gives."""
    rows = 200_000
    world.fill(rows, lambda n: "x" * 200 + str(n))
    gateway = world.gateway()
    gateway.scores("?limit=1")
    before = gateway.peak_memory()
    with gateway.wire(receive_buffer=4096) as slow:
        slow.send(request("GET", "/scores?order=asc"))
        with gateway.wire() as quick:
            quick.send(request("GET", "/scores"))
            scores = quick.answer().json
        assert len(scores) == rows
        assert [score["score"] for score in scores] == list(range(1, rows + 1))
        # The slow one has read nothing so far; neither is anything of it lost.
        scores = slow.answer().json
        assert len(scores) == rows
    grown = gateway.peak_memory() - before
    assert grown < 32 * 1024 * 1024, f"some 50 MB of rows grew the process by {grown >> 20} MiB"


def test_readers_that_do_not_read_hinder_nobody(world):
    world.fill(100_000, lambda n: "x" * 200 + str(n))
    gateway = world.gateway()
    idle = [gateway.wire(receive_buffer=4096) for _ in range(30)]
    try:
        for index, wire in enumerate(idle):
            wire.send(request("GET", f"/scores?after={index}"))
        for index in range(5):
            stored = gateway.post("ada", index)
            assert gateway.scores(f"?after={stored['id'] - 1}&limit=1") == [stored]
    finally:
        for wire in idle:
            wire.socket.close()
    assert gateway.post("ada", 1)


def test_many_whole_reads_at_once(thirty):
    """The replaced service hung for good at 24."""
    results = []
    threads = [threading.Thread(target=lambda: results.append(len(thirty.scores()))) for _ in range(48)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [30] * 48


def test_a_client_that_leaves_in_the_middle_is_forgotten(gateway):
    for _ in range(50):
        with gateway.wire() as wire:
            wire.send(post("gone", 1) + request("GET", "/scores"))
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset
    assert gateway.get("/healthz").status == 200
    assert gateway.post("stays", 1)["user"] == "stays"


# MARK: Clients that nobody here wrote


def curl(*arguments):
    result = subprocess.run(
        ["curl", "--silent", "--show-error", "--max-time", "30", *arguments], capture_output=True, check=True
    )
    return result.stdout


def test_curl_as_the_readme_has_it(gateway):
    """-d names a form's content type. People type this line."""
    answer = json.loads(curl("-d", '{"user":"ada","score":3}', f"{gateway.url}/scores"))
    assert (answer["user"], answer["score"]) == ("ada", 3) and answer["id"] > 0


def test_curl_in_other_ways(gateway, tmp_path):
    body = tmp_path / "score.json"
    body.write_text('{"user":"curl","score":4}')
    json_type = ["-H", "Content-Type: application/json"]
    for ways in [
        ["--data-binary", f"@{body}", *json_type],
        ["--http1.0", "--data-binary", f"@{body}", *json_type],
        ["-H", "Expect: 100-continue", "--data-binary", f"@{body}", *json_type],
        ["-H", "Transfer-Encoding: chunked", "--data-binary", f"@{body}", *json_type],
        ["-X", "POST", "--upload-file", str(body), *json_type],
    ]:
        assert json.loads(curl(*ways, f"{gateway.url}/scores"))["user"] == "curl", ways
    assert curl("--head", f"{gateway.url}/scores").startswith(b"HTTP/1.1 200")
    assert json.loads(curl("--compressed", f"{gateway.url}/scores?limit=1"))


def test_wrk_without_an_error(gateway, tmp_path):
    script = tmp_path / "post.lua"
    script.write_text("wrk.method = 'POST'\nwrk.body = '{\"user\":\"wrk\",\"score\":1}'\n")
    for target, extra in [("/healthz", []), ("/scores?limit=10", []), ("/scores", ["--script", str(script)])]:
        result = subprocess.run(
            ["wrk", "-t1", "-c32", "-d2s", *extra, gateway.url + target], capture_output=True, text=True, check=True
        )
        assert "Non-2xx" not in result.stdout and "Socket errors" not in result.stdout, result.stdout
        assert int(re.search(r"(\d+) requests in", result.stdout).group(1)) > 0, result.stdout


def test_every_score_that_wrk_was_told_of_is_stored(world, tmp_path):
    gateway = world.gateway()
    script = tmp_path / "post.lua"
    script.write_text("wrk.method = 'POST'\nwrk.body = '{\"user\":\"wrk\",\"score\":1}'\n")
    result = subprocess.run(
        ["wrk", "-t1", "-c64", "-d2s", "--script", str(script), f"{gateway.url}/scores"],
        capture_output=True,
        text=True,
        check=True,
    )
    told = int(re.search(r"(\d+) requests in", result.stdout).group(1))
    stored = world.sql('select count(*) from "Score"')[0][0]
    # wrk leaves at most one request a connection unanswered as it ends.
    assert told <= stored <= told + 64
