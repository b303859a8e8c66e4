"""
Promises of L{lbproxy.pool.breaker}, through a pool.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.errors import NoBackendAvailable, Outcome
from lbproxy.pool.breaker import BreakerSettings, Circuit, connectBackoff
from lbproxy.pool.lease import Lease
from lbproxy.pool.policy import Policy
from lbproxy.pool.pool import Pool
from lbproxy.testing import FakeContext, buildPool, picks, spec

OK, BAD = Outcome.OK, Outcome.SERVER_ERROR
SOMEONE = FakeContext()


class _Building(SynchronousTestCase):
    def build(self, *backends: Any, breakers: tuple[BreakerSettings, ...]) -> Pool:
        self.clock = Clock()
        pool = buildPool(*backends, seconds=self.clock.seconds, policy=Policy(breakers=breakers))
        self.heard: list[str] = []
        pool.observer = lambda event: self.heard.append(str(event))
        return pool

    def use(self, pool: Pool, name: str, *outcomes: Outcome) -> None:
        for outcome in outcomes:
            self.take(pool, name).release(outcome)

    def take(self, pool: Pool, name: str) -> Lease:
        others = [backend for backend in pool.backends.values() if backend.name != name]
        return pool.acquire(SOMEONE, others)


class BreakerTests(_Building):
    """
    Closed, open, half open.
    """

    def pool(self, *backends: Any, **settings: Any) -> Pool:
        settings = {"failures": 3, "openFor": 5.0, **settings}
        return self.build(*(backends or "ab"), breakers=(BreakerSettings(**settings),))

    def circuit(self, pool: Pool, name: str = "a") -> Circuit:
        return pool.guards.circuit(pool.backends[name])

    def test_opensAfterFailuresInARow(self) -> None:
        """Three in a row open it, and nothing goes there."""
        pool = self.pool()
        self.use(pool, "a", BAD, BAD, OK, BAD, BAD)
        self.assertEqual(self.circuit(pool), Circuit.CLOSED)
        self.use(pool, "a", BAD)
        self.assertEqual(self.circuit(pool), Circuit.OPEN)
        self.assertEqual(set(picks(pool, 6)), {"b"})
        self.assertEqual(self.heard, ["backend web/a circuit open: server error"])

    def test_thenOneMayTry(self) -> None:
        """When its time is over one use at a time is let through."""
        pool = self.pool()
        self.use(pool, "a", BAD, BAD, BAD)
        self.clock.advance(6)
        leases = [pool.acquire(SOMEONE) for _ in range(6)]
        self.assertEqual(sum(lease.backend.name == "a" for lease in leases), 1)
        self.assertEqual(self.circuit(pool), Circuit.HALF_OPEN)

    def test_aGoodTrialClosesIt(self) -> None:
        """Then it has its share again."""
        pool = self.pool()
        self.use(pool, "a", BAD, BAD, BAD)
        self.clock.advance(6)
        self.use(pool, "a", OK)
        self.assertEqual(self.circuit(pool), Circuit.CLOSED)
        self.assertEqual(sorted(picks(pool, 4)), ["a", "a", "b", "b"])

    def test_aBadTrialOpensItForLonger(self) -> None:
        """Twice as long each time, up to the longest; a good one starts over."""
        pool = self.pool(maxOpenFor=16.0)
        self.use(pool, "a", BAD, BAD, BAD)
        lengths = []
        for _ in range(4):
            start = self.clock.seconds()
            while self.circuit(pool) is Circuit.OPEN:
                self.clock.advance(0.25)
                pool.tick()
            lengths.append(self.clock.seconds() - start)
            self.use(pool, "a", BAD)
        for length, wanted in zip(lengths, (5, 10, 16, 16), strict=True):
            self.assertTrue(wanted <= length <= wanted * 1.1 + 0.25, lengths)

    def test_severalTrialsAndSuccesses(self) -> None:
        """As many at a time, and as many good ones, as the settings say."""
        pool = self.pool(trials=2, successes=3)
        self.use(pool, "a", BAD, BAD, BAD)
        self.clock.advance(6)
        held = [self.take(pool, "a") for _ in range(2)]
        self.assertRaises(NoBackendAvailable, self.take, pool, "a")
        for lease in held:
            lease.release(OK)
        self.assertEqual(self.circuit(pool), Circuit.HALF_OPEN)
        self.use(pool, "a", OK)
        self.assertEqual(self.circuit(pool), Circuit.CLOSED)
        told = [line.partition("circuit ")[2] for line in self.heard]
        self.assertEqual(told, ["open: server error", "half open: its time is over", "closed: ok"])

    def test_whatWasUnderWayDoesNotCount(self) -> None:
        """Leases from before it opened change nothing while it is open."""
        pool = self.pool()
        old = [self.take(pool, "a") for _ in range(3)]
        self.use(pool, "a", BAD, BAD, BAD)
        old[0].release(OK)
        old[1].release(BAD)
        self.assertEqual(self.circuit(pool), Circuit.OPEN)
        self.clock.advance(6)
        pool.tick()
        old[2].release(Outcome.CLIENT_LEFT)
        self.assertEqual(self.circuit(pool), Circuit.HALF_OPEN)

    def test_reserveServesWhileAllAreOpen(self) -> None:
        """Then, and only then, backups are used; without one the reason is told."""
        pool = self.pool("a", spec("b", priority=1))
        self.use(pool, "a", BAD, BAD, BAD)
        self.assertEqual(pool.acquire(SOMEONE).backend.name, "b")
        single = self.pool("a")
        self.use(single, "a", BAD, BAD, BAD)
        error = self.assertRaises(NoBackendAvailable, single.acquire, SOMEONE)
        self.assertEqual(error.reason, "no backend available: 1 with an open circuit")

    def test_reserveServesWhileAllAreBeingTried(self) -> None:
        """A trial under way keeps out the others, who go to the backup meanwhile."""
        pool = self.pool("a", spec("b", priority=1))
        self.use(pool, "a", BAD, BAD, BAD)
        self.clock.advance(6)
        names = [pool.acquire(SOMEONE).backend.name for _ in range(3)]
        self.assertEqual(names, ["a", "b", "b"])
        single = self.pool("a")
        self.use(single, "a", BAD, BAD, BAD)
        self.clock.advance(6)
        single.acquire(SOMEONE)
        error = self.assertRaises(NoBackendAvailable, single.acquire, SOMEONE)
        self.assertEqual(error.reason, "no backend available: 1 being tried")

    def test_maximumStillCounts(self) -> None:
        """A closed circuit lets through no more than the backend may take."""
        pool = self.pool(spec("a", maxConnections=1), "b")
        self.use(pool, "a", BAD, BAD, BAD)
        self.clock.advance(6)
        self.use(pool, "a", OK)
        held = [pool.acquire(SOMEONE).backend.name for _ in range(4)]
        self.assertEqual(held.count("a"), 1)

    def test_refusesSettingsThatMeanNothing(self) -> None:
        """Counts are at least 1, and no time is 0."""
        for bad in (
            {"failures": 0},
            {"trials": 0},
            {"successes": 0},
            {"openFor": 0.0},
            {"openFor": 9.0, "maxOpenFor": 8.0},
        ):
            with self.assertRaises(ValueError):
                BreakerSettings(**bad)


class ConnectBackoffTests(_Building):
    """
    Who refuses connections is left alone for a while.
    """

    def test_pausesAfterAFailedConnect(self) -> None:
        """One failed connect is enough, and each further one doubles the pause."""
        pool = self.build("a", "b", breakers=(connectBackoff(0.2, 10),))
        self.use(pool, "a", BAD, Outcome.RESET, Outcome.CONNECT_FAILED)
        self.assertEqual(set(picks(pool, 6)), {"b"})
        self.clock.advance(0.23)
        self.use(pool, "a", Outcome.CONNECT_FAILED)
        self.clock.advance(0.23)
        self.assertEqual(set(picks(pool, 6)), {"b"})
        self.clock.advance(0.23)
        self.assertIn("a", picks(pool, 6))

    def test_whateverWasReachedIsBack(self) -> None:
        """An answer, even a bad one, shows that connecting works."""
        pool = self.build("a", "b", breakers=(connectBackoff(0.2, 10),))
        self.use(pool, "a", Outcome.CONNECT_FAILED)
        self.clock.advance(0.3)
        self.use(pool, "a", BAD)
        self.assertEqual(pool.guards.circuit(pool.backends["a"]), Circuit.CLOSED)

    def test_besideABreaker(self) -> None:
        """Each of the two can keep work away by itself."""
        pool = self.build("a", "b", breakers=(BreakerSettings(failures=2), connectBackoff(0.2, 10)))
        self.use(pool, "a", BAD, BAD)
        self.clock.advance(1)
        self.assertEqual(set(picks(pool, 6)), {"b"})
        self.use(pool, "b", Outcome.CONNECT_FAILED)
        self.assertRaises(NoBackendAvailable, pool.acquire, SOMEONE)
        self.clock.advance(0.3)
        self.assertEqual(set(picks(pool, 6)), {"b"})
