"""
Promises of L{lbproxy.pool.selection}.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.errors import NoBackendAvailable, Outcome
from lbproxy.pool.backend import Health
from lbproxy.pool.breaker import BreakerSettings
from lbproxy.pool.outliers import OutlierSettings
from lbproxy.pool.policy import Policy
from lbproxy.pool.pool import Pool
from lbproxy.testing import FakeContext, buildPool, picks, spec

SOMEONE = FakeContext()


class ShortWayTests(SynchronousTestCase):
    """
    Picks are cheap while there is nothing to look at, and right when there is.
    """

    def guarded(self, pool: Pool) -> bool:
        picks(pool, 1)
        return pool.selection.guarded

    def test_openWhenAllIsWell(self) -> None:
        """After the first pick the short way is open, and stays so through uses."""
        pool = buildPool("a", "b")
        self.assertTrue(pool.selection.guarded)
        self.assertFalse(self.guarded(pool))
        pool.acquire(SOMEONE).release(Outcome.RESET)
        self.assertFalse(pool.selection.guarded)

    def test_closedWhileSomebodyIsFull(self) -> None:
        """And open again when nobody is."""
        pool = buildPool("a", spec("b", maxConnections=1))
        leases = [pool.acquire(SOMEONE) for _ in range(2)]
        self.assertTrue(self.guarded(pool))
        leases[1].release(Outcome.OK)
        self.assertFalse(pool.selection.guarded)

    def test_closedByAnyFact(self) -> None:
        """Whatever changes is seen by the next pick."""
        pool = buildPool("a", "b", "c")
        a = pool.backends["a"]
        picks(pool, 3)
        changes: tuple[Callable[[], None], ...] = (
            lambda: pool.setHealth(a, Health.DOWN),
            lambda: pool.setEjected(a, True),
            lambda: pool.setWeight(a, 7),
            lambda: pool.setScale(a, 0.5),
            lambda: pool.replaceBackends([spec("c"), spec("b")]),
        )
        for change in changes:
            change()
            self.assertTrue(pool.selection.guarded)
            self.assertFalse(self.guarded(pool))

    def test_closedWhilePaused(self) -> None:
        """A pause holds everybody."""
        pool = buildPool("a")
        picks(pool, 1)
        pool.pause()
        self.assertRaises(NoBackendAvailable, pool.acquire, SOMEONE)
        pool.resume(0)
        self.assertEqual(picks(pool, 1), "a")

    def test_closedWhileSomethingIsDue(self) -> None:
        """What ends by itself, as an ejection does, is seen by the next pick."""
        for policy in (
            Policy(outliers=OutlierSettings(consecutiveFailures=1, ejectFor=30)),
            Policy(breakers=(BreakerSettings(failures=1, openFor=20, maxOpenFor=20),)),
        ):
            clock = Clock()
            pool = buildPool("a", "b", seconds=clock.seconds, policy=policy)
            pool.acquire(SOMEONE).release(Outcome.RESET)
            self.assertTrue(self.guarded(pool))
            clock.advance(31)
            self.assertEqual(set(picks(pool, 4)), {"a", "b"})
            self.assertFalse(self.guarded(pool))


class CostTests(SynchronousTestCase):
    """
    How the cost grows. (Ratios in one run, with much room: other things run here, too.)
    """

    def cost(self, pool: Pool) -> float:
        timer = timeit.Timer(lambda: pool.acquire(SOMEONE).release(Outcome.OK))
        return min(timer.repeat(20, 300))

    def build(self, count: int, limit: int = 0) -> Pool:
        pool = buildPool(*(spec(f"b{number}", maxConnections=limit) for number in range(count)))
        picks(pool, 1)
        return pool

    def test_doesNotGrowWithTheSet(self) -> None:
        """Thousands of backends cost as much as five."""
        self.assertLess(self.cost(self.build(5_000)), 3 * self.cost(self.build(5)))

    def test_refusingIsCheap(self) -> None:
        """A pool whose backends are all full does not search them all for each client."""
        pool = self.build(5_000, limit=1)
        for _ in range(5_000):
            pool.acquire(SOMEONE)

        def refuse() -> None:
            try:
                pool.acquire(SOMEONE)
            except NoBackendAvailable:
                pass

        refuse()
        each = min(timeit.Timer(refuse).repeat(5, 20)) / 20
        self.assertLess(each, 0.002)


class ReasonTests(SynchronousTestCase):
    """
    What is said is true when it is said.
    """

    def test_reasonsFollowTheFacts(self) -> None:
        """Between two refusals things may have changed."""
        pool = buildPool(spec("a", maxConnections=1), spec("b", maxConnections=1))
        leases = [pool.acquire(SOMEONE) for _ in range(2)]

        def reason() -> str:
            return str(self.assertRaises(NoBackendAvailable, pool.acquire, SOMEONE).reason)

        self.assertEqual(reason(), "no backend available: 2 full")
        self.assertEqual(reason(), "no backend available: 2 full")
        pool.setHealth(pool.backends["a"], Health.DOWN)
        self.assertEqual(reason(), "no backend available: 1 down, 1 full")
        leases[1].release(Outcome.OK)
        pool.setWeight(pool.backends["b"], 0)
        self.assertEqual(reason(), "no backend available: 1 down, 1 with weight 0")
