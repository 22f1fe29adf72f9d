"""`/openapi.json` says what is so, and `/docs` shows it and lets it be tried."""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
from openapi_spec_validator import validate

from waiting import eventually


def document(gateway):
    answer = gateway.get("/openapi.json")
    assert answer.status == 200 and answer.getheader("Content-Type") == "application/json"
    return json.loads(answer.content)


def test_the_document_is_valid_and_says_what_this_process_hosts(world):
    everything = document(world.gateway(MAX_BODY="2MiB"))
    validate(everything)
    assert everything["openapi"] == "3.1.0"
    assert set(everything["paths"]) == {
        "/scores", "/scores/{id}", "/", "/ws/{client_id}", "/events", "/healthz", "/readiness", "/metrics",
        "/openapi.json", "/docs",
    }  # fmt: skip
    assert "2097152 bytes" in everything["paths"]["/scores"]["post"]["description"]
    ids = [operation["operationId"] for path in everything["paths"].values() for operation in path.values()]
    assert len(set(ids)) == len(ids)
    scores = document(world.gateway(ROLE="scores"))
    validate(scores)
    assert set(scores["paths"]) == {
        "/scores", "/scores/{id}", "/healthz", "/readiness", "/metrics", "/openapi.json", "/docs",
    }  # fmt: skip
    poster = world.slack()
    assert world.gateway(ROLE="poster", DATABASE_URL=None, **poster.env).get("/openapi.json").status == 404


def test_every_operation_exists_and_no_other(gateway):
    """The other way round: what the gateway allows on a path is what the document has, HEAD and OPTIONS aside."""
    for path, operations in document(gateway)["paths"].items():
        target = path.replace("{id}", "1").replace("{client_id}", "1")
        allowed = gateway.request("OPTIONS", target).getheader("Allow").split(", ")
        assert set(allowed) - {"HEAD", "OPTIONS"} == {method.upper() for method in operations}, path


def test_what_a_broken_escape_is_answered_is_in_it(gateway):
    described = document(gateway)["paths"]["/events"]["get"]["responses"]
    assert str(gateway.get("/events?after=%zz").status) in described


@pytest.mark.parametrize(
    "key", ["8e03978e", '"8e03978e"', '"with \\\\ and \\" and a blank"', "a,b", '"', '"open', '""', "a" * 256, '"a\\b"']
)
def test_a_key_is_taken_as_the_document_has_it(gateway, key):
    pattern = document(gateway)["components"]["parameters"]["IdempotencyKey"]["schema"]["pattern"]
    answer = gateway.request("POST", "/scores", '{"user": "ada", "score": 3}', {"Idempotency-Key": key})
    assert answer.status == (200 if re.search(pattern, key) else 400)


def test_it_is_not_sent_twice(gateway):
    first = gateway.get("/openapi.json")
    again = gateway.request("GET", "/openapi.json", headers={"If-None-Match": first.getheader("ETag")})
    assert again.status == 304 and again.content == b""
    head = gateway.request("HEAD", "/openapi.json")
    assert head.status == 200 and head.getheader("Content-Length") == str(len(first.content))


