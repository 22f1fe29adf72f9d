"""`/metrics`: the text format as Prometheus parses it, its naming conventions, and numbers that are right; and that the
dashboard and the alerts in deploy/monitoring ask for what is there."""

import json
import math
import re
import time

import pytest

import slack_stand_in as slack_answers
from certificates import Authority
from conftest import on
from feed import Collector, RawFeed, subscribe
from services import CHECKOUT
from waiting import eventually

pytestmark = on("servers", "embedded")

SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
MONITORING = CHECKOUT / "deploy" / "monitoring"


class Page:
    """Parsed as strictly as promtool does: a family's HELP and TYPE once and before its samples, its samples together,
    labels well formed, histograms cumulative."""

    def __init__(self, text):
        assert text.endswith("\n")
        self.kinds, self.samples, family, closed = {}, {}, None, set()
        helped = set()
        for line in text.splitlines():
            if line.startswith("# HELP "):
                _, _, name, words = line.split(" ", 3)
                assert name not in helped and words and words[0].isupper() and words.endswith("."), line
                helped.add(name)
                if family:
                    closed.add(family)
                family = name
                assert family not in closed, f"{family} is in two places"
            elif line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                assert name == family and name not in self.kinds and kind in ("counter", "gauge", "histogram"), line
                self.kinds[name] = kind
            else:
                match = SAMPLE.match(line)
                assert match, f"no sample: {line}"
                name, labels, value = match.groups()
                base = re.sub(r"_(bucket|sum|count)$", "", name) if self.kinds.get(family) == "histogram" else name
                assert base == family, f"{line} among the samples of {family}"
                pairs = LABEL.findall(labels or "")
                assert ",".join(f'{key}="{text}"' for key, text in pairs) == (labels or ""), line
                key = (name, tuple(pairs))
                assert key not in self.samples, f"twice: {line}"
                self.samples[key] = float(value)
                assert not math.isnan(self.samples[key])
        self._check_names()
        self._check_histograms()

    def _check_names(self):
        for name, kind in self.kinds.items():
            assert name.startswith(("score_gateway_", "process_")), name
            assert (kind == "counter") == name.endswith("_total"), f"{name} is a {kind}"
            if kind == "histogram":
                assert name.endswith(("_seconds", "_bytes", "_scores")), f"{name} has no unit"
            assert not re.search(r"_(ms|milliseconds|us|kb|mb|minutes)(_|$)", name), f"{name}: base units only"

    def _check_histograms(self):
        series = {}
        for (name, labels), value in self.samples.items():
            if name.endswith("_bucket"):
                rest = tuple(pair for pair in labels if pair[0] != "le")
                series.setdefault((name.removesuffix("_bucket"), rest), []).append((dict(labels)["le"], value))
        for (name, labels), buckets in series.items():
            bounds = [float(bound) for bound, _ in buckets]
            counts = [count for _, count in buckets]
            assert bounds == sorted(set(bounds)) and bounds[-1] == math.inf, name
            assert counts == sorted(counts), f"{name} is not cumulative"
            assert counts[-1] == self.samples[f"{name}_count", labels]
            assert f"{name}_sum", labels in self.samples

    def value(self, name, **labels):
        return self.samples.get((name, tuple(labels.items())), 0.0)


