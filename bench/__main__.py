"""
How does lbproxy compare with nginx and HAProxy? C{python -m bench}, or C{make bench}.

Every proxy has a core for itself, clients and backends have the other. Ten to twelve minutes with
the defaults. The numbers go to C{bench/results/}; C{--publish} puts the tables and the picture into
C{docs/} as well.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench import publish, results
from bench.growth import Curve, measureGrowth
from bench.machine import facts
from bench.peers import startPeers
from bench.processes import CLIENT_CORE
from bench.proxies import Proxy, available
from bench.rounds import Outcome, play, say
from bench.scenario import Ground, Running
from bench.scenarios import ALL
from bench.table import markdown
from bench.tools import ToolMissing, requireCores, requireTools
from tests.certs import Authority

GROWTH = "growth"


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """
    What is asked for.
    """
    names = [each.name for each in ALL] + [GROWTH]
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", metavar="SCENARIO,...", help=f"of {', '.join(names)}")
    parser.add_argument("--publish", action="store_true", help="into docs/, as well")
    asked = parser.parse_args(arguments)
    asked.only = asked.only.split(",") if asked.only else names
    unknown = set(asked.only).difference(names)
    if unknown:
        parser.error(
            f"no such scenario: {', '.join(sorted(unknown))}; there are {', '.join(names)}"
        )
    return asked


def main() -> None:
    """
    Measure, save, print.
    """
    asked = options()
    try:
        requireCores()
        requireTools()
    except ToolMissing as problem:
        sys.exit(f"bench: {problem}")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.sched_setaffinity(0, {CLIENT_CORE})
    proxies = available()
    about = facts(proxies)
    begun = time.monotonic()
    with prepared(asked.seconds) as ground:
        outcomes = compare(ground, proxies, asked)
        curves: list[Curve] = []
        if GROWTH in asked.only:
            say(f"\n{GROWTH}")
            curves = measureGrowth(ground, min(3, asked.rounds))
    say(f"\n{time.monotonic() - begun:.0f} seconds\n")
    found = results.document(about, outcomes, curves)
    print(markdown(found))
    print(f"All numbers: {results.save(found)}")
    if asked.publish:
        publish.publish(found)


@contextmanager
def prepared(seconds: float) -> Iterator[Ground]:
    """
    A folder with a certificate, and everything that stands behind the proxies.
    """
    folder = Path(tempfile.mkdtemp(prefix="lbproxy-bench-"))
    folder.chmod(0o755)  # nginx drops its privileges
    cert, key = Authority().issue("localhost", "127.0.0.1").write(str(folder))
    shutil.copy(cert, folder / "edge.pem")
    shutil.copy(key, folder / "edge.key")
    peers = startPeers(folder)
    try:
        yield Ground(folder, peers, seconds)
    finally:
        peers.stop()
        shutil.rmtree(folder)


def compare(ground: Ground, proxies: Sequence[Proxy], asked: argparse.Namespace) -> list[Outcome]:
    """
    Start all proxies, and give each its turns.
    """
    wanted = [each for each in ALL if each.name in asked.only]
    running: list[Running] = []
    outcomes = []
    try:
        for proxy in proxies if wanted else ():
            running.append(ground.start(proxy))
        for scenario in wanted:
            say(f"\n{scenario.title} ")
            try:
                outcomes.append(play(ground, scenario, running, asked.rounds))
            except (RuntimeError, OSError, subprocess.SubprocessError) as e:
                # The others' minutes are not to be lost.
                say(f"failed: {e}")
    finally:
        for each in running:
            each.server.stop()
    return outcomes


if __name__ == "__main__":
    main()
