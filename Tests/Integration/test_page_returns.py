"""Section 3: the page at `/` after its connection, its machine or the gateway was away."""

import contextlib
import json
import queue
import threading

from websockets.sync.server import serve

from browser import shows
from lossy_link import LossyLink
from waiting import eventually

STATE = "document.getElementById('state').dataset.state"
COUNT = "Number(document.getElementById('count').textContent.replace(/\\D/g, ''))"
PLAYERS = "[...document.querySelectorAll('#scores tr')].map((row) => row.cells[0].textContent)"

# The wall clock, which a test sets forward by seconds, and may stop.
CLOCK = """
    const Clock = Date;
    let passed = 0;
    window.pass = (seconds) => { passed += seconds * 1000 };
    window.stop_ = () => {
      const stopped = Clock.now();
      Clock.now = () => stopped;
    };
    window.Date = class extends Clock {
      constructor(...given) { given.length ? super(...given) : super(Clock.now() + passed) }
      static now() { return Clock.now() + passed }
    };
    window.ticks = 0;
    const every = setInterval;
    window.setInterval = (action, delay) => every(() => { action(); window.ticks += 1 }, delay);
"""
# How many the page made, and how many of them opened.
SOCKETS = """
    window.sockets = window.opened = window.messages = 0;
    window.WebSocket = class extends WebSocket {
      constructor(url) {
        super(url);
        window.sockets += 1;
        window.last = this;
        this.addEventListener("open", () => { window.opened += 1 });
        this.addEventListener("message", () => { window.messages += 1 });
      }
    };
"""
# What it said of its connection after "Connecting…".
STATES = """
    window.states = [];
    addEventListener("DOMContentLoaded", () => {
      const state = document.getElementById("state");
      new MutationObserver(() => window.states.push(state.textContent)).observe(state, { childList: true });
    });
"""
# For how long it waits before it connects again: of its timers, those of a length by chance, but for a frame's (250 ms).
DELAYS = """
    window.delays = [];
    const set = setTimeout;
    window.setTimeout = (action, delay, ...given) => {
      if (!Number.isInteger(delay ?? 0) && delay > 250) window.delays.push(delay);
      return set(action, delay, ...given);
    };
"""


