"""The errors people meet first: each names what is wrong, and what to do about it.

A gateway that cannot be what it was told to be does not start: one line, and an exit code of sysexits.h. What another
server has to do with, it waits for, says so once, and serves what it can.
"""

import os
import signal
import socket
from urllib.parse import urlsplit, urlunsplit

import pytest

from gateway import command, free_port
from waiting import eventually

USAGE, UNAVAILABLE, CONFIGURATION = 64, 69, 78


def refused(world, code, **env):
    """The text with which a start is refused."""
    merged = {"HOST": "127.0.0.1", "PORT": str(free_port()), **env}
    result = command("serve", env={name: str(value) for name, value in merged.items()}, directory=world.directory)
    assert result.returncode == code, result.stderr
    return result.stderr


def other(url, **parts):
    """The URL with another `user`, `password`, `port` or `path`."""
    split = urlsplit(url)
    user, password = parts.get("user", split.username), parts.get("password", split.password)
    port = parts.get("port", split.port)
    return urlunsplit(
        split._replace(netloc=f"{user}:{password}@{split.hostname}:{port}", path=parts.get("path", split.path))
    )


def waits(world, *texts, **env):
    """Starts, lives, is not ready, and says these texts in one line; the gateway."""
    gateway = world.gateway(ready=False, **env)

    def said():
        return [line for line in gateway.log.splitlines() if all(text in line for text in texts)]

    eventually(said, what=f"{texts} in one line of the log:\n{gateway.log}")
    assert gateway.get("/readiness").status == 503
    return gateway


# MARK: What refuses the start


def test_the_port_is_in_use(world):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = refused(world, UNAVAILABLE, PORT=port, SCORES_FILE="x.sqlite")
    assert f"port {port} is in use: another process listens on 127.0.0.1:{port} (choose another PORT)" in text


def test_the_certificates_of_who_may_vouch_are_not_there(world):
    missing = world.directory / "missing.pem"
    slack = dict(SLACK_API_TOKEN="xoxb", SLACK_CHANNEL="scores", SLACK_API_URL="https://127.0.0.1:1")
    text = refused(world, UNAVAILABLE, SSL_CERT_FILE=missing, SCORES_FILE="x.sqlite", **slack)
    assert f"cannot start: cannot ask by HTTP: {missing}: No such file or directory (SSL_CERT_FILE)" in text


def test_an_address_of_another_machine(world):
    assert "192.0.2.1 is no address of this machine (HOST)" in refused(world, UNAVAILABLE, HOST="192.0.2.1")


@pytest.mark.parametrize(
    "line, text",
    [
        ("PORT 8000", ".env:2: expected NAME=value"),
        ('SLACK_CHANNEL="scores', '.env:2: expected a closing " on the same line'),
        ("MAX_BODY=12 potatoes", 'MAX_BODY="12 potatoes": expected'),
    ],
)
def test_a_bad_line_in_dot_env(world, line, text):
    (world.directory / ".env").write_text(f"# ours\n{line}\n")
    try:
        assert text in refused(world, CONFIGURATION)
    finally:
        (world.directory / ".env").unlink()


def test_a_mistyped_name_in_dot_env_is_told(world):
    (world.directory / ".env").write_text("LOG_LEVLE=debug\nPOSTGRES_PASSWORD=x\n")
    try:
        gateway = world.gateway()
        assert ".env: LOG_LEVLE is no variable of this program and has no effect; is LOG_LEVEL meant?" in gateway.log
        assert "POSTGRES_PASSWORD" not in gateway.log
    finally:
        (world.directory / ".env").unlink()


def test_a_role_that_is_none(world):
    assert 'ROLE="sores": expected all, scores, reporter or poster' in refused(world, USAGE, ROLE="sores")


@pytest.mark.parametrize(
    "env, texts",
    [
        ({"ROLE": "scores"}, ["DATABASE_URL: not set, but ROLE=scores needs it; expected postgresql://"]),
        ({"ROLE": "reporter"}, ["SCORES_API: not set", "BROKER_URL: not set"]),
        ({"ROLE": "poster"}, ["SLACK_API_TOKEN: not set", "SLACK_CHANNEL: not set", "BROKER_URL: not set"]),
        ({"SLACK_API_TOKEN": "xoxb-1"}, ["SLACK_CHANNEL: not set, but SLACK_API_TOKEN is"]),
        ({"SLACK_API_TOKEN_FILE": "/none"}, ['SLACK_API_TOKEN_FILE="/none"', "No such file or directory"]),
        ({"DATABASE_URL": "mysql://u:secret@h/d"}, ["DATABASE_URL", "postgresql"]),
        ({"BROKER_URL": "http://u:secret@h"}, ["BROKER_URL", "amqp"]),
    ],
)
def test_what_is_missing_or_of_another_kind(world, env, texts):
    text = refused(world, CONFIGURATION, **env)
    assert all(expected in text for expected in texts), text
    assert "secret" not in text


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda file: file.write_text("no database at all " * 100), "it is no SQLite database"),
        (lambda file: file.mkdir(), "it cannot be opened"),
    ],
)
def test_a_file_that_is_no_database(world, make, text):
    file = world.directory / f"{free_port()}.sqlite"
    make(file)
    said = refused(world, UNAVAILABLE, SCORES_FILE=file)
    assert text in said and str(file) in said and "SCORES_FILE" in said


