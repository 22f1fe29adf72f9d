"""The real PostgreSQL and RabbitMQ below the tests: the private ones of `deploy/dev services`."""

import os
import pathlib
import subprocess
import uuid
from urllib.parse import urlsplit, urlunsplit

import psycopg

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
DEV = CHECKOUT / "deploy" / "dev"


def _private_environment():
    """What `deploy/dev services up` wrote, or nothing."""
    file = CHECKOUT / ".services" / "env"
    if not file.exists():
        return {}
    return dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)


class Services:
    """TEST_DATABASE_URL and TEST_BROKER_URL when they are set; else it starts the private servers, and ends them."""

    def __init__(self):
        self.database_url = os.environ.get("TEST_DATABASE_URL")
        self.broker_url = os.environ.get("TEST_BROKER_URL")
        self._started = False
        if not (self.database_url and self.broker_url):
            self._started = self._dev("status", check=False).returncode != 0
            self._dev("up")
            private = _private_environment()
            self.database_url, self.broker_url = private["DATABASE_URL"], private["BROKER_URL"]
        #: Whether the servers are ours, so that a test may stop them.
        self.private = _private_environment().get("BROKER_URL") == self.broker_url

    def close(self):
        if self._started:
            self._dev("down")

    def _dev(self, *arguments, check=True):
        result = subprocess.run(
            [DEV, "services", *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300
        )
        assert result.returncode == 0 or not check, f"deploy/dev services {arguments}: {result.stderr}{result.stdout}"
        return result

    # PostgreSQL

    def connect(self, database_url=None):
        """Prepares no statement by itself, as the replaced service's driver did not."""
        url = database_url or self.database_url
        return psycopg.connect(url, autocommit=True, connect_timeout=10, prepare_threshold=None)

    def create_database(self, template="template1"):
        """A database of its own, made from a template: its URL."""
        name = f"test-{uuid.uuid4().hex[:12]}"  # with a hyphen, as some deployments have it
        with self.connect() as connection:
            connection.execute(f'create database "{name}" template "{template}"')
        return urlunsplit(urlsplit(self.database_url)._replace(path=f"/{name}"))

    def drop_database(self, url):
        with self.connect() as connection:
            connection.execute(f'drop database if exists "{urlsplit(url).path[1:]}" with (force)')

    def stop_postgres(self):
        self._dev("stop", "postgresql")

    def start_postgres(self):
        self._dev("start", "postgresql")

    # RabbitMQ

    def rabbitmqctl(self, *arguments):
        return self._dev("rabbitmqctl", "--quiet", *arguments).stdout

    def create_vhost(self):
        """An empty broker within the broker, for tests of the default names: its URL."""
        name = f"test-{uuid.uuid4().hex[:12]}"
        user = urlsplit(self.broker_url).username
        self.rabbitmqctl("add_vhost", name)
        self.rabbitmqctl("set_permissions", "-p", name, user, ".*", ".*", ".*")
        return urlunsplit(urlsplit(self.broker_url)._replace(path=f"/{name}"))
