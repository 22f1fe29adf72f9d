"""score-bench as a user runs it: against a real gateway with its database and broker, and against servers that misbehave."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

import pytest

from certificates import Authority
from gateway import SANITIZER, binary, free_port
from lossy_link import LossyLink


def bench(*arguments, timeout=120):
    """Runs it to its end."""
    return subprocess.run(
        [pathlib.Path(binary()).parent / "score-bench", *map(str, arguments)],
        env={"PATH": os.environ["PATH"], **SANITIZER},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def measured(path):
    """The metrics of a report, by name."""
    return {metric["name"]: metric["value"] for metric in json.loads(path.read_text())["metrics"]}


@pytest.fixture
def gateway(world):
    return world.gateway(REACTORS=2)


def url(gateway):
    return f"http://127.0.0.1:{gateway.port}"


@contextlib.contextmanager
def server(behaviour):
    """Accepts on a port of its own, and does with each connection what it is told."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    threading.Thread(target=handle, args=(client,), daemon=True).start()

        def handle(client):
            with client, contextlib.suppress(OSError):
                behaviour(client)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def garbage(client):
    while client.recv(65_536):
        client.sendall(b"\x00\x01SSH-2.0 what is this\r\n\r\n")


def half_an_answer(client):
    client.recv(65_536)
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")


def silence(client):
    while client.recv(65_536):
        pass


def refusal(client):
    for _ in requests(client):
        client.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}")


def requests(client):
    """Yields once for each request that came whole; none has a body."""
    pending = b""
    while piece := client.recv(65_536):
        pending += piece
        while b"\r\n\r\n" in pending:
            pending = pending.split(b"\r\n\r\n", 1)[1]
            yield


def closing(client):
    """Every answer is the last on its connection."""
    for _ in requests(client):
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        return


def endless(client):
    """The content ends with the connection, as in HTTP/1.0."""
    for _ in requests(client):
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n{}")
        return


