"""Section 3: the page at `/`, in a real browser."""

import contextlib
import functools
import http.server
import json
import threading

import pytest

from browser import shows
from waiting import eventually


def test_the_page_shows_a_score_without_a_reload(world, chromium):
    gateway = world.gateway()
    gateway.post("snapshot-player", 41)
    chromium.requests.clear()
    chromium.open(gateway.url + "/")
    shows(chromium, "snapshot-player")
    chromium.evaluate("window.notReloaded = true")
    gateway.post("live-player", 4321)
    shows(chromium, "live-player")
    assert "4321" in chromium.text
    assert chromium.evaluate("window.notReloaded") is True
    # Newest on top.
    text = chromium.text
    assert text.index("live-player") < text.index("snapshot-player")
    own = [gateway.url, f"ws://127.0.0.1:{gateway.port}", "data:", "blob:"]
    assert all(url.startswith(tuple(own)) for url in chromium.requests), chromium.requests
    assert not chromium.errors


def test_hostile_names_stay_text(world, chromium):
    gateway = world.gateway()
    names = [
        "<img src=x onerror='window.pwned=1'>",
        "<script>window.pwned=1</script>",
        "</td></tr></table><h1 id=pwned>",
        "&lt;b&gt;",
        "'\"`${window.pwned=1}",
    ]
    gateway.post(names[0], 1)
    chromium.open(gateway.url + "/")
    for name in names[1:]:
        gateway.post(name, 1)
    for name in names:
        shows(chromium, name)
    assert chromium.evaluate("window.pwned === undefined && document.getElementById('pwned') === null") is True
    assert chromium.evaluate("document.images.length") == 0


def test_the_page_comes_back_after_the_gateway_did(world, chromium):
    gateway = world.gateway()
    gateway.post("before", 1)
    chromium.open(gateway.url + "/")
    shows(chromium, "before")
    chromium.evaluate("window.notReloaded = true")
    state = "document.querySelector('[role=status]').textContent"
    connected = chromium.evaluate(state)
    gateway.stop()
    eventually(lambda: chromium.evaluate(state) != connected, what="the page says that the connection is gone")
    again = world.gateway(PORT=gateway.port)
    again.post("after-the-restart", 2)
    shows(chromium, "after-the-restart", 60)
    eventually(lambda: chromium.evaluate(state) == connected, what="the page says that it is back")
    assert chromium.evaluate("window.notReloaded") is True
    rows = chromium.evaluate("document.getElementById('scores').innerText").count("before")
    assert rows == 1, "the resumed feed doubled a row"


def test_many_scores_do_not_drown_the_page(world, chromium):
    world.fill(5000, lambda n: f"old-{n}")
    gateway = world.gateway(FEED_HISTORY=5000)
    chromium.open(gateway.url + "/")
    shows(chromium, "old-5000")
    gateway.post("the-newest", 1)
    shows(chromium, "the-newest")
    assert chromium.evaluate("document.querySelectorAll('tr, li').length") < 3000, "rows are capped"


def test_a_flood_leaves_the_page_usable(world, chromium):
    """Thousands a second: every one is counted, few are shown, and the page answers all the while."""
    gateway = world.gateway()
    chromium.open(gateway.url + "/")
    eventually(lambda: chromium.evaluate("document.getElementById('state').dataset.state") == "live")
    chromium.evaluate("window.frames_ = 0; (function next() { window.frames_ += 1; requestAnimationFrame(next) })()")
    lines = "".join(json.dumps({"user": f"u{index % 700}", "score": index}) + "\n" for index in range(1000))
    for round in range(30):
        assert gateway.request("POST", "/scores", lines, {"Content-Type": "application/x-ndjson"}).status == 200
        before = chromium.evaluate("window.frames_")
        eventually(lambda: chromium.evaluate("window.frames_") > before, what="frames are drawn")
    count = "document.getElementById('count').textContent.replace(/\\D/g, '')"
    eventually(lambda: chromium.evaluate(count) == "30000", 30, "all are counted")
    assert chromium.evaluate("document.querySelectorAll('tbody tr').length") <= 500
    eventually(lambda: chromium.evaluate("document.querySelector('#best li b').textContent") == "999")
    assert chromium.evaluate("document.querySelectorAll('#best li').length") == 8


def test_the_best_are_listed(world, chromium):
    gateway = world.gateway()
    for user, score in [("ada", 5), ("bob", 9), ("ada", 7), ("ada", 3), ("<b>eve</b>", 8)]:
        gateway.post(user, score)
    chromium.open(gateway.url + "/")
    best = "[...document.querySelectorAll('#best li')].map((item) => item.textContent).join()"
    eventually(lambda: chromium.evaluate(best) == "bob9,<b>eve</b>8,ada7")
    gateway.post("ada", 20)
    eventually(lambda: chromium.evaluate(best) == "ada20,bob9,<b>eve</b>8")


