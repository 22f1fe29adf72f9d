"""Who may do what, and how often: tokens, CORS, the rate of requests and connections, proxies."""

import contextlib
import http.client
import json
import socket

import pytest

from feed import receive, subscribe
from waiting import eventually
from wire import request

JSON = {"Content-Type": "application/json"}
SCORE = '{"user": "ada", "score": 3}'
FIRST, SECOND = "first-token-0123456789", "second-token-0123456789"


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


# MARK: Tokens


def test_posting_needs_a_token_and_reading_none(world, tmp_path):
    file = tmp_path / "tokens"
    file.write_text(f"{FIRST}\n{SECOND}\n")
    gateway = world.gateway(API_TOKENS_FILE=file)
    for headers, challenge in [
        ({}, 'Bearer realm="scores"'),
        (bearer("another-token-0123456789"), 'Bearer realm="scores", error="invalid_token"'),
        ({"Authorization": f"Basic {FIRST}"}, 'Bearer realm="scores", error="invalid_token"'),
    ]:
        response = gateway.request("POST", "/scores", SCORE, {**JSON, **headers})
        assert response.status == 401 and response.getheader("WWW-Authenticate") == challenge
        assert json.loads(response.content)["status"] == 401
    for token in (FIRST, SECOND):
        assert gateway.request("POST", "/scores", SCORE, {**JSON, **bearer(token)}).status == 200
    assert len(gateway.scores()) == 2
    with subscribe(gateway) as feed:
        assert len(receive(feed, 2)) == 2
    assert gateway.get("/healthz").status == 200
    assert FIRST not in gateway.log and "API_TOKENS" in gateway.log
    assert b'id="post"' not in gateway.get("/").content, "the page has no token to post with"
    document = json.loads(gateway.get("/openapi.json").content)
    assert document["components"]["securitySchemes"]["bearer"] == {"type": "http", "scheme": "bearer"}
    assert document["paths"]["/scores"]["post"]["security"] == [{"bearer": []}]
    assert "401" in document["paths"]["/scores"]["post"]["responses"]


def test_a_refused_batch_leaves_the_connection_in_order(world):
    gateway = world.gateway(API_TOKENS=FIRST)
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    with contextlib.closing(connection):
        for headers, status in [({}, 401), (bearer(FIRST), 200), ({}, 401), (bearer(FIRST), 200)]:
            connection.request("POST", "/scores", "[" + ",".join([SCORE] * 100) + "]", {**JSON, **headers})
            response = connection.getresponse()
            response.read()
            assert response.status == status


# MARK: CORS


def origin(name):
    return {"Origin": name}


def test_a_page_elsewhere_may_not_by_itself(world):
    gateway = world.gateway()
    response = gateway.get("/scores", origin("https://elsewhere.example"))
    assert response.status == 200 and response.getheader("Access-Control-Allow-Origin") is None
    response = gateway.request(
        "OPTIONS", "/scores", headers={**origin("https://elsewhere.example"), "Access-Control-Request-Method": "POST"}
    )
    assert response.status == 204 and response.getheader("Access-Control-Allow-Methods") is None


def test_a_page_on_the_list_may(world):
    gateway = world.gateway(ALLOWED_ORIGINS="https://one.example, https://two.example:8443")
    for name in ("https://one.example", "https://two.example:8443"):
        for response in (
            gateway.get("/scores?limit=1", origin(name)),
            gateway.get("/scores/999", origin(name)),
            gateway.request("POST", "/scores", SCORE, {**JSON, **origin(name)}),
            gateway.request("POST", "/scores", "no score", {**JSON, **origin(name)}),
            gateway.request("PUT", "/scores", SCORE, {**JSON, **origin(name)}),
            gateway.request("POST", "/scores", b"x" * (2 << 20), {**JSON, **origin(name), "Expect": "100-continue"}),
        ):
            assert response.status < 500, response.content
            assert response.getheader("Access-Control-Allow-Origin") == name
            assert response.getheader("Vary") == "Origin"
        asked = {**origin(name), "Access-Control-Request-Method": "POST"}
        response = gateway.request("OPTIONS", "/scores", headers=asked)
        assert response.status == 204
        assert response.getheader("Access-Control-Allow-Methods") == "GET, HEAD, POST"
        assert "Idempotency-Key" in response.getheader("Access-Control-Allow-Headers")
        assert response.getheader("Access-Control-Allow-Origin") == name
    for headers in (origin("https://three.example"), origin("https://one.example.evil"), {}):
        response = gateway.get("/scores", headers)
        assert response.getheader("Access-Control-Allow-Origin") is None
        assert response.getheader("Vary") == "Origin", "caches must not give it to a page that may"
    assert gateway.get("/healthz", origin("https://one.example")).getheader("Access-Control-Allow-Origin") is None


