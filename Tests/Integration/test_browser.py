"""Section 3: the page at `/`, in a real browser."""

import pytest

from browser import Browser
from waiting import eventually


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


def shows(browser, text, seconds=30):
    eventually(lambda: text in browser.text, seconds, f"the page shows {text!r}")


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
    rows = chromium.text.count("before")
    assert rows == 1, "the resumed feed doubled a row"


def test_many_scores_do_not_drown_the_page(world, chromium):
    world.sql("""insert into "Score" ("user", score) select 'old-' || n, n from generate_series(1, 5000) n""")
    gateway = world.gateway(FEED_HISTORY=5000)
    chromium.open(gateway.url + "/")
    shows(chromium, "old-5000")
    gateway.post("the-newest", 1)
    shows(chromium, "the-newest")
    assert chromium.evaluate("document.querySelectorAll('tr, li').length") < 3000, "rows are capped"


def test_the_page_is_complete_html(world):
    gateway = world.gateway()
    response = gateway.get("/")
    assert response.status == 200
    assert response.getheader("Content-Type").replace(" ", "").lower() == "text/html;charset=utf-8"
    page = response.content.decode()
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert 'name="viewport"' in page and "color-scheme" in page, "a phone, and the dark"
