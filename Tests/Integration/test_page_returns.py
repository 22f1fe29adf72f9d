"""Section 3: the page at `/` after its connection, its machine or the gateway was away."""

from browser import shows
from waiting import eventually

STATE = "document.getElementById('state').dataset.state"
COUNT = "Number(document.getElementById('count').textContent.replace(/\\D/g, ''))"
PLAYERS = "[...document.querySelectorAll('#scores tr')].map((row) => row.cells[0].textContent)"


def is_live(browser):
    eventually(lambda: browser.evaluate(STATE) == "live", 60, "the page is live")


def counts(browser, number):
    eventually(lambda: browser.evaluate(COUNT) == number, 60, f"the page has seen {number}")


def test_what_a_resumed_feed_repeats_is_not_new(world, chromium):
    """It repeats more than the snapshot had that the page began with."""
    world.fill(5000, lambda n: f"old-{n}")
    gateway = world.gateway()
    chromium.open(gateway.url + "/")
    shows(chromium, "old-5000")
    counts(chromium, 1000)
    gateway.stop()
    eventually(lambda: chromium.evaluate(STATE) != "live")
    again = world.gateway(PORT=gateway.port)
    is_live(chromium)
    again.post("after", 1)
    shows(chromium, "after")
    assert chromium.evaluate(PLAYERS)[:3] == ["after", "old-5000", "old-4999"]
    assert chromium.evaluate(COUNT) == 1001