def test_a_page_on_the_list_may_read_the_events(world):
    name = "https://one.example"
    gateway = world.gateway(ALLOWED_ORIGINS=f"{name},https://two.example")
    with gateway.wire() as wire:
        wire.send(request("GET", "/events?history=0", b"", f"Origin: {name}"))
        head = b""
        while not head.endswith(b"retry: 1000\n\n"):
            head += wire.socket.recv(1000)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert head.count(b"Access-Control-Allow-Origin: https://one.example\r\n") == 1
    assert head.count(b"Vary: Origin\r\n") == 1
    for response in (gateway.request("HEAD", "/events", headers=origin(name)), gateway.get("/events?after=x", origin(name))):
        assert response.status in (200, 422)
        assert response.getheader("Access-Control-Allow-Origin") == name
    response = gateway.get("/events", origin("https://three.example"))
    assert response.status == 403 and response.getheader("Vary") == "Origin"
    assert response.getheader("Access-Control-Allow-Origin") is None
    asked = {**origin(name), "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "last-event-id"}
    response = gateway.request("OPTIONS", "/events", headers=asked)
    assert response.status == 204 and response.getheader("Access-Control-Allow-Origin") == name
    assert response.getheader("Access-Control-Allow-Methods") == "GET, HEAD"
    assert response.getheader("Access-Control-Allow-Headers") == "Last-Event-ID"


def test_a_list_without_the_own_page_is_told(world):
    own = {"REPORTER_URL": "https://Scores.example:443/live"}
    told = "ALLOWED_ORIGINS lacks https://scores.example (REPORTER_URL)"
    assert told in world.gateway(ALLOWED_ORIGINS="https://one.example", **own).log
    for origins in ("https://one.example,https://scores.example", "*", None):
        assert told not in world.gateway(**world.apart, ALLOWED_ORIGINS=origins, **own).log


def test_any_page_may_when_said_so(world):
    gateway = world.gateway(ALLOWED_ORIGINS="*")
    response = gateway.get("/scores", origin("https://elsewhere.example"))
    assert response.getheader("Access-Control-Allow-Origin") == "*" and response.getheader("Vary") is None
    response = gateway.request("HEAD", "/events", headers=origin("https://elsewhere.example"))
    assert response.getheader("Access-Control-Allow-Origin") == "*"


def test_a_long_answer_says_it_too(world):
    """One that is streamed, and its head made long before."""
    world.fill(3000)
    gateway = world.gateway(ALLOWED_ORIGINS="https://one.example")
    response = gateway.get("/scores", origin("https://one.example"))
    assert response.getheader("Access-Control-Allow-Origin") == "https://one.example"
    assert response.getheader("Transfer-Encoding") == "chunked" and len(json.loads(response.content)) == 3000


# MARK: The rate


def elsewhere(gateway):
    """A connection from an address of its own: who waited for the start, and asked who knows how often, had another."""
    return http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30, source_address=("127.0.0.2", 0))


def statuses(gateway, count, headers=None, connection=None):
    connection = connection or elsewhere(gateway)
    answers = []
    for _ in range(count):
        connection.request("GET", "/scores?limit=1", headers=headers or {})
        response = connection.getresponse()
        response.read()
        answers.append((response.status, response.getheader("Retry-After")))
    return answers


def test_who_asks_too_often_is_told_when_to_come_again(world):
    gateway = world.gateway(RATE_LIMIT="20/h")
    answers = statuses(gateway, 30)
    codes = [status for status, _ in answers]
    # The connection counts as a request does.
    assert codes == [200] * 19 + [429] * 11
    # The next one is there in three minutes, or some seconds less.
    assert all(100 < int(after) <= 180 for status, after in answers if status == 429)


def test_what_is_not_there_is_counted_too(world):
    gateway = world.gateway(RATE_LIMIT="10/h")
    connection = elsewhere(gateway)
    codes = []
    for path in ("/nothing", "*") * 8:
        connection.request("GET" if path != "*" else "OPTIONS", path)
        response = connection.getresponse()
        response.read()
        codes.append(response.status)
    assert codes[:9] == [404, 204] * 4 + [404] and set(codes[9:]) == {429}


def test_probes_are_not_counted(world):
    gateway = world.gateway(RATE_LIMIT="50/h")
    connection = elsewhere(gateway)
    for _ in range(20):
        for path in ("/healthz", "/readiness", "/metrics"):
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            assert response.status == 200
    assert 200 in {status for status, _ in statuses(gateway, 3, connection=connection)}


def test_a_token_has_a_rate_of_its_own(world):
    gateway = world.gateway(RATE_LIMIT="10/h", API_TOKENS=f"{FIRST},{SECOND}")
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    for token in (FIRST, SECOND):
        answers = statuses(gateway, 12, bearer(token), connection)
        assert [status for status, _ in answers].count(200) == 10