@pytest.mark.parametrize("form, batch", [("single", 1), ("array", 7), ("ndjson", 50)])
def test_every_accepted_score_is_in_the_table(gateway, world, tmp_path, form, batch):
    report = tmp_path / "report.json"
    result = bench(
        "ingest", url(gateway), "--duration", 1, "--warmup", 0, "--connections", 4, "--pipeline", 4,
        "--body", form, "--batch", batch, "--json", report, "--expect", "refused=0,lost_requests=0,requests>0",
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    # What was answered after the measured time is in the table and not in the figure.
    stored, users = world.sql('SELECT count(*), count(DISTINCT "user") FROM "Score"')[0]
    scores = measured(report)["requests"] * batch
    assert scores <= stored <= scores + 4 * 4 * batch
    assert users == stored


def test_an_open_loop_keeps_its_rate(gateway, tmp_path):
    report = tmp_path / "report.json"
    result = bench("ingest", url(gateway), "--duration", 3, "--warmup", 1, "--rate", 50, "--json", report)
    assert result.returncode == 0, result.stdout + result.stderr
    # What was due within the three seconds, give or take what was on its way at their ends.
    assert 130 <= measured(report)["requests"] <= 170


def test_every_delivery_is_counted(gateway, tmp_path):
    report, page = tmp_path / "report.json", tmp_path / "report.html"
    result = bench(
        "mixed", url(gateway), "--duration", 3, "--warmup", 1, "--rate", 100, "--subscribers", 40, "--threads", 2,
        "--storm", 0.5, "--sources", 3, "--pid", gateway.process.pid, "--json", report, "--html", page,
        "--expect", "lost=0,doubles=0,stored_twice=0,reconnects=20,deliveries>5000",
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    found = measured(report)
    assert found["subscribers"] == 40
    assert found["server_memory"] > 1_000_000
    assert "<svg" in page.read_text()
    compared = bench("compare", report, report)
    assert compared.returncode == 0 and "deliveries lost" in compared.stdout


@pytest.mark.parametrize("behaviour", [closing, endless])
def test_an_answer_that_ends_its_connection_is_one_answer(behaviour, tmp_path):
    report = tmp_path / "report.json"
    with server(behaviour) as target:
        result = bench("read", target, "--duration", 2, "--warmup", 0, "--connections", 4, "--json", report)
    assert result.returncode == 0, result.stdout + result.stderr
    found = measured(report)
    # Four at a time, with a rest of 200 ms after each, would be 44 at most.
    assert found["requests"] > 44
    assert found["server_closes"] > 44
    assert found["lost_requests"] == 0


def test_an_open_loop_uses_its_connections_in_turn():
    served = []

    def behaviour(client):
        served.append(0)
        place = len(served) - 1
        for _ in requests(client):
            served[place] += 1
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with server(behaviour) as target:
        result = bench("read", target, "--rate", 200, "--duration", 2, "--warmup", 0, "--connections", 8, "--pipeline", 16)
    assert result.returncode == 0, result.stdout + result.stderr
    assert len(served) == 8 and min(served) > 20, served


def test_more_threads_than_connections_send_the_whole_rate(gateway):
    result = bench(
        "read", url(gateway), "--path", "/healthz", "--threads", 4, "--connections", 2, "--rate", 100,
        "--duration", 2, "--warmup", 0, "--expect", "dropped=0",
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr


def test_slow_readers_read(gateway, tmp_path):
    report = tmp_path / "report.json"
    result = bench(
        "fanout", url(gateway), "--duration", 3, "--warmup", 0, "--rate", 50, "--subscribers", 4, "--slow", 1,
        "--json", report,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert measured(report)["deliveries"] > 0
    assert "no delivery was judged" in result.stdout


def test_a_storm_is_of_those_who_are_judged(gateway):
    result = bench(
        "fanout", url(gateway), "--duration", 2, "--warmup", 1, "--rate", 50, "--subscribers", 10, "--slow", 0.3,
        "--storm", 0.5, "--expect", "reconnects=5,lost=0",
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr


def test_publishes_straight_to_the_broker(gateway, world, tmp_path):
    report = tmp_path / "report.json"
    result = bench(
        "fanout", url(gateway), "--duration", 2, "--warmup", 1, "--rate", 200, "--burst", 10, "--subscribers", 20,
        "--broker", world.broker_url, "--exchange", world.exchange, "--json", report,
        "--expect", "lost=0,doubles=0,deliveries>6000",
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert "requests" not in measured(report)


def test_a_lost_delivery_is_found(world, tmp_path):
    """The bus carries what the gateway does not: a reporter on another exchange gets nothing of what is published."""
    gateway = world.gateway(REACTORS=1)
    other = f"{world.exchange}-other"
    try:
        result = bench(
            "fanout", url(gateway), "--duration", 2, "--warmup", 0, "--rate", 20, "--subscribers", 5,
            "--broker", world.broker_url, "--exchange", other, "--json", tmp_path / "report.json", "--expect", "lost=0",
        )  # fmt: skip
    finally:
        world.broker.delete(other)
    assert result.returncode == 69, result.stdout + result.stderr
    assert "nothing was delivered" in result.stderr
    assert "✗ lost=0" in result.stdout
    found = measured(tmp_path / "report.json")
    assert found["lost"] >= 5 * 20 and found["deliveries"] == 0


def test_an_expectation_that_is_not_met_is_exit_code_1(gateway):
    result = bench("ingest", url(gateway), "--duration", 0.5, "--warmup", 0, "--expect", "p50<1ns")
    assert result.returncode == 1
    assert "✗ p50<1ns" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--expect", "p50<fast"],
        ["--expect", "p98<1ms"],
        ["--expect", "lost=0"],
        ["--json", "/nonexistent/report.json"],
        ["--threads", "0"],
        ["--pipeline", "5000"],
        ["--duration", "0"],
        ["--body", "xml"],
        ["--rate", "0"],
        ["--burst", "5"],
        ["--pid", "0"],
        ["--pid", "999999999"],
    ],
)
def test_wrong_usage_is_exit_code_64(arguments):
    result = bench("ingest", "http://127.0.0.1:1", *arguments)
    assert result.returncode == 64, result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["http://127.0.0.1:1/a b"],
        ["http://127.0.0.1:1/é"],
        ["http://127.0.0.1:1", "--ramp", "inf"],
        ["http://127.0.0.1:1", "--ramp", "1e30"],
        ["http://127.0.0.1:1", "--feed", "/"],
        ["http://127.0.0.1:1", "--feed", "x/"],
        ["http://127.0.0.1:1", "--feed", "ws://127.0.0.1:1/ws/{id} x"],
    ],
)
def test_wrong_usage_of_a_feed_is_exit_code_64(arguments):
    result = bench("fanout", *arguments)
    assert result.returncode == 64, result.stderr


def test_a_run_that_cannot_write_its_report_still_judges():
    """/dev/full can be opened, and takes nothing."""
    with server(refusal) as target:
        result = bench(
            "read", target, "--duration", 0.5, "--warmup", 0, "--connections", 1, "--json", "/dev/full",
            "--expect", "refused>0",
        )  # fmt: skip
    assert result.returncode == 74, result.stdout + result.stderr
    assert "✓ refused>0" in result.stdout and "/dev/full: No space left on device" in result.stderr


def test_hot_paths_passes_over_nothing():
    result = subprocess.run([pathlib.Path(binary()).parent / "hot-paths", "0", "x", "5"], capture_output=True, text=True)
    assert result.returncode == 64 and "usage" in result.stderr


def test_a_certificate_nobody_vouches_for_is_a_failed_connect(world, tmp_path):
    gateway = world.gateway(REACTORS=1, **Authority(tmp_path).vouch("server"))
    result = bench("read", f"https://localhost:{gateway.port}", "--duration", 30, "--connections", 4)
    assert result.returncode == 69, result.stdout
    assert "nothing came up" in result.stderr and "certificate" in result.stderr
    assert result.stdout == ""
    trusting = ["--ca-file", tmp_path / "ca.pem", "--path", "/healthz", "--duration", 1, "--warmup", 0]
    result = bench("read", f"https://localhost:{gateway.port}", *trusting, "--expect", "requests>0,lost_requests=0")
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_run_that_did_not_settle_says_so():
    with server(silence) as target:
        result = bench("read", target, "--duration", 0.5, "--warmup", 0, "--connections", 1)
    assert result.returncode == 69
    assert "not settled" in result.stdout


def test_a_server_that_is_not_there_is_exit_code_69(tmp_path):
    former, new = tmp_path / "former.json", tmp_path / "new.html"
    former.write_text("a report")
    result = bench("ingest", f"http://127.0.0.1:{free_port()}", "--duration", 1, "--json", former, "--html", new)
    assert result.returncode == 69
    assert "Connection refused" in result.stderr
    # There is no report: an earlier one is left alone, and no empty one is left behind.
    assert former.read_text() == "a report" and not new.exists()


@pytest.mark.parametrize(
    "behaviour, complaint",
    [
        (garbage, "no HTTP/1.1"),
        (half_an_answer, "closed by the server"),
        (silence, "no answer by the end of the run"),
    ],
)
def test_a_server_that_misbehaves_is_reported(behaviour, complaint):
    with server(behaviour) as target:
        result = bench("ingest", target, "--duration", 1, "--warmup", 0, "--connections", 2)
    assert result.returncode == 69
    assert complaint in result.stdout, result.stdout + result.stderr


def test_a_feed_that_refuses_the_handshake_is_named(gateway):
    result = bench("fanout", url(gateway), "--feed", f"ws://127.0.0.1:{gateway.port}/none", "--subscribers", 2)
    assert result.returncode == 69
    assert "the handshake was answered with 404" in result.stderr


def test_a_server_that_dies_is_reported(world, tmp_path):
    gateway = world.gateway(REACTORS=1)
    threading.Timer(2.0, gateway.process.kill).start()
    result = bench(
        "mixed", url(gateway), "--duration", 4, "--warmup", 0, "--connections", 4, "--subscribers", 10,
        "--pid", gateway.process.pid, "--json", tmp_path / "report.json",
    )  # fmt: skip
    gateway.process.wait()
    assert result.returncode == 0, result.stderr
    assert "ended during the run" in result.stdout
    assert "Connection refused" in result.stdout
    assert measured(tmp_path / "report.json")["disconnects"] == 10


def test_an_expectation_is_not_met_by_a_run_in_which_everything_failed(world):
    """Without its token everything is refused, and a feed has nothing to deliver."""
    gateway = world.gateway(REACTORS=1, API_TOKENS="a-secret-of-the-tests")
    result = bench(
        "mixed", url(gateway), "--subscribers", 5, "--rate", 20, "--duration", 2, "--warmup", 0,
        "--expect", "p99<10s,lost=0",
    )  # fmt: skip
    assert result.returncode == 69, result.stdout + result.stderr
    assert "✗ p99<10s" in result.stdout and "✗ lost=0" in result.stdout


def test_expectations_are_not_met_by_refusals():
    with server(refusal) as target:
        result = bench(
            "read", target, "--duration", 1, "--warmup", 0, "--connections", 2,
            "--expect", "p99<10s,requests_per_second>0,refused>0",
        )  # fmt: skip
    assert result.returncode == 1, result.stdout + result.stderr
    assert "✗ p99<10s: >" in result.stdout and "✗ requests_per_second>0" in result.stdout
    assert "✓ refused>0" in result.stdout


def test_what_is_never_answered_is_in_the_percentiles():
    """One request of ten hangs for ever: p50 is what it is, p99 cannot be known."""
    served = []

    def behaviour(client):
        for _ in requests(client):
            served.append(1)
            if len(served) % 10 == 0:
                silence(client)
                return
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with server(behaviour) as target:
        result = bench(
            "read", target, "--rate", 30, "--duration", 2, "--warmup", 0, "--connections", 16,
            "--expect", "p50<9s,p99<1000s",
        )  # fmt: skip
    assert result.returncode == 1, result.stdout + result.stderr
    assert "✓ p50<9s" in result.stdout and "✗ p99<1000s: >" in result.stdout


def test_a_server_that_dies_meets_no_percentile(world):
    gateway = world.gateway(REACTORS=1)
    threading.Timer(3.0, gateway.process.kill).start()
    result = bench(
        "mixed", url(gateway), "--rate", 100, "--duration", 4, "--warmup", 0, "--connections", 4, "--subscribers", 5,
        "--expect", "p50<1000s,p99<1000s,answer.p99<1000s,dropped=0",
    )  # fmt: skip
    gateway.process.wait()
    assert result.returncode == 1, result.stdout + result.stderr
    assert "✗ p99<1000s: >" in result.stdout and "✗ answer.p99<1000s: >" in result.stdout
    assert "✗ dropped=0" in result.stdout
    assert "connections were lost" in result.stdout and "beyond what is answered" not in result.stdout


def test_a_broker_that_goes_away_meets_no_percentile(gateway, world):
    with LossyLink(world.broker_url) as link:
        threading.Timer(3.0, link.refuse).start()
        result = bench(
            "fanout", url(gateway), "--rate", 100, "--duration", 4, "--warmup", 0, "--subscribers", 5,
            "--broker", link.url, "--exchange", world.exchange, "--expect", "p99<1000s,dropped=0",
        )  # fmt: skip
    assert result.returncode == 1, result.stdout + result.stderr
    assert "✗ p99<1000s: >" in result.stdout and "✗ dropped=0" in result.stdout
    assert "connections were lost" in result.stdout


def test_a_rate_that_is_not_reached_is_said():
    def slow(client):
        for _ in requests(client):
            time.sleep(0.1)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with server(slow) as target:
        result = bench("read", target, "--rate", 40, "--duration", 2, "--warmup", 0, "--connections", 2)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "the rate was not reached" in result.stdout and "where 40 were due" in result.stdout


def test_ctrl_c_still_prints_the_report(gateway):
    process = subprocess.Popen(
        [pathlib.Path(binary()).parent / "score-bench", "ingest", url(gateway), "--duration", "60", "--warmup", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "cut short" in output and "requests a second" in output
