"""
What does a pick cost? Every balancer and affinity, with few backends and with thousands.

    python -m bench.picks [count ...]

Prints microseconds for acquiring and releasing one lease. The smallest of many short runs is
taken: on a machine that does other things, too, anything else measures those.
"""

from __future__ import annotations

import random
import sys
import time
import timeit
from collections.abc import Callable, Iterable

from lbproxy.config.address import Address
from lbproxy.errors import Outcome
from lbproxy.pool.affinity.cookie import CookieAffinity, CookieSettings
from lbproxy.pool.affinity.table import sourceIPAffinity
from lbproxy.pool.backend import BackendSpec
from lbproxy.pool.balancers.names import Surroundings, balancerMaker, balancerNames
from lbproxy.pool.context import Context
from lbproxy.pool.outliers import OutlierSettings
from lbproxy.pool.policy import Policy
from lbproxy.pool.pool import Pool
from lbproxy.testing import FakeContext

RUNS, PICKS = 60, 3_000
AROUND = Surroundings(time.monotonic, random.Random(1))


def specs(count: int, weighted: bool = False, limit: int = 0) -> list[BackendSpec]:
    """
    As many backends; with odd weights if C{weighted}.
    """
    return [
        BackendSpec(
            f"b{number}",
            Address(f"10.{number >> 8}.{number & 255}.1", 80),
            weight=1 + number * 37 % 100 if weighted else 1,
            maxConnections=limit,
        )
        for number in range(count)
    ]


def cost(pool: Pool, context: Context) -> float:
    """
    Microseconds to acquire and release.
    """
    pool.acquire(context).release(Outcome.OK, 0.01)
    names = {"acquire": pool.acquire, "context": context, "OK": Outcome.OK}
    timer = timeit.Timer("acquire(context).release(OK, 0.01)", globals=names)
    return min(timer.repeat(RUNS, PICKS)) / PICKS * 1e6


def returning(affinity: CookieAffinity, count: int) -> tuple[Pool, FakeContext]:
    """
    A pool and a client that has its cookie already.
    """
    pool = Pool("web", specs(count), affinity=affinity)
    client = FakeContext()
    lease = pool.acquire(client)
    client.keepCookie(lease.setCookie)
    lease.release(Outcome.OK)
    return pool, client


def cases(count: int) -> Iterable[tuple[str, Pool, FakeContext]]:
    """
    What is measured.
    """
    client = FakeContext()
    for name in balancerNames():
        yield name, Pool("web", specs(count), balancer=balancerMaker(name, AROUND)), client
    for name in ("roundRobin", "leastConnections", "random"):
        maker = balancerMaker(name, AROUND)
        yield f"{name}, odd weights", Pool("web", specs(count, True), balancer=maker), client
    yield "roundRobin, limits", Pool("web", specs(count, limit=100)), client
    outliers = Policy(outliers=OutlierSettings())
    yield "roundRobin, outliers", Pool("web", specs(count), policy=outliers), client
    affinity = CookieAffinity(CookieSettings(["secret"]))
    yield "roundRobin, cookie", *returning(affinity, count)
    table = sourceIPAffinity(time.monotonic)
    yield "roundRobin, sourceIP", Pool("web", specs(count), affinity=table), client


def main(arguments: list[str], write: Callable[[str], object] = print) -> None:
    """
    Measure and print.
    """
    counts = [int(argument) for argument in arguments] or [5, 100, 5_000]
    write(f"{'us per lease, with backends:':30}" + "".join(f"{count:>8}" for count in counts))
    for rows in zip(*(cases(count) for count in counts), strict=True):
        figures = [cost(pool, context) for _, pool, context in rows]
        write(f"{rows[0][0]:30}" + "".join(f"{figure:8.2f}" for figure in figures))


if __name__ == "__main__":
    main(sys.argv[1:])