def test_a_score_is_posted_from_the_page(world, chromium):
    gateway = world.gateway()
    chromium.errors.clear()
    chromium.open(gateway.url + "/")

    def post(user, score):
        chromium.evaluate(
            f"(() => {{ const form = document.getElementById('post'); form.elements.user.value = {json.dumps(user)};"
            f"form.elements.score.value = {json.dumps(score)}; form.requestSubmit() }})()"
        )

    told = "document.querySelector('#post output').textContent"
    post("from the page", "42")
    eventually(lambda: chromium.evaluate(told) == "Stored as number 1.")
    shows(chromium, "from the page")
    post("from the page", "4.5")
    eventually(lambda: "score: expected an integer" in chromium.evaluate(told))
    assert chromium.evaluate("document.querySelector('#post output').className") == "bad"
    assert not chromium.errors
    reporter = world.gateway(ROLE="reporter", SCORES_API=gateway.url, DATABASE_URL=None)
    chromium.open(reporter.url + "/")
    assert chromium.evaluate("document.getElementById('post') === null"), "nobody there takes scores"


@contextlib.contextmanager
def elsewhere(directory):
    """Another origin: the address of an empty page."""
    (directory / "index.html").write_text("<!doctype html><title>elsewhere</title>")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=directory)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_page_of_another_origin_that_is_allowed_reads_the_events(world, chromium, tmp_path):
    """And comes again behind the last one, which it asks for with a field of its own."""
    with elsewhere(tmp_path) as origin:
        gateway = world.gateway(ALLOWED_ORIGINS=origin)
        gateway.post("ada", 3)
        chromium.open(origin)
        chromium.evaluate(
            f"window.users = []; window.source = new EventSource('{gateway.url}/events');"
            "source.onmessage = (event) => users.push(JSON.parse(event.data).user)"
        )
        eventually(lambda: chromium.evaluate("users.join()") == "ada")
        gateway.stop()
        again = world.gateway(PORT=gateway.port, ALLOWED_ORIGINS=origin)
        again.post("bob", 4)
        eventually(lambda: "bob" in chromium.evaluate("users.join()"))
        chromium.evaluate("source.close()")


@pytest.mark.parametrize("width", [375, 1280, 1920])
def test_it_fits(world, chromium, width):
    gateway = world.gateway()
    gateway.post("w" * 255, -2147483648)
    gateway.post("a name with blanks " * 10, 7)
    chromium.call(
        "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 500
    )
    chromium.open(gateway.url + "/")
    shows(chromium, "-2147483648" if width > 375 else "7")
    assert chromium.evaluate("document.documentElement.scrollWidth") <= width
    chromium.call("Emulation.clearDeviceMetricsOverride")


def test_the_form_can_be_reached_on_a_laptop(world, chromium):
    gateway = world.gateway()
    gateway.request("POST", "/scores", json.dumps([{"user": f"player-{n}", "score": n} for n in range(100)]))
    chromium.call("Emulation.setDeviceMetricsOverride", width=1366, height=625, deviceScaleFactor=1, mobile=False)
    chromium.open(gateway.url + "/")
    eventually(lambda: chromium.evaluate("document.querySelectorAll('#best li').length") == 8)
    chromium.evaluate("document.querySelector('#post button').scrollIntoView({ block: 'nearest', behavior: 'instant' })")
    box = json.loads(chromium.evaluate("JSON.stringify(document.querySelector('#post button').getBoundingClientRect())"))
    header = chromium.evaluate("document.querySelector('header').getBoundingClientRect().bottom")
    assert header <= box["top"] and box["bottom"] <= 625
    chromium.call("Emulation.clearDeviceMetricsOverride")


def test_a_pressed_pause_can_be_told_where_colours_are_forced(world, chromium):
    gateway = world.gateway()
    chromium.open(gateway.url + "/")
    chromium.call("Emulation.setEmulatedMedia", features=[{"name": "forced-colors", "value": "active"}])
    is_live = "document.getElementById('state').dataset.state === 'live'"  # nothing beside it moves any more
    eventually(lambda: chromium.evaluate(is_live))
    box = json.loads(chromium.evaluate("JSON.stringify(document.getElementById('pause').getBoundingClientRect())"))
    clip = {"x": box["x"], "y": box["y"], "width": box["width"], "height": box["height"], "scale": 1}

    def look():
        return chromium.call("Page.captureScreenshot", format="png", clip=clip)["data"]

    before = look()
    chromium.evaluate("document.getElementById('pause').click()")
    eventually(lambda: look() != before)
    chromium.call("Emulation.setEmulatedMedia", features=[])


def test_the_page_is_complete_html(world):
    gateway = world.gateway()
    response = gateway.get("/")
    assert response.status == 200
    assert response.getheader("Content-Type").replace(" ", "").lower() == "text/html;charset=utf-8"
    page = response.content.decode()
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert 'name="viewport"' in page and "color-scheme" in page, "a phone, and the dark"
