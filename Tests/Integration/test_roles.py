"""Sections 1, 8 and 9: the roles, the configuration, the commands, the end."""

import http.server
import json
import re
import signal
import socket
import threading
from urllib.parse import urlsplit

import pytest

from feed import Collector, receive, subscribe
from gateway import command, free_port
from waiting import eventually
from wire import post, request

# MARK: Roles


@pytest.fixture
def three(world):
    """The three roles as three processes, and Slack."""
    slack = world.slack()
    # One reactor publishes in one order.
    scores = world.gateway(ROLE="scores", REACTORS=1)
    reporter = world.gateway(ROLE="reporter", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none", SCORES_API=scores.url)
    poster = world.gateway(ROLE="poster", DATABASE_URL=None, **slack.env)
    return scores, reporter, poster, slack


def test_three_processes_do_what_one_does(three):
    scores, reporter, _, slack = three
    with subscribe(reporter) as feed:
        stored = [scores.post("ada", 3), scores.post("bob", 1)]
        assert receive(feed, 2) == stored
    assert slack.wait_for(2) == [":tada: ada just scored 3 points", ":tada: bob just scored 1 point"]
    with subscribe(reporter) as feed:
        assert receive(feed, 2) == stored, "the snapshot"
    assert scores.scores() == stored


def test_a_path_of_another_role_is_404(three):
    scores, reporter, poster, _ = three
    for gateway, foreign in [
        (scores, ["/", "/ws/1"]),
        (reporter, ["/scores", "/scores/1"]),
        (poster, ["/", "/ws/1", "/scores"]),
    ]:
        for path in foreign:
            assert gateway.get(path).status == 404, (gateway.env["ROLE"], path)
        for path in ["/healthz", "/readiness"]:
            assert gateway.get(path).status == 200
    assert reporter.get("/").getheader("Content-Type").startswith("text/html")


def test_the_reporter_fills_its_memory_from_the_scores_api(world):
    """Also a resume from before its start."""
    scores = world.gateway(ROLE="scores")
    stored = [scores.post("ada", index) for index in range(20)]
    for slash in ["", "/"]:
        reporter = world.gateway(ROLE="reporter", DATABASE_URL=None, SCORES_API=scores.url + slash, FEED_HISTORY=5)
        with subscribe(reporter) as feed:
            assert receive(feed, 5) == stored[-5:]
        with Collector(reporter, f"?after={stored[2]['id']}") as feed:
            eventually(lambda: set(feed.ids) >= {score["id"] for score in stored[3:]}, what="the older ones")


def test_the_scores_api_may_be_the_replaced_service(world):
    """It ignores every parameter, gives all scores, in its order of members, and knows no created_at."""
    rows = [{"user": f"p{index}", "id": index, "score": index * 2} for index in range(1, 8)]

    class Replaced(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if urlsplit(self.path).path == "/scores/":
                self.send_response(307)
                self.send_header("Location", "/scores")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = json.dumps(rows, separators=(",", ":")).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Replaced)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        reporter = world.gateway(
            ROLE="reporter", DATABASE_URL=None, SCORES_API=f"http://127.0.0.1:{server.server_port}", FEED_HISTORY=3
        )
        with subscribe(reporter) as feed:
            assert receive(feed, 3) == [{"id": row["id"], "user": row["user"], "score": row["score"]} for row in rows[-3:]]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_reporter_waits_for_its_scores_api(world):
    port = free_port()
    reporter = world.gateway(ready=False, ROLE="reporter", DATABASE_URL=None, SCORES_API=f"http://127.0.0.1:{port}")
    assert reporter.get("/healthz").status == 200
    scores = world.gateway(ROLE="scores", PORT=port)
    reporter.wait_for("/readiness", seconds=60)
    with subscribe(reporter) as feed:
        assert [scores.post("ada", 1)] == receive(feed, 1)


def test_a_history_that_came_late_leaves_snapshots_in_order(world):
    """The scores API is away for longer than readers are kept waiting: what was live then is newer than the history."""
    port = free_port()
    scores = world.gateway(ROLE="scores", REACTORS=1)
    old = [scores.post("ada", index) for index in range(100)]
    reporter = world.gateway(
        ready=False, ROLE="reporter", REACTORS=1, DATABASE_URL=None, SCORES_API=f"http://127.0.0.1:{port}"
    )
    eventually(lambda: "live without it" in reporter.log, 30, "it waits no longer")
    live = [scores.post("ada", index) for index in range(10)]
    with Collector(reporter) as first:
        assert first.wait_for(10) == live
        world.gateway(ROLE="scores", PORT=port)
        assert first.wait_for(110) == [*live, *old]
        for history in [10, 15, 1000]:
            with subscribe(reporter, f"?history={history}") as feed:
                assert receive(feed, min(history, 110)) == [*old, *live][-history:]
        newest = scores.post("ada", 1)
        assert first.wait_for(111)[110:] == [newest]
    with subscribe(reporter, "?history=3") as feed:
        assert receive(feed, 3) == [*live[-2:], newest]


def test_ready_means_all_of_it(world):
    """Every reactor takes connections: none may still be on its way to the database when readiness says 200."""
    for _ in range(3):
        gateway = world.gateway(REACTORS=4)
        wires = [gateway.wire() for _ in range(32)]
        for wire in wires:
            wire.send(post("ada", 1))
        assert [wire.answer().status for wire in wires] == [200] * 32
        for wire in wires:
            wire.socket.close()
        gateway.stop()


# MARK: Configuration


@pytest.mark.parametrize(
    ("env", "code", "words"),
    [
        ({"ROLE": "nope"}, 64, ["ROLE", "nope", "scores", "reporter", "poster"]),
        ({"PORT": "http"}, 78, ["PORT", "http"]),
        ({"PORT": "65536"}, 78, ["PORT", "65536"]),
        ({"FEED_HISTORY": "-1"}, 78, ["FEED_HISTORY", "-1"]),
        ({"BROKER_MAX_BATCH": "0"}, 78, ["BROKER_MAX_BATCH", "0"]),
        ({"LOG_LEVEL": "loud"}, 78, ["LOG_LEVEL", "loud"]),
        ({"REQUEST_TIMEOUT": "soon"}, 78, ["REQUEST_TIMEOUT", "soon"]),
        ({"AUTO_MIGRATE": "maybe"}, 78, ["AUTO_MIGRATE", "maybe"]),
        ({"DATABASE_URL": "mysql://user:s3cret@localhost/x"}, 78, ["DATABASE_URL", "mysql"]),
        ({"BROKER_URL": "http://user:s3cret@localhost"}, 78, ["BROKER_URL"]),
        ({"ROLE": "reporter", "SCORES_API": "ftp://localhost"}, 78, ["SCORES_API", "ftp"]),
        ({"ROLE": "scores", "DATABASE_URL": ""}, 78, ["DATABASE_URL"]),
        ({"SLACK_API_TOKEN": "s3cret"}, 78, ["SLACK_CHANNEL"]),
        ({"SLACK_API_TOKEN_FILE": "/nowhere/token"}, 78, ["SLACK_API_TOKEN_FILE", "/nowhere/token"]),
        ({"ROLE": "scores", "DATABASE_URL": None}, 78, ["DATABASE_URL"]),
        ({"ROLE": "scores", "BROKER_URL": None}, 78, ["BROKER_URL"]),
        ({"ROLE": "reporter", "SCORES_API": None}, 78, ["SCORES_API"]),
        ({"ROLE": "poster"}, 78, ["SLACK_API_TOKEN"]),
    ],
)
def test_a_bad_value_is_named_and_ends_it(env, code, words, tmp_path):
    merged = {
        "DATABASE_URL": "postgresql://score:s3cret@127.0.0.1:1/score",
        "BROKER_URL": "amqp://score:s3cret@127.0.0.1:1/",
        "PORT": str(free_port()),
        **env,
    }
    result = command("serve", env={name: value for name, value in merged.items() if value is not None}, directory=tmp_path)
    assert result.returncode == code, (result.returncode, result.stdout, result.stderr)
    for word in words:
        assert word in result.stderr
    assert "s3cret" not in result.stderr + result.stdout


def test_an_unknown_command_or_option(tmp_path):
    for arguments in [["dance"], ["--nonsense"], ["wait", "--timeout", "x"]]:
        result = command(*arguments, directory=tmp_path)
        assert result.returncode == 64 and result.stderr, arguments


def test_config_shows_what_counts_with_secrets_masked(tmp_path):
    (tmp_path / ".env").write_text(
        "# a comment\nROLE=all\nPORT=1234\nexport LOG_LEVEL='debug'\nBROKER_EXCHANGE=\"other\"\n"
    )
    (tmp_path / "token").write_text("s3cret-token\n")
    result = command(
        "config",
        env={
            "PORT": "4321",
            "DATABASE_URL": "postgresql://score:s3cret-database@db.example/score",
            "BROKER_URL": "amqp://score:s3cret-broker@mq.example/",
            "SLACK_API_TOKEN_FILE": str(tmp_path / "token"),
            "SLACK_CHANNEL": "#scores",
        },
        directory=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    assert "s3cret" not in result.stdout + result.stderr
    shown = dict(re.findall(r"^\s*([A-Z_]+)\s*[=:]\s*(.*?)\s*$", result.stdout, re.MULTILINE))
    assert shown["ROLE"].startswith("all")
    assert shown["PORT"].startswith("4321"), "the environment wins over .env"
    assert shown["LOG_LEVEL"].startswith("debug")
    assert shown["BROKER_EXCHANGE"].startswith("other")
    assert "db.example" in shown["DATABASE_URL"] and "mq.example" in shown["BROKER_URL"]
    assert shown["SLACK_API_TOKEN"]


def test_parts_instead_of_urls(world):
    database, broker = urlsplit(world.database_url), urlsplit(world.broker_url)
    gateway = world.gateway(
        DATABASE_URL=None,
        DATABASE_HOST=database.hostname,
        DATABASE_PORT=database.port,
        DATABASE_DB=database.path[1:],
        DATABASE_USERNAME=database.username,
        DATABASE_PASSWORD=database.password,
        BROKER_URL=None,
        BROKER_HOST=broker.hostname,
        BROKER_PORT=broker.port,
        BROKER_USERNAME=broker.username,
        BROKER_PASSWORD=broker.password,
    )
    with subscribe(gateway) as feed:
        assert [gateway.post("ada", 1)] == receive(feed, 1)


def test_other_schemes_and_secrets_in_files(world, tmp_path):
    file = tmp_path / "database-url"
    file.write_text(world.database_url.replace("postgresql://", "postgresql+psycopg2://") + "\n")
    gateway = world.gateway(DATABASE_URL=None, DATABASE_URL_FILE=file)
    assert gateway.post("ada", 1)["id"]


@pytest.mark.parametrize("hosts", ["127.0.0.1:1,{}", "{},127.0.0.1:1"])
def test_several_brokers_are_tried_in_turn(world, hosts):
    url = urlsplit(world.broker_url)
    here = f"{url.hostname}:{url.port}"
    gateway = world.gateway(BROKER_URL=world.broker_url.replace(here, hosts.format(here)))
    with subscribe(gateway) as feed:
        assert [gateway.post("ada", 1)] == receive(feed, 1)


def test_log_as_json_lines(world):
    gateway = world.gateway(LOG_FORMAT="json", LOG_LEVEL="debug")
    gateway.post("ada", 1)
    gateway.stop()
    lines = gateway.log.splitlines()
    assert lines
    for line in lines:
        assert isinstance(json.loads(line), dict), line
    secrets = {urlsplit(world.database_url).password, urlsplit(world.broker_url).password}
    assert not any(secret in gateway.log for secret in secrets)


# MARK: Commands


def test_version_and_help(tmp_path):
    assert re.search(r"\d+\.\d+", command("--version", directory=tmp_path).stdout)
    for arguments in [["--help"], ["help"]]:
        text = command(*arguments, directory=tmp_path).stdout
        for word in ["serve", "migrate", "wait", "config", "healthcheck"]:
            assert word in text, word
    for word in ["ROLE", "DATABASE_URL", "BROKER_URL", "PORT"]:
        assert word in command("--help", directory=tmp_path).stdout


def test_healthcheck(gateway, tmp_path):
    assert command("healthcheck", env={"PORT": str(gateway.port)}, directory=tmp_path).returncode == 0
    result = command("healthcheck", env={"PORT": str(free_port())}, directory=tmp_path)
    assert result.returncode != 0 and result.stderr


def test_wait(world, tmp_path):
    assert command("wait", "--timeout", "20", env=world.env, directory=tmp_path).returncode == 0
    nothing_there = f"127.0.0.1:{free_port()}"
    for name, url in [
        ("DATABASE_URL", f"postgresql://score@{nothing_there}/score"),
        ("BROKER_URL", f"amqp://{nothing_there}/"),
    ]:
        result = command("wait", "--timeout", "1", env={**world.env, name: url}, directory=tmp_path, timeout=30)
        assert result.returncode != 0 and nothing_there in result.stderr


def test_wait_needs_only_what_the_role_needs(world, tmp_path):
    env = {**world.env, "ROLE": "poster", "SLACK_API_TOKEN": "x", "SLACK_CHANNEL": "y"}
    env["DATABASE_URL"] = f"postgresql://score@127.0.0.1:{free_port()}/score"
    assert command("wait", "--timeout", "10", env=env, directory=tmp_path).returncode == 0


# MARK: The end


def test_without_a_command_it_serves(world):
    world.gateway(command=[]).stop()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0_and_frees_the_port(world, number):
    gateway = world.gateway()
    idle = gateway.wire()
    idle.send(request("GET", "/healthz"))
    assert idle.answer().status == 200
    gateway.signal(number)
    assert gateway.process.wait(timeout=30) == 0
    assert idle.rest() == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", gateway.port), timeout=5)


def test_accepted_work_is_finished(world):
    gateway = world.gateway()
    listener = world.broker.listen(world.exchange)
    wires = [gateway.wire() for _ in range(8)]
    for wire in wires:
        wire.send(b"".join(post("ada", index) for index in range(20)))
    answers = [wires[0].answer()]  # the work is under way
    gateway.signal()
    for wire in wires:
        rest = wire.rest()
        answers += [None] * rest.count(b"HTTP/1.1 200 ")
    assert gateway.process.wait(timeout=30) == 0
    stored = world.sql('select count(*) from "Score"')[0][0]
    assert len(answers) <= stored, "something was answered and not stored"
    listener.wait_for(stored)


def test_draining_is_not_ready_but_serves(world):
    gateway = world.gateway(DRAIN_DELAY=3)
    with gateway.wire() as wire:
        wire.send(request("GET", "/readiness"))
        assert wire.answer().status == 200
        gateway.signal()
        eventually(lambda: gateway.get("/readiness").status == 503, 3, "not ready any more")
        assert gateway.post("ada", 1)["id"], "what still comes is served"
    assert gateway.process.wait(timeout=30) == 0


def test_a_second_signal_ends_it_at_once(world):
    gateway = world.gateway(DRAIN_DELAY=60, SHUTDOWN_TIMEOUT=90)
    gateway.signal()
    gateway.wait_for("/readiness", status=503)
    gateway.signal()
    gateway.process.wait(timeout=10)


def test_a_port_that_is_taken_is_said(world):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = command("serve", env={**world.env, "HOST": "127.0.0.1", "PORT": str(port)}, directory=world.directory)
    assert result.returncode != 0 and str(port) in result.stderr


def test_requests_are_logged_on_debug_only(world):
    quiet = world.gateway(LOG_FORMAT="json")
    quiet.post("ada", 1)
    assert '"request"' not in quiet.log
    gateway = world.gateway(LOG_LEVEL="debug", LOG_FORMAT="json")
    gateway.post("ada", 1)
    gateway.get("/scores?limit=1&user=%22")
    gateway.get("/nowhere")

    def lines(message):
        found = [json.loads(line) for line in gateway.log.splitlines() if line.startswith("{")]
        return [line for line in found if line["msg"] == message]

    eventually(lambda: len(lines("answer")) >= 3)
    assert any(line["method"] == "GET" and line["target"] == "/scores?limit=1&user=%22" for line in lines("request"))
    answers = {(line["method"], line["route"], line["status"]) for line in lines("answer")}
    assert {("POST", "/scores", "200"), ("GET", "/scores", "200"), ("any", "other", "404")} <= answers
    assert all(float(line["milliseconds"]) < 60_000 for line in lines("answer"))
