#!/usr/bin/env python3
"""Nothing acknowledged is ever lost: holds the promises of delivery while everything around the gateway fails.

    deploy/dev chaos [--minutes N] [--seed N] [--topology all|roles|embedded|each]

Its own PostgreSQL and RabbitMQ, gateways that are killed, paused and restarted, links that are cut, a Slack in all its
moods; all on 127.0.0.1. GATEWAY_BIN names the gateway, which is built already.
"""

import argparse
import asyncio
import contextlib
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "Integration")]

import processes  # noqa: E402
from gateway import binary  # noqa: E402
from nodes import TOPOLOGIES  # noqa: E402
from rounds import Round  # noqa: E402
from servers import Servers  # noqa: E402

#: About as long is one round of a long run, with the time until all is quiet.
ROUND_MINUTES = 3.0
#: What a round needs before and after its load, when nothing is wrong.
OVERHEAD = 30.0
#: For CI: always the same faults.
SHORT = [("all", 268), ("roles", 37), ("embedded", 55)]
SHORT_LOAD = {"all": 45.0, "roles": 45.0, "embedded": 30.0}

PARTS = ["idempotency", "batches", "bus", "feed", "slack"]


def arguments():
    parser = argparse.ArgumentParser(prog="deploy/dev chaos", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30, help="in total, in rounds of about 3 (30)")
    parser.add_argument("--seed", type=int, help="of the first round; the others follow (a new one)")
    parser.add_argument("--topology", choices=[*TOPOLOGIES, "each"], default="each", help="(each in turn)")
    parser.add_argument("--short", action="store_true", help="one short round each, always the same: for CI")
    parser.add_argument("--rate", type=float, default=200, help="requests a second (200)")
    parser.add_argument("--without", default="", help=f"parts that are left out, with commas: {', '.join(PARTS)}")
    parser.add_argument("--keep", action="store_true", help="keep the logs also when all is well")
    options = parser.parse_args()
    options.without = set(filter(None, options.without.split(",")))
    if unknown := options.without - set(PARTS):
        parser.error(f"--without {', '.join(unknown)}?")
    return options


def rounds(options):
    """(topology, seed, seconds of load, what repeats it) of each round."""
    rest = f" --without {','.join(sorted(options.without))}" if options.without else ""
    rest += f" --rate {options.rate:g}" if options.rate != 200 else ""
    if options.short:
        chosen = [(kind, seed) for kind, seed in SHORT if options.topology in (kind, "each")]
        return [(kind, seed, SHORT_LOAD[kind], f"--short --topology {kind}{rest}") for kind, seed in chosen]
    kinds = list(TOPOLOGIES) if options.topology == "each" else [options.topology]
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1_000_000)
    number = max(len(kinds), round(options.minutes / ROUND_MINUTES))
    minutes = options.minutes / number
    load = max(20.0, minutes * 60 - OVERHEAD)
    made = []
    for index in range(number):
        kind = kinds[index % len(kinds)]
        repeat = f"--seed {seed + index} --topology {kind} --minutes {minutes:g}{rest}"
        made.append((kind, seed + index, load, repeat))
    return made


class Run:
    def __init__(self, options):
        self.options = options
        self.began = time.monotonic()

    def say(self, text):
        print(f"{time.monotonic() - self.began:7.1f}  {text}", flush=True)

    async def go(self):
        """The exit code."""
        planned = rounds(self.options)
        self.say(f"gateway {binary()}; {len(planned)} rounds, the first with seed {planned[0][1]}")
        self.logs = pathlib.Path(tempfile.mkdtemp(prefix="score-gateway-chaos-logs."))
        folder = pathlib.Path(tempfile.mkdtemp(prefix="score-gateway-chaos."))
        folder.chmod(0o755)  # the servers do not run as root
        servers = Servers(folder)
        failed, finished = [], False
        try:
            self.say("starting PostgreSQL and RabbitMQ")
            await servers.up()
            for index, (kind, seed, seconds, repeat) in enumerate(planned):
                logs = self.logs / f"round-{index}-{kind}-{seed}"
                logs.mkdir()
                made = Round(
                    servers, kind, seed, seconds, self.options.rate, self.options.without, logs, self.say
                )
                try:
                    result = await made.run()
                except Exception:
                    self.say(f"a round could not be finished; it is repeated by: deploy/dev chaos {repeat}")
                    raise
                self.report(result, made)
                if result.findings:
                    failed.append((result, repeat))
            finished = True
        finally:
            keep = failed or not finished or self.options.keep
            await servers.down(self.logs if keep else None)
            await processes.kill(processes.inside(self.logs))  # one that was being started when we were told to end
            shutil.rmtree(folder, ignore_errors=True)
            if keep:
                self.say(f"logs: {self.logs}")
            else:
                shutil.rmtree(self.logs, ignore_errors=True)
        for result, repeat in failed:
            print(f"FAILED: topology {result.topology}, seed {result.seed}; repeated by: deploy/dev chaos {repeat}")
        if not failed:
            print(f"all {len(planned)} rounds held")
        return 1 if failed else 0

    def report(self, result, made):
        print(f"\n--- topology {result.topology}, seed {result.seed}")
        for line in result.lines:
            print(f"    {line}")
        for finding in result.findings:
            print(f"    LOST OR WRONG  {finding}")
        print(f"    {'FAILED' if result.findings else 'nothing lost, nothing stored twice'}\n", flush=True)


async def main(options):
    task = asyncio.current_task()
    # The first one; more would only disturb the cleaning up.
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, lambda: task.cancelling() or task.cancel())
    with contextlib.suppress(asyncio.CancelledError):
        return await Run(options).go()
    return 130


if __name__ == "__main__":
    sys.exit(asyncio.run(main(arguments())))
