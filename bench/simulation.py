"""
What happens to a hundred backends? A world of servers, clients and checks in simulated time.

The pool, its balancers, its outlier detector and the thresholds of its checks are lbproxy's own;
only the servers are made up. Each has as many workers as its weight says and a line in front of
them, so one that gets more than it can do answers late, as a real one would.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush, heapreplace

from lbproxy.config.address import Address
from lbproxy.errors import NoBackendAvailable, Outcome
from lbproxy.pool.backend import Backend, BackendSpec, Health
from lbproxy.pool.balancers.names import Surroundings, balancerMaker
from lbproxy.pool.context import PlainContext
from lbproxy.pool.lease import Lease
from lbproxy.pool.outliers import OutlierSettings
from lbproxy.pool.policy import Policy
from lbproxy.pool.pool import Pool
from lbproxy.pool.thresholds import Thresholds

#: Backends, their weights in turn, and what they do in a calm time.
BACKENDS = 100
WEIGHTS = (1, 1, 1, 2, 4)
WORKERS = 4
SERVICE = 0.02
USE = 0.5

# Seconds: how long a client waits, how long it takes to be refused, and between two checks.
TIMEOUT = 1.0
REFUSED_AFTER = 0.001
CHECK_INTERVAL = 2.0

_CLIENTS = 20_000


@dataclass(frozen=True, slots=True)
class Trouble:
    """
    What is wrong with the first C{count} backends: C{slowness} multiplies their service time,
    C{isDead} says when they refuse connections. C{length} is the whole time, in seconds.
    """

    name: str
    title: str
    count: int = 0
    slowness: float = 1.0
    isDead: Callable[[float], bool] = field(default=lambda share: False)


#: What may go wrong. Times are parts of the whole, 0 to 1.
TROUBLES = (
    Trouble("calm", "all is well"),
    Trouble("slow", "ten of a hundred four times as slow", 10, 4.0),
    Trouble("flapping", "ten refuse for 3 s of every 6 s", 10, 1.0, lambda now: now % 6 < 3),
    Trouble("dying", "ten die after 10 s and return after 20 s", 10, 1.0, lambda n: 10 < n < 20),
)


@dataclass(slots=True)
class Tally:
    """
    What came of it. Latencies are in seconds; C{served} counts for each backend.
    """

    served: dict[str, int]
    latencies: list[float] = field(default_factory=list)
    failed: int = 0
    retried: int = 0
    picks: int = 0

    def latency(self, quantile: float) -> float:
        """
        In seconds.
        """
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(quantile * len(ordered)))] if ordered else 0.0


class Server:
    """
    One backend's other end.
    """

    __slots__ = ("busyUntil", "slowness", "thresholds", "troubled")

    def __init__(self, weight: int, slowness: float, troubled: bool) -> None:
        self.busyUntil = [0.0] * (WORKERS * weight)
        self.slowness = slowness
        self.troubled = troubled
        self.thresholds = Thresholds(rise=2, fall=3, health=Health.UP)

    def serve(self, now: float, work: float) -> float:
        """
        @param work: seconds that it takes when it is not slow.
        @return: when it is done.
        """
        done = max(now, self.busyUntil[0]) + work * self.slowness
        heapreplace(self.busyUntil, done)
        return done


class World:
    """
    One run: one balancer, one trouble.
    """

    def __init__(self, balancer: str, trouble: Trouble, seed: int = 1) -> None:
        self.now = 0.0
        self._rng = random.Random(seed)
        self._trouble = trouble
        specs = [
            BackendSpec(f"b{n:02}", Address(f"10.0.0.{n}", 80), WEIGHTS[n // 10 % len(WEIGHTS)])
            for n in range(BACKENDS)
        ]
        around = Surroundings(self.seconds, random.Random(seed))
        self.pool = Pool(
            "simulated",
            specs,
            balancer=balancerMaker(balancer, around),
            policy=Policy(outliers=OutlierSettings(ejectFor=5, maxEjected=0.3)),
            seconds=self.seconds,
            rng=random.Random(seed),
        )
        self._servers: dict[Backend, Server] = {}
        for number, backend in enumerate(self.pool.backends.values()):
            troubled = number < trouble.count
            slowness = trouble.slowness if troubled else 1.0
            self._servers[backend] = Server(backend.weight, slowness, troubled)
            self.pool.setHealth(backend, Health.UP)
        self._clients = [
            PlainContext(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}") for n in range(_CLIENTS)
        ]
        # What is going to end: when, a number that no other has, the lease, how.
        self._ends: list[tuple[float, int, Lease, Outcome, float]] = []
        self._serial = 0
        self.tally = Tally(dict.fromkeys(self.pool.backends, 0))

    def seconds(self) -> float:
        """
        The clock of this world.
        """
        return self.now

    def run(self, picks: int) -> Tally:
        """
        @param picks: how many clients come.
        """
        weight = sum(backend.weight for backend in self.pool.backends.values())
        rate = USE * weight * WORKERS / SERVICE
        checks = self._checks()
        nextCheck = next(checks)
        for _ in range(picks):
            self.now += self._rng.expovariate(rate)
            while nextCheck <= self.now:
                nextCheck = next(checks)
            while self._ends and self._ends[0][0] <= self.now:
                _, _, lease, outcome, latency = heappop(self._ends)
                lease.release(outcome, latency)
            self._come(self._clients[int(self._rng.random() * _CLIENTS)])
        self.tally.picks = picks
        return self.tally

    def _come(self, client: PlainContext) -> None:
        """
        One client, with one more attempt elsewhere if it is refused.
        """
        tried: Sequence[Backend] = ()
        for _ in range(2):
            try:
                lease = self.pool.acquire(client, tried)
            except NoBackendAvailable:
                break
            if self._use(lease):
                return
            tried = (*tried, lease.backend)
            self.tally.retried += 1
        self.tally.failed += 1

    def _use(self, lease: Lease) -> bool:
        """
        @return: whether the backend took it; if so it may still be too late.
        """
        server = self._servers[lease.backend]
        if server.troubled and self._trouble.isDead(self.now):
            lease.release(Outcome.CONNECT_FAILED, REFUSED_AFTER)
            return False
        self.tally.served[lease.backend.name] += 1
        latency = server.serve(self.now, self._rng.expovariate(1 / SERVICE)) - self.now
        outcome = Outcome.OK
        if latency > TIMEOUT:
            latency, outcome = TIMEOUT, Outcome.TIMED_OUT
            self.tally.failed += 1
        self.tally.latencies.append(latency)
        self._serial += 1
        heappush(self._ends, (self.now + latency, self._serial, lease, outcome, latency))
        return True

    def _checks(self) -> Iterator[float]:
        """
        Check all backends, one after the other, for ever.

        @return: when the next one is due.
        """
        due = 0.0
        while True:
            for backend, server in self._servers.items():
                due += CHECK_INTERVAL / BACKENDS
                yield due
                dead = server.troubled and self._trouble.isDead(due)
                change = server.thresholds.failed() if dead else server.thresholds.passed()
                if change is not None:
                    self.pool.setHealth(backend, change)
