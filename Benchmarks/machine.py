"""What the end-to-end suite and the thresholds stand on: release builds, a private PostgreSQL and RabbitMQ, and one gateway
after another on a database of its own.
"""

import contextlib
import os
import pathlib
import random
import socket
import ssl
import subprocess
import sys
import time
import urllib.request

CHECKOUT = pathlib.Path(__file__).resolve().parent.parent
DEV = CHECKOUT / "deploy" / "dev"


def say(text):
    print(f"==> {text}", file=sys.stderr, flush=True)


def free_port():
    while True:
        port = random.randrange(20_000, 30_000)
        with contextlib.closing(socket.socket()) as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Machine:
    """The servers, the binaries, and which core is whose."""

    def __init__(self, output, products):
        """
        output: the folder for the gateway's log.
        products: what is built.
        """
        self.output = output
        self.cores = sorted(os.sched_getaffinity(0))
        say(f"building {' and '.join(products)}")
        for product in products:
            subprocess.run(["swift", "build", "-c", "release", "--product", product], cwd=CHECKOUT, check=True,
                           stdout=subprocess.DEVNULL)  # fmt: skip
        path = subprocess.run(["swift", "build", "-c", "release", "--show-bin-path"], cwd=CHECKOUT, check=True,
                              capture_output=True, text=True)  # fmt: skip
        self.bin = pathlib.Path(path.stdout.strip())
        self.started = subprocess.run([DEV, "services", "status"], capture_output=True, text=True).stdout.count(" up ") < 2
        subprocess.run([DEV, "services", "up"], check=True, stdout=subprocess.DEVNULL)
        lines = (CHECKOUT / ".services" / "env").read_text().splitlines()
        self.env = dict(line.split("=", 1) for line in lines)
        # Not the database of `deploy/dev run`, whose scores are somebody's.
        self.database_url = self.env["DATABASE_URL"].rsplit("/", 1)[0] + "/bench"
        self.psql("-d", "score", "-c", "DROP DATABASE IF EXISTS bench WITH (FORCE)")

    def close(self):
        self.psql("-d", "score", "-c", "DROP DATABASE IF EXISTS bench WITH (FORCE)")
        if self.started:
            subprocess.run([DEV, "services", "down"], check=False, stdout=subprocess.DEVNULL)

    def psql(self, *arguments, **options):
        """The private server's client."""
        command = [DEV, "services", "psql", "-qAt", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout.strip()

    def pin(self, core):
        return ["taskset", "-c", str(self.cores[core])] if len(self.cores) > 1 and core is not None else []

    def certificate(self):
        """A certificate for localhost that vouches for itself: its file, and that of its key."""
        made = self.output / "certificate.pem", self.output / "certificate.key"
        if not made[0].exists():
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-days", "2",
                            "-keyout", made[1], "-out", made[0]], check=True, capture_output=True)  # fmt: skip
        return made

    @contextlib.contextmanager
    def gateway(self, reactors=1, core=0, rows=0, below=(), secure=False):
        """A gateway on an empty table, or on one with so many rows; as a child of the command `below`."""
        self.psql("-d", "score", "-c", "DROP DATABASE IF EXISTS bench WITH (FORCE)", "-c", "CREATE DATABASE bench")
        port = free_port()
        env = {"PATH": os.environ["PATH"], "PORT": str(port), "HOST": "127.0.0.1", "REACTORS": str(reactors),
               "DATABASE_URL": self.database_url, "BROKER_URL": self.env["BROKER_URL"],
               "BROKER_EXCHANGE": f"bench-{port}", "DRAIN_DELAY": "0"}  # fmt: skip
        scheme, context = "http", None
        if secure:
            scheme, (env["TLS_CERT_FILE"], env["TLS_KEY_FILE"]) = "https", map(str, self.certificate())
            context = ssl.create_default_context(cafile=env["TLS_CERT_FILE"])
        if rows:
            subprocess.run([self.bin / "score-gateway", "migrate"], env=env, check=True, capture_output=True)
            self.psql("-d", "bench", "-c", f"""INSERT INTO "Score" ("user", score) SELECT 'user ' || i % 1000, i % 1000
                      FROM generate_series(1, {rows}) AS i""")  # fmt: skip
            self.psql("-d", "bench", "-c", 'VACUUM ANALYZE "Score"')
        log = open(self.output / "gateway.log", "ab")
        process = subprocess.Popen([*self.pin(core), *below, self.bin / "score-gateway"], env=env, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 30
            while True:
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"{scheme}://127.0.0.1:{port}/readiness", timeout=2, context=context).read()
                    break
                if time.monotonic() > deadline or process.poll() is not None:
                    raise SystemExit(f"the gateway did not start: see {self.output}/gateway.log")
                time.sleep(0.05)
            time.sleep(1)  # the history is read, the feed is live
            yield Gateway(process.pid, f"{scheme}://127.0.0.1:{port}", f"bench-{port}")
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
            log.close()

class Gateway:
    def __init__(self, pid, url, exchange):
        self.pid, self.url, self.exchange = pid, url, exchange

    def memory(self):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0
