"""Fixtures: servers once a session; a database, an exchange and a queue of its own for each world of a test."""

import contextlib
import sqlite3
import uuid

import pytest

from broker import Broker
from browser import Browser
from gateway import Gateway, command
from services import Services
from slack_stand_in import SlackStandIn
from waiting import eventually


#: What a gateway may stand on: its store, and its bus.
KINDS = {
    "servers": ("postgresql", "rabbitmq"),
    "embedded": ("sqlite", "local"),
    "SQLite, RabbitMQ": ("sqlite", "rabbitmq"),
    "PostgreSQL, local bus": ("postgresql", "local"),
}


def on(*kinds):
    """The mark of a module or a test that is the same on several of them: the conformance suite of stores and buses."""
    return pytest.mark.parametrize("kind", kinds, indirect=True, scope="module")


@pytest.fixture(scope="module")
def kind(request):
    return getattr(request, "param", "servers")


def pytest_collection_modifyitems(items):
    """A test that needs a server is not one of the kinds without it."""
    items[:] = [item for item in items if _has_what_it_needs(item)]


def _has_what_it_needs(item):
    kind = item.callspec.params.get("kind", "servers") if hasattr(item, "callspec") else "servers"
    return all(needed in KINDS[kind] or not item.get_closest_marker(needed) for needed in ("postgresql", "rabbitmq"))


@pytest.fixture(scope="session")
def services():
    made = Services()
    yield made
    made.close()


@pytest.fixture(scope="session")
def template(services):
    """The name of a database that `score-gateway migrate` made: the others are copies of it."""
    url = services.create_database()
    result = command("migrate", env={"DATABASE_URL": url})
    assert result.returncode == 0, result.stderr
    yield url.rsplit("/", 1)[1]
    services.drop_database(url)


class World:
    """One database, one exchange and one poster's queue, and the gateways that share them."""

    def __init__(self, services, template, directory, kind="servers"):
        self.services = services
        self.store, self.bus = KINDS[kind]
        self.directory = directory
        self.broker_url = services.broker_url
        self.exchange = f"scores-{uuid.uuid4().hex[:12]}"
        self.queue = f"poster-{uuid.uuid4().hex[:12]}"
        self._stack = contextlib.ExitStack()
        self.file = directory / f"{uuid.uuid4().hex[:12]}.sqlite"
        if self.store == "sqlite":
            self.database_url = f"sqlite:{self.file}"
            result = command("migrate", env={"DATABASE_URL": self.database_url})
            assert result.returncode == 0, result.stderr
        else:
            self.database_url = services.create_database(template)
            self._stack.callback(services.drop_database, self.database_url)
        self.broker = Broker(services.broker_url)
        self._stack.callback(self.broker.close)
        self._stack.callback(lambda: self.broker.delete(self.exchange, self.queue))
        self.gateways = []

    @property
    def env(self):
        store = {"SCORES_FILE": self.file} if self.store == "sqlite" else {"DATABASE_URL": self.database_url}
        if self.bus == "local":
            return store
        return {
            **store,
            "BROKER_URL": self.broker_url,
            "BROKER_EXCHANGE": self.exchange,
            "POSTER_QUEUE": self.queue,
        }

    @property
    def apart(self):
        """For one more gateway, which does not need the scores of the others: an SQLite file has one gateway."""
        return {"SCORES_FILE": f"{uuid.uuid4().hex}.sqlite"} if self.store == "sqlite" else {}

    def gateway(self, ready=True, command=("serve",), **env):
        """Starts one; a variable that is None is left out."""
        given = dict(self.env)
        if env.get("ROLE") == "scores":
            # Named to it, the queue is made, and where no poster is it only grows.
            given.pop("POSTER_QUEUE", None)
        merged = {name: str(value) for name, value in {**given, **env}.items() if value is not None}
        made = Gateway(merged, self.directory, command)
        self.gateways.append(made)
        return made.start(ready)

    def slack(self):
        made = SlackStandIn()
        self._stack.callback(made.close)
        return made

    def sql(self, text, *parameters):
        """Rows of a query; an empty list of a statement that has none."""
        if self.store == "sqlite":
            with contextlib.closing(sqlite3.connect(self.file, timeout=30, isolation_level=None)) as connection:
                return connection.execute(text.replace("%s", "?"), parameters).fetchall()
        with self.services.connect(self.database_url) as connection:
            cursor = connection.execute(text, parameters or None)  # without any, % is just a character
            return cursor.fetchall() if cursor.description else []

    def fill(self, count, user=lambda n: "old"):
        """Scores 1…count that nobody publishes; their ids."""
        rows = [(user(n), n) for n in range(1, count + 1)]
        if self.store == "sqlite":
            with contextlib.closing(sqlite3.connect(self.file, timeout=30)) as connection, connection:
                connection.executemany('insert into "Score" ("user", score) values (?, ?)', rows)
                last = connection.execute("select last_insert_rowid()").fetchone()[0]
                return list(range(last - count + 1, last + 1))
        with self.services.connect(self.database_url) as connection:
            return [
                row[0]
                for row in connection.execute(
                    """with new as (insert into "Score" ("user", score) select * from unnest(%s::text[], %s::int4[])
                       returning id) select id from new order by id""",
                    ([user for user, _ in rows], [score for _, score in rows]),
                )
            ]

    def wait_for_statement(self, pattern, state="active"):
        """Until one session of this database is at a statement like that."""
        look = """select count(*) from pg_stat_activity where query like %s and state = %s
            and datname = current_database() and pid <> pg_backend_pid()"""
        eventually(lambda: self.sql(look, pattern, state)[0][0] == 1, 60, f"{state}: {pattern}")

    def close(self):
        with self._stack:
            running = [gateway for gateway in self.gateways if gateway.running]
            for gateway in self.gateways:
                print(f"--- log of the gateway at {gateway.port}\n{gateway.log}")
            for gateway in running:
                self._stack.callback(gateway.kill)
                gateway.stop()


@pytest.fixture
def world(services, template, tmp_path, kind):
    made = World(services, template, tmp_path, kind)
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared_world(services, template, tmp_path_factory, kind):
    """For tests that do not mind the scores of others."""
    made = World(services, template, tmp_path_factory.mktemp("shared"), kind)
    yield made
    made.close()


@pytest.fixture(scope="module")
def gateway(shared_world):
    """One gateway in the role `all` for a whole module."""
    return shared_world.gateway()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture
def may_stop_servers(services):
    """For tests of an outage: only of servers that are ours, and they run again afterwards, whatever happens."""
    if not services.private:
        pytest.skip("the servers are not those of deploy/dev services")
    yield
    services.start_postgres()
    services.rabbitmqctl("start_app")
