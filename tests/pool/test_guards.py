"""
Promises of L{lbproxy.pool.guards}.
"""

from __future__ import annotations

from math import inf

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.errors import Outcome
from lbproxy.pool.backend import NO_LIMIT, Backend, Health
from lbproxy.pool.breaker import BreakerSettings, Circuit
from lbproxy.pool.outliers import OutlierSettings
from lbproxy.pool.policy import Policy
from lbproxy.pool.pool import Pool
from lbproxy.testing import FakeContext, buildPool, picks


class GuardsTests(SynchronousTestCase):
    """
    Several guards at once.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.pool = buildPool(
            "a",
            "b",
            "c",
            "d",
            seconds=self.clock.seconds,
            policy=Policy(
                outliers=OutlierSettings(consecutiveFailures=4, ejectFor=30),
                breakers=(
                    BreakerSettings(failures=2, openFor=4, maxOpenFor=4, trials=3),
                    BreakerSettings(failures=3, openFor=9, maxOpenFor=9, trials=2),
                ),
                slowStart=20,
            ),
        )
        self.guards = self.pool.guards

    def failed(self, pool: Pool, backend: Backend, count: int) -> None:
        others = [other for other in pool.backends.values() if other is not backend]
        for lease in [pool.acquire(FakeContext(), others) for _ in range(count)]:
            lease.release(Outcome.RESET)

    def test_nothingIsDueWhileAllIsWell(self) -> None:
        """Without a fault there is nothing to look at."""
        picks(self.pool, 4)
        self.assertEqual(self.guards.due, inf)
        self.assertFalse(self.pool.selection.guarded)

    def test_theSoonestIsDue(self) -> None:
        """Of all that is going to happen the first counts."""
        a, b, _, _ = self.pool.backends.values()
        self.failed(self.pool, a, 4)
        self.assertApproximates(self.guards.due, 4, 0.5)
        self.clock.advance(5)
        self.pool.tick()
        # The second breaker saw only what came before the first one opened.
        self.assertTrue(a.ejected)
        self.assertApproximates(self.guards.due, 9, 1)
        self.clock.advance(5)
        self.pool.tick()
        self.assertEqual(self.guards.due, 30)
        self.pool.setHealth(b, Health.DOWN)
        self.pool.setHealth(b, Health.UP)
        self.assertEqual(self.guards.due, 11)

    def test_theTightestCounts(self) -> None:
        """A circuit is as open as the worst of its breakers says, and lets through the least."""
        a = self.pool.backends["a"]
        self.assertEqual((self.guards.circuit(a), self.guards.limit(a)), (Circuit.CLOSED, NO_LIMIT))
        self.failed(self.pool, a, 4)
        self.assertEqual((self.guards.circuit(a), self.guards.limit(a)), (Circuit.OPEN, 0))
        self.clock.advance(10)
        self.pool.tick()
        self.assertEqual((self.guards.circuit(a), self.guards.limit(a)), (Circuit.HALF_OPEN, 2))

    def test_withoutAnySettingsNothingIsWatched(self) -> None:
        """A plain pool costs nothing here."""
        pool = buildPool("a")
        self.assertFalse(pool.guards.watching)
        self.assertFalse(pool.watching)
        self.assertEqual(pool.guards.factor(pool.backends["a"]), 1.0)