def test_the_rate_comes_back(world):
    gateway = world.gateway(RATE_LIMIT="30/m")
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    eventually(lambda: 429 in {status for status, _ in statuses(gateway, 20, connection=connection)})
    eventually(lambda: statuses(gateway, 1, connection=connection)[0][0] == 200)


def test_connecting_and_leaving_is_not_free(world):
    """But no connection is refused for it: it may be a probe's."""
    gateway = world.gateway(RATE_LIMIT="100/h")
    for _ in range(120):
        socket.create_connection(("127.0.0.1", gateway.port), timeout=30).close()
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    eventually(lambda: statuses(gateway, 1, connection=connection)[0][0] == 429)
    assert gateway.get("/healthz").status == 200


# MARK: Proxies


def test_clients_behind_a_proxy_are_told_apart_by_its_word(world):
    gateway = world.gateway(RATE_LIMIT="10/h", TRUSTED_PROXIES="127.0.0.0/8")
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    for client in ("198.51.100.1", "198.51.100.2", "2001:db8:1::1"):
        answers = statuses(gateway, 12, {"X-Forwarded-For": client}, connection)
        assert [status for status, _ in answers] == [200] * 10 + [429] * 2
    # What a client wrote itself stands before what the proxy adds; a network of IPv6 is one client.
    for forged in ("9.9.9.9, 198.51.100.1", "2001:db8:1::2"):
        assert statuses(gateway, 1, {"X-Forwarded-For": forged}, connection)[0][0] == 429
    # Nor does it help to write what joins with the comma, where text is read as characters.
    for index in range(5):
        forged = f"9.9.9.{index}:\u0600, 198.51.100.1".encode()
        assert statuses(gateway, 1, {"X-Forwarded-For": forged}, connection)[0][0] == 429


def test_a_proxy_that_adds_a_line(world):
    """One list, whether it is in one line or in two (RFC 9110 5.3)."""
    gateway = world.gateway(RATE_LIMIT="5/h", TRUSTED_PROXIES="127.0.0.0/8")
    with gateway.wire() as wire:

        def status(*lines):
            wire.send(request("GET", "/scores?limit=1", b"", *(f"X-Forwarded-For: {line}" for line in lines)))
            return wire.answer().status

        for index in range(10):
            assert status("203.0.113.9", f"198.51.100.{index}") == 200, "each is a client of its own"
        for index in range(5):
            assert status(f"203.0.113.{index}", "192.0.2.1") == 200
        assert status("203.0.113.9", "192.0.2.1") == 429, "whatever it wrote itself"


def test_nobody_else_is_believed(world):
    gateway = world.gateway(RATE_LIMIT="10/h", TRUSTED_PROXIES="10.0.0.0/8")
    connection = elsewhere(gateway)
    answers = [
        statuses(gateway, 1, {"X-Forwarded-For": f"198.51.100.{index}"}, connection)[0][0] for index in range(15)
    ]
    assert answers == [200] * 9 + [429] * 6


# MARK: Connections of one address


def test_one_address_does_not_take_all_connections(world):
    gateway = world.gateway(MAX_CONNECTIONS_PER_ADDRESS=5, REACTORS=2)
    with contextlib.ExitStack() as stack:
        # What the start asked for has to be gone.
        def full():
            with contextlib.suppress(AssertionError, OSError, http.client.HTTPException):
                return gateway.get("/healthz").status == 429

        held = []
        for _ in range(5):
            connection = stack.enter_context(
                contextlib.closing(http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30))
            )
            connection.request("GET", "/healthz")
            assert connection.getresponse().read()
            held.append(connection)
        eventually(full, what="the sixth is refused")
        # Another address is another client.
        other = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30, source_address=("127.0.0.2", 0))
        with contextlib.closing(other):
            other.request("GET", "/healthz")
            assert other.getresponse().status == 200
        held[0].close()
        eventually(lambda: gateway.get("/healthz").status == 200, what="one that left makes room")


def test_a_websocket_goes_on_counting(world):
    gateway = world.gateway(MAX_CONNECTIONS_PER_ADDRESS=1, REACTORS=1)
    with contextlib.ExitStack() as stack:

        def opened():
            # What the start asked with has to be gone.
            with contextlib.suppress(Exception):
                stack.enter_context(subscribe(gateway))
                return True

        eventually(opened)
        eventually(lambda: gateway.get("/healthz").status == 429)
    eventually(lambda: gateway.get("/healthz").status == 200)


@pytest.mark.parametrize(
    "name, value",
    [
        ("API_TOKENS", "short"),
        ("RATE_LIMIT", "many"),
        ("TRUSTED_PROXIES", "10.0.0.0/99"),
        ("MAX_CONNECTIONS_PER_ADDRESS", "0"),
    ],
)
def test_bad_values(world, name, value):
    from gateway import command

    result = command("serve", env={name: value}, directory=world.directory)
    assert result.returncode == 78 and name in result.stderr
    assert name != "API_TOKENS" or value not in result.stderr.replace("shortest", "")