def read(gateway):
    answer = gateway.get("/metrics")
    assert answer.status == 200
    assert answer.getheader("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
    return Page(answer.content.decode())


def requests(page, route, method, status):
    return page.value("score_gateway_http_requests_total", route=route, method=method, status=str(status))


def test_requests_are_counted_by_route_and_status(world):
    gateway = world.gateway()
    for index in range(7):
        gateway.post("ada", index)
    gateway.request("POST", "/scores", "{}")
    gateway.request("POST", "/scores", "no json")
    gateway.request("POST", "/scores", "x", {"Content-Type": "text/plain"})
    for _ in range(3):
        gateway.get("/scores")
    gateway.request("HEAD", "/scores")
    gateway.get("/scores/1")
    gateway.get("/scores/999999")
    gateway.get("/nothing/here")
    gateway.request("DELETE", "/scores")
    with gateway.wire() as wire:
        wire.send(b"GET / HTTP/1.1\r\nHost : x\r\n\r\n")
        assert wire.answer().status == 400
    page = read(gateway)
    assert requests(page, "/scores", "POST", 200) == 7
    assert requests(page, "/scores", "POST", 422) == 1
    assert requests(page, "/scores", "POST", 400) == 1
    assert requests(page, "/scores", "POST", 415) == 1
    assert requests(page, "/scores", "GET", 200) == 4
    assert requests(page, "/scores/{id}", "GET", 200) == 1
    assert requests(page, "/scores/{id}", "GET", 404) == 1
    assert requests(page, "other", "any", 404) == 1
    assert requests(page, "other", "any", 400) == 1
    assert requests(page, "known", "other", 405) == 1
    posts = {"route": "/scores", "method": "POST"}
    assert page.value("score_gateway_http_request_duration_seconds_count", **posts) == 10
    assert 0 < page.value("score_gateway_http_request_duration_seconds_sum", **posts) < 60
    assert page.value("score_gateway_build_info", version="0.1.0", role="all") == 1


def test_flushes_commits_and_the_outbox(world):
    gateway = world.gateway()
    for _ in range(5):
        gateway.post("ada", 1)
    lines = "".join(json.dumps({"user": "u", "score": 1}) + "\n" for _ in range(600))
    assert gateway.request("POST", "/scores", lines, {"Content-Type": "application/x-ndjson"}).status == 200
    eventually(lambda: gateway.metric("score_gateway_messages_unconfirmed") == 0)
    page = read(gateway)
    assert page.value("score_gateway_scores_stored_total") == 605
    assert page.value("score_gateway_flush_scores_sum") == 605
    assert page.value("score_gateway_flush_scores_count") == page.value("score_gateway_flushes_total") == 6
    assert page.value("score_gateway_flush_scores_bucket", le="1") == 5
    assert page.value("score_gateway_commit_duration_seconds_count") == 6
    assert page.value("score_gateway_commit_duration_seconds_sum") > 0
    assert page.value("score_gateway_messages_published_total") >= 6
    assert page.value("score_gateway_outbox_oldest_seconds") == 0
    assert page.value("score_gateway_database_up") == page.value("score_gateway_broker_up") == 1
    busy = [page.value("score_gateway_reactor_busy_seconds_total", reactor=str(index)) for index in range(2)]
    assert all(value > 0 for value in busy)
    assert page.value("score_gateway_reactor_turn_duration_seconds_sum") == pytest.approx(sum(busy))
    assert 0 < page.value("process_cpu_seconds_total") < 600
    assert 1 << 20 < page.value("process_resident_memory_bytes") < 1 << 30
    assert 10 < page.value("process_open_fds") < page.value("process_max_fds")
    assert abs(time.time() - page.value("process_start_time_seconds")) < 60


def test_subscribers_and_why_they_left(world):
    gateway = world.gateway(FEED_LOG_BYTES="64KiB", REACTORS=1)
    with Collector(gateway), RawFeed(gateway, receive_buffer=4096), subscribe(gateway):
        eventually(lambda: read(gateway).value("score_gateway_feed_subscribers") == 3)
        lines = "".join(json.dumps({"user": "x" * 200, "score": 1}) + "\n" for _ in range(100))
        for _ in range(300):
            assert gateway.request("POST", "/scores", lines, {"Content-Type": "application/x-ndjson"}).status == 200
            page = read(gateway)
            if page.value("score_gateway_feed_disconnects_total", reason="slow") >= 1:
                break
        assert page.value("score_gateway_feed_disconnects_total", reason="slow") >= 1
        assert page.value("score_gateway_feed_bytes_total") > 10_000
        assert page.value("score_gateway_feed_scores_total") >= 100
        assert page.value("score_gateway_connections") >= 2
    eventually(lambda: read(gateway).value("score_gateway_feed_subscribers") == 0)
    assert read(gateway).value("score_gateway_feed_disconnects_total", reason="gone") >= 1
    assert requests(read(gateway), "/ws/{client_id}", "GET", 101) == 3


def test_slack(world):
    slack = world.slack()
    slack.answers = [slack_answers.too_many(1), slack_answers.SERVER_ERROR]
    gateway = world.gateway(**slack.env)
    gateway.post("ada", 1)
    slack.wait_for_told(1)
    eventually(lambda: gateway.metric("score_gateway_slack_posted_total") == 1)
    page = read(gateway)
    assert page.value("score_gateway_slack_limited_total") == 1
    assert page.value("score_gateway_slack_failed_total") == 2
    assert page.value("score_gateway_slack_scores_total") == 1


def names(expression):
    return set(re.findall(r"\b(?:score_gateway|process)_[a-z0-9_]+", expression))


def test_dashboard_and_alerts_ask_for_what_is_there(world, tmp_path):
    # One with a certificate has the most to tell.
    gateway = world.gateway(**Authority(tmp_path / "certificates").vouch("server"))
    gateway.post("ada", 1)
    page = read(gateway)
    known = {name for name, _ in page.samples}
    dashboard = json.loads((MONITORING / "grafana-dashboard.json").read_text())
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert len(panels) > 12 and len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    asked = set()
    for panel in panels:
        assert panel["targets"] and panel["datasource"]["uid"] == "${datasource}", panel["title"]
        for target in panel["targets"]:
            asked |= names(target["expr"])
    alerts = (MONITORING / "alerts.yml").read_text()
    expressions = re.findall(r"^ +expr: (?:>-\n)?([^\n]+(?:\n {10}[^\n]+)*)$", alerts, re.MULTILINE)
    assert len(expressions) >= 8 and alerts.count("- alert:") == len(expressions) == alerts.count("summary:")
    for expression in expressions:
        asked |= names(expression)
    assert asked <= known, asked - known
    # By a name of its own, by the Services of deploy/kubernetes, and by those that Kólga makes.
    down = re.search(r'up\{job=~"(.+)"\} == 0', alerts)[1]
    for job in ["score-gateway", "score-gateway-reporter", "staging-scores-service", "pr-12-reporter-service", "x-poster-service"]:
        assert re.fullmatch(down, job), job
    # What probes are told is no error, and does not dilute one.
    counts = re.findall(r"score_gateway_http_requests_total\{(.*?)\}?\[5m\]", alerts)
    assert len(counts) == 2 and all('route!~"/healthz|/readiness|/metrics"' in labels for labels in counts)
    gateway.request("GET", "/healthz")
    gateway.request("GET", "/readiness")
    routes = {dict(labels)["route"] for name, labels in read(gateway).samples if name == "score_gateway_http_requests_total"}
    assert {"/healthz", "/readiness", "/metrics"} <= routes
