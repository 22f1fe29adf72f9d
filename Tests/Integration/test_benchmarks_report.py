"""What the end-to-end suite makes of the load tool's reports, of those that failed among them."""

import datetime
import importlib.util
import pathlib

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2] / "Benchmarks" / "report.py"


@pytest.fixture
def report():
    specification = importlib.util.spec_from_file_location("benchmarks_report", SOURCE)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def run(report, unanswered):
    latency = {"name": "answer", "count": 1000, "percentiles": [[50, 1_000_000], [99, 2_000_000]], "unanswered": unanswered}
    metrics = [{"name": "requests", "value": 12_345}, {"name": "lost", "value": None}]
    return report.Run("a run", {"metrics": metrics, "latencies": [latency], "warnings": []})


def test_what_was_not_measured_is_a_dash(report):
    found = run(report, 0)
    assert found.count("requests") == "12.3 k"
    assert [found.count("lost"), found.count("none"), found.microseconds("none"), found.time("delivery", 50)] == ["–"] * 4
    assert [report.size(None), report.ratio(None, 1), report.ratio(1, None), report.ratio(1, 0)] == ["–"] * 4
    assert report.ratio(1, 2) == "0.50"


def test_a_percentile_among_what_never_came_is_marked(report):
    found = run(report, 20)
    assert [found.time("answer", 50), found.time("answer", 99)] == ["1 ms", ">2 ms"]
    assert run(report, 0).time("answer", 99) == "2 ms"


def test_a_run_that_failed_is_in_the_report(report, tmp_path):
    made = report.Report(datetime.datetime.now(datetime.timezone.utc))
    failed = report.Run.failed("fan-out 100 x 1", 69, "nothing came up")
    made.table("Fan-out", ["", "deliveries"]).row("100", failed.count("deliveries"))
    made.plot("Fan-out", "subscribers", report.count).point("1", 100, failed.value("deliveries"))
    made.write(tmp_path, [failed])
    text = (tmp_path / "report.md").read_text()
    assert "* fan-out 100 x 1: failed with 69: nothing came up" in text and "| 100 | – |" in text
    assert "nothing came up" in (tmp_path / "index.html").read_text()