@pytest.mark.parametrize("kind", ["servers", "embedded"], indirect=True)
def test_schemathesis_finds_no_mismatch(world, tmp_path):
    """Positive and negative data, from the document alone; the streams without end are tested elsewhere."""
    gateway = world.gateway()
    result = subprocess.run(
        [
            pathlib.Path(sys.executable).with_name("schemathesis"), "run", f"{gateway.url}/openapi.json",
            "--exclude-path", "/ws/{client_id}", "--exclude-path", "/events",
            "--mode", "all", "--max-examples", "100", "--seed", "20261126", "--generation-database", "none",
        ],
        env={**os.environ, "SCHEMATHESIS_HOOKS": "openapi_hooks", "PYTHONPATH": str(pathlib.Path(__file__).parent)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=110,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout[-6000:]
    assert "No issues found" in result.stdout


# MARK: The page


def button(operation):
    return f"document.querySelector('#{operation} button')"


def attempt(browser, operation):
    browser.evaluate(f"{button(operation)}.click()")


def outcome(browser, operation, text):
    found = f"document.querySelector('#{operation} form > div').textContent"
    eventually(lambda: text in browser.evaluate(found), 20, f"{operation} shows {text!r}")
    return browser.evaluate(found)


def test_the_page_shows_every_operation_and_tries_it(world, chromium):
    gateway = world.gateway()
    chromium.requests.clear()
    chromium.errors.clear()
    chromium.open(gateway.url + "/docs")
    operations = [
        operation for path in document(gateway)["paths"].values() for operation in path.values()
    ]
    eventually(lambda: chromium.evaluate("document.querySelectorAll('details').length") == len(operations))
    for operation in operations:
        assert operation["summary"] in chromium.evaluate(f"document.getElementById('{operation['operationId']}').textContent")
    attempt(chromium, "postScores")
    assert '"user": "ada"' in outcome(chromium, "postScores", "200 OK")
    assert gateway.scores()[0]["user"] == "ada"
    chromium.evaluate("document.querySelector('#postScores textarea').value = '{\"user\":\"\"}'")
    attempt(chromium, "postScores")
    outcome(chromium, "postScores", "422")
    many = "document.querySelector('#postScores select[name=example]')"
    chromium.evaluate(f"{many}.value = '2'; {many}.dispatchEvent(new Event('change'))")
    attempt(chromium, "postScores")
    outcome(chromium, "postScores", '"stored": 2')
    chromium.evaluate("document.querySelector('#listScores input[name=limit]').value = '1'")
    attempt(chromium, "listScores")
    answer = outcome(chromium, "listScores", "200 OK")
    assert "etag:" in answer and answer.count('"id"') == 1
    chromium.evaluate("document.querySelector('#getScore input[name=id]').value = '999'")
    attempt(chromium, "getScore")
    outcome(chromium, "getScore", "404")
    for feed in ["followByWebSocket", "followByEvents"]:
        attempt(chromium, feed)
        outcome(chromium, feed, "open")
    gateway.post("live one", 7)
    for feed in ["followByWebSocket", "followByEvents"]:
        outcome(chromium, feed, '"user":"live one"')
        attempt(chromium, feed)
        outcome(chromium, feed, "closed")
    own = [gateway.url, f"ws://127.0.0.1:{gateway.port}", "data:"]
    assert all(url.startswith(tuple(own)) for url in chromium.requests), chromium.requests
    assert not chromium.errors


def test_a_feed_is_not_read_out_and_is_written_once_a_frame(world, chromium):
    """Frames come when the test says so."""
    gateway = world.gateway()
    with chromium.beginning_with("window.frames_ = []; window.requestAnimationFrame = (frame) => frames_.push(frame)"):
        chromium.open(gateway.url + "/docs")
        eventually(lambda: chromium.evaluate("document.querySelectorAll('details').length") > 5)
        attempt(chromium, "followByWebSocket")
        outcome(chromium, "followByWebSocket", "open")
        list = "document.querySelector('#followByWebSocket pre')"
        live = f"{list}.closest('[aria-live], [role=status]') === null"
        assert chromium.evaluate(live) is True
        assert chromium.evaluate("document.querySelector('#followByWebSocket [role=status]').textContent") == "open"
        for index in range(20):
            gateway.post(f"score {index}", index)
        eventually(lambda: chromium.evaluate("frames_.length") == 1)
        chromium.evaluate(f"window.writes = 0; new MutationObserver(() => {{ writes += 1 }}).observe({list}, {{ childList: true }})")
        assert chromium.evaluate(f"{list}.textContent") == ""
        eventually(lambda: chromium.evaluate("frames_.splice(0).forEach((frame) => frame())") or "score 19" in chromium.evaluate(f"{list}.textContent"))
        assert "score 0" in chromium.evaluate(f"{list}.textContent")
        chromium.evaluate("document.querySelector('#followByWebSocket button').click()")


def test_the_page_of_a_phone_is_not_wider_than_it(gateway, chromium):
    for width in (375, 1280):
        chromium.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 500
        )
        chromium.open(gateway.url + "/docs")
        eventually(lambda: chromium.evaluate("document.querySelectorAll('details').length") > 5)
        chromium.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        assert chromium.evaluate("document.documentElement.scrollWidth") <= width
    chromium.call("Emulation.clearDeviceMetricsOverride")