@contextlib.contextmanager
def reporter(handler):
    """One whose every WebSocket does what a test wants: its address."""
    with serve(handler, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join()


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


def pass_awake(chromium, seconds):
    """Time passes on the wall clock, and the page's timers run all the while."""
    for _ in range(0, seconds, 20):
        ticks = chromium.evaluate("window.pass(20); window.ticks")
        eventually(lambda: chromium.evaluate("window.ticks") > ticks + 2, what="the page's timers")


def test_a_line_that_is_dead_is_noticed(world, chromium):
    """Nothing passes, and neither side is told. A minute later another line is tried, and has no answer either."""
    gateway = world.gateway()
    gateway.post("before", 1)
    with LossyLink(gateway.url) as link, chromium.beginning_with(CLOCK + SOCKETS):
        chromium.open(link.url + "/")
        shows(chromium, "before")
        link.stall()
        gateway.post("missed", 2)
        assert chromium.evaluate("window.sockets") == 1
        pass_awake(chromium, 60)
        eventually(lambda: chromium.evaluate("window.sockets") > 2, 60, "it connects anew")
        link.flow()
        shows(chromium, "missed")
        is_live(chromium)
        counts(chromium, 2)


def test_a_line_that_is_dead_while_another_lives_is_noticed(world, chromium):
    """A firewall has forgotten it: what is new comes on another one."""
    gateway = world.gateway()
    gateway.post("before", 1)
    with LossyLink(gateway.url) as link, chromium.beginning_with(CLOCK + SOCKETS):
        chromium.open(link.url + "/")
        shows(chromium, "before")
        link.forget()
        gateway.post("missed", 2)
        pass_awake(chromium, 60)
        shows(chromium, "missed")
        is_live(chromium)
        counts(chromium, 2)


def test_after_a_sleep_it_connects_anew(world, chromium):
    gateway = world.gateway()
    gateway.post("before", 1)
    with chromium.beginning_with(CLOCK + SOCKETS):
        chromium.open(gateway.url + "/")
        shows(chromium, "before")
        chromium.evaluate("window.slept = last; window.pass(100)")
        eventually(lambda: chromium.evaluate("last !== slept && last.readyState === 1 && slept.readyState > 1"))
        gateway.post("after", 2)
        shows(chromium, "after")
        counts(chromium, 2)


def test_a_quiet_line_that_lives_stays_live(world, chromium):
    """It is looked at, at the cost of a message, and nobody is told."""
    gateway = world.gateway()
    for index in range(50):
        gateway.post("before", index)
    with chromium.beginning_with(CLOCK + SOCKETS + STATES):
        chromium.open(gateway.url + "/")
        shows(chromium, "before")
        is_live(chromium)
        counts(chromium, 50)
        chromium.evaluate("window.first = last")
        for number in (2, 3):
            pass_awake(chromium, 60)
            eventually(lambda: chromium.evaluate("window.opened") >= number, what="another line is asked")
            eventually(lambda: chromium.evaluate("window.messages - window.opened") == 49, what="it has answered")
        gateway.post("after", 2)
        shows(chromium, "after")
        counts(chromium, 51)
        eventually(lambda: chromium.evaluate("last.readyState > 1"), what="the other line is left")
        assert chromium.evaluate("first.readyState === 1")
        assert chromium.evaluate("window.states.join()") == "Live"


def misses(world, chromium, gateway, count, seconds):
    """The gateway is away for so long, and so many scores are stored meanwhile."""
    gateway.stop()
    eventually(lambda: chromium.evaluate(STATE) != "live")
    world.fill(count, lambda n: f"missed-{n}")
    chromium.evaluate(f"window.pass({seconds})")


def test_after_a_long_absence_it_goes_on_from_the_newest(world, chromium):
    gateway = world.gateway()
    gateway.post("the best", 1_000_000)
    with chromium.beginning_with(CLOCK):
        chromium.open(gateway.url + "/")
        shows(chromium, "the best")
        misses(world, chromium, gateway, count=5000, seconds=600)
        again = world.gateway(PORT=gateway.port)
        is_live(chromium)
        again.post("after", 1)
        shows(chromium, "after")
        assert chromium.evaluate(PLAYERS)[:3] == ["after", "missed-5000", "missed-4999"]
        assert chromium.evaluate(COUNT) == 1002, "what was there before, the snapshot, and the new one"
        assert chromium.evaluate("document.querySelector('#best li bdi').textContent") == "the best"
        assert "was away from" in chromium.text and "goes on from the newest" in chromium.text


def test_after_a_long_absence_in_which_little_came_nothing_is_missed(world, chromium):
    gateway = world.gateway()
    gateway.post("before", 1)
    with chromium.beginning_with(CLOCK):
        chromium.open(gateway.url + "/")
        shows(chromium, "before")
        misses(world, chromium, gateway, count=500, seconds=600)
        world.gateway(PORT=gateway.port)
        counts(chromium, 501)
        assert "away" not in chromium.text


def test_after_a_short_absence_nothing_is_missed(world, chromium):
    gateway = world.gateway(FEED_HISTORY=10)
    gateway.post("before", 1)
    with chromium.beginning_with(CLOCK):
        chromium.open(gateway.url + "/")
        shows(chromium, "before")
        misses(world, chromium, gateway, count=5000, seconds=100)
        world.gateway(PORT=gateway.port, FEED_HISTORY=10)
        counts(chromium, 5001)
        assert "away" not in chromium.text


def test_a_store_that_begins_anew_hides_nothing(world, chromium):
    """It gives ids once more: some that the page knows, and some that are below all it has."""
    world.fill(3000)
    gateway = world.gateway(FEED_HISTORY=5)
    chromium.open(gateway.url + "/")
    counts(chromium, 5)
    gateway.stop()
    world.sql('truncate "Score" restart identity')
    again = world.gateway(PORT=gateway.port, FEED_HISTORY=5)
    is_live(chromium)
    posted = [again.post(f"new-{index}", 1) for index in range(7)]
    assert [score["id"] for score in posted] == list(range(1, 8))
    counts(chromium, 12)
    again.stop()
    eventually(lambda: chromium.evaluate(STATE) != "live")
    world.fill(1000, lambda n: f"missed-{n}")
    third = world.gateway(PORT=gateway.port, FEED_HISTORY=5)
    counts(chromium, 1012)
    assert chromium.evaluate(PLAYERS)[0] == "missed-1000"
    third.stop()
    eventually(lambda: chromium.evaluate(STATE) != "live")
    world.sql('truncate "Score" restart identity')
    last = world.gateway(PORT=gateway.port, FEED_HISTORY=5)
    is_live(chromium)
    for index in range(7):
        last.post(f"once-more-{index}", 1)
    counts(chromium, 1019)


def test_rows_of_yesterday_have_a_date(world, chromium):
    gateway = world.gateway()
    gateway.post("yesterday", 1)
    with chromium.beginning_with(CLOCK):
        chromium.open(gateway.url + "/")
        shows(chromium, "yesterday")
        time = "document.querySelector('#scores tr').cells[2].textContent"
        before = chromium.evaluate(time)
        month = chromium.evaluate("new Intl.DateTimeFormat(undefined, { month: 'short' }).format(new Date())")
        assert month not in before
        chromium.evaluate("window.pass(24 * 3600)")
        eventually(lambda: month in chromium.evaluate(time))
        assert chromium.evaluate(PLAYERS) == ["yesterday"]


def test_a_feed_that_opens_and_closes_is_asked_ever_more_rarely(world, chromium):
    """As one does whose history is out of reach. It is not called live."""
    with reporter(lambda socket: socket.close(1013, "try again later")) as url:
        gateway = world.gateway(REPORTER_URL=url)
        with chromium.beginning_with(STATES + DELAYS):
            chromium.open(gateway.url + "/")
            eventually(lambda: chromium.evaluate("Math.max(0, ...window.delays) > 1000"), what="it waits longer")
            assert set(chromium.evaluate("window.states")) == {"Connection lost, trying again"}


def scored(id):
    """A score of the year before."""
    return json.dumps({"id": id, "user": f"player-{id}", "score": id, "created_at": "2025-11-28T21:00:00.000Z"})


def test_an_absence_lasts_until_the_feed_works_again(world, chromium):
    """However often it opens and closes before."""
    paths, has = [], [1]

    def handle(socket):
        paths.append(socket.request.path)
        if has:
            socket.send(scored(has.pop()))

    with reporter(handle) as url, chromium.beginning_with(CLOCK):
        gateway = world.gateway(REPORTER_URL=url)
        chromium.open(gateway.url + "/")
        shows(chromium, "player-1")
        chromium.evaluate("window.pass(600)")
        before = len(paths)
        eventually(lambda: len(paths) > before + 2, 60)
        assert all("after" not in path for path in paths[before + 1 :])
        has.append(9)
        shows(chromium, "goes on from the newest")
        before = len(paths)
        eventually(lambda: len(paths) > before + 1, 60)
        assert "after=9" in paths[-1]


def test_the_rate_is_not_that_of_what_was_missed(world, chromium):
    """However long that takes to come."""
    sockets = queue.Queue()

    def handle(socket):
        sockets.put(socket)
        for _ in socket:
            pass  # until it is closed

    def a_rate_is_told():
        chromium.evaluate("window.ticks = 0; setInterval(() => { window.ticks += 1 }, 1000)")
        eventually(lambda: chromium.evaluate("window.ticks") >= 2)

    with reporter(handle) as url, chromium.beginning_with(CLOCK + SOCKETS):
        gateway = world.gateway(REPORTER_URL=url)
        chromium.open(gateway.url + "/")
        first = sockets.get(timeout=60)
        first.send(scored(1))
        shows(chromium, "player-1")
        chromium.evaluate("window.stop_()")
        first.close()
        second = sockets.get(timeout=60)
        eventually(lambda: chromium.evaluate("window.opened") == 2)
        a_rate_is_told()
        chromium.evaluate("window.pass(5)")
        for id in range(2, 1000):
            second.send(scored(id))
        counts(chromium, 999)
        a_rate_is_told()
        assert chromium.evaluate("document.getElementById('rate').textContent") == "0"
        now = json.loads(chromium.evaluate("JSON.stringify(new Date())"))
        for id in range(1000, 1100):
            second.send(json.dumps({**json.loads(scored(id)), "created_at": now}))
        eventually(lambda: chromium.evaluate("document.getElementById('rate').textContent") != "0")
        second.close()