# MARK: What the database says


def test_a_database_that_is_refused(world):
    url = other(world.database_url, port=free_port())
    gateway = waits(world, "warning", "out of reach (DATABASE_URL)", "Connection refused", DATABASE_URL=url)
    assert "\\t" not in gateway.log
    assert gateway.request("POST", "/scores", '{"user": "ada", "score": 1}').status == 503


def test_a_wrong_password(world):
    url = other(world.database_url, password="wrong-password")
    gateway = waits(world, "out of reach (DATABASE_URL)", "password authentication failed", DATABASE_URL=url)
    assert "wrong-password" not in gateway.log


def test_a_database_that_is_not_there(world):
    url = other(world.database_url, path="/no-such-database")
    waits(world, "out of reach (DATABASE_URL)", 'database "no-such-database" does not exist', DATABASE_URL=url)


def test_a_host_that_has_no_address(world):
    waits(world, "out of reach (DATABASE_URL)", "no.such.host.invalid", DATABASE_URL="postgresql://u:p@no.such.host.invalid/d")


def test_no_tables_and_no_leave_to_make_them(world):
    empty = world.services.create_database()
    try:
        waits(world, "error", "run `score-gateway migrate`, or serve with AUTO_MIGRATE=1", DATABASE_URL=empty, AUTO_MIGRATE=0)
        result = command("migrate", env={"DATABASE_URL": empty})
        assert result.returncode == 0, result.stderr
        world.gateways[-1].wait_for("/readiness")
    finally:
        world.gateways[-1].stop()
        world.services.drop_database(empty)


def test_a_read_only_database(world):
    url = world.services.create_database()
    with world.services.connect(url) as connection:
        connection.execute(f'alter database "{urlsplit(url).path[1:]}" set default_transaction_read_only = on')
    try:
        waits(world, "warning", "read-only", "DATABASE_URL must reach a primary", DATABASE_URL=url)
    finally:
        world.gateways[-1].stop()
        world.services.drop_database(url)


def test_a_table_that_is_somebody_elses(world):
    url = world.services.create_database()
    with world.services.connect(url) as connection:
        connection.execute('create table "Score" (id int primary key, foo text)')
    try:
        waits(world, "error", 'table \\"Score\\" exists and is another one', 'column \\"user\\" is missing', DATABASE_URL=url)
    finally:
        world.gateways[-1].stop()
        world.services.drop_database(url)


# MARK: What the broker says: scores are taken all the same


def takes_scores_without_its_broker(gateway):
    # Each reactor connects to the database by itself.
    eventually(lambda: gateway.request("POST", "/scores", '{"user": "ada", "score": 1}').status == 200)


def test_a_broker_that_is_refused(world):
    gateway = waits(
        world, "warning", "bus: broker out of reach (BROKER_URL)", "Connection refused",
        BROKER_URL=other(world.broker_url, port=free_port()),
    )
    takes_scores_without_its_broker(gateway)


def test_a_broker_with_another_password(world):
    gateway = waits(
        world, "error", "bus: the broker knows no such user, or another password: see BROKER_URL",
        BROKER_URL=other(world.broker_url, password="wrong-password"),
    )
    takes_scores_without_its_broker(gateway)
    assert "wrong-password" not in gateway.log


def test_a_virtual_host_that_is_not_there(world):
    gateway = waits(
        world, "error", "the virtual host is not there, or not this user's", "rabbitmqctl add_vhost", "no-such-vhost",
        BROKER_URL=other(world.broker_url, path="/no-such-vhost"),
    )
    takes_scores_without_its_broker(gateway)


def test_an_exchange_of_another_type(world):
    gateway = waits(
        world, "error", "the exchange is of another type than fanout: delete it, or choose another BROKER_EXCHANGE",
        BROKER_EXCHANGE="amq.direct",
    )
    takes_scores_without_its_broker(gateway)


def test_what_every_reactor_meets_is_said_once(world):
    gateway = waits(
        world, "bus: broker out of reach", BROKER_URL=other(world.broker_url, port=free_port()), REACTORS=4
    )
    takes_scores_without_its_broker(gateway)
    assert gateway.log.count("bus: broker out of reach") == 1


# MARK: The start, and Ctrl-C


def test_the_start_says_what_was_set_and_no_secret(world):
    gateway = world.gateway(MAX_BODY="2MiB", SLACK_API_TOKEN="xoxb-very-secret", SLACK_CHANNEL="#scores")
    start = next(line for line in gateway.log.splitlines() if " starting " in line)
    assert all(text in start for text in ["role=all", "reactors=2", "MAX_BODY=2MiB", "SLACK_CHANNEL=#scores"]), start
    password = urlsplit(world.broker_url).password
    assert "very-secret" not in gateway.log and password not in gateway.log
    assert "IDLE_TIMEOUT" not in start, "a default is in `score-gateway config`"


def test_ctrl_c_does_not_wait_for_routers(world):
    """DRAIN_DELAY is for those who route to us; at a terminal there are none."""
    gateway = world.gateway(DRAIN_DELAY="9s", SHUTDOWN_TIMEOUT="20s")
    gateway.signal(signal.SIGINT)
    assert gateway.process.wait(timeout=8) == os.EX_OK
