"""
Promises of L{lbproxy.pool.slowstart}, through a pool.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.pool.backend import AdminState, Health
from lbproxy.pool.policy import Policy
from lbproxy.pool.pool import Pool
from lbproxy.pool.slowstart import SlowStart
from lbproxy.testing import buildPool, shares, spec

UP, DOWN = Health.UP, Health.DOWN


class SlowStartTests(SynchronousTestCase):
    """
    Little by little.
    """

    def setUp(self) -> None:
        self.clock = Clock()

    def build(self, *names: str) -> Pool:
        policy = Policy(slowStart=10)
        return buildPool(*names, seconds=self.clock.seconds, policy=policy)

    def share(self, pool: Pool, name: str) -> float:
        return shares(pool, 2_200)[name]

    def test_startOfTheProxyIsNone(self) -> None:
        """When all come up for the first time, all have their share at once."""
        pool = self.build("a", "b")
        self.assertEqual(self.share(pool, "a"), 0.5)

    def test_growsAfterAFailure(self) -> None:
        """A tenth at first, half of it after half the time, all in the end."""
        pool = self.build("a", "b")
        pool.setHealth(pool.backends["a"], DOWN)
        pool.setHealth(pool.backends["a"], UP)
        self.assertApproximates(self.share(pool, "a"), 0.1 / 1.1, 0.002)
        self.clock.advance(5)
        self.assertApproximates(self.share(pool, "a"), 0.5 / 1.5, 0.002)
        self.clock.advance(5)
        self.assertEqual(self.share(pool, "a"), 0.5)
        self.assertFalse(pool.selection.guarded)

    def test_growsByTicksToo(self) -> None:
        """Weights change though nobody asks."""
        pool = self.build("a", "b")
        pool.setHealth(pool.backends["a"], DOWN)
        pool.setHealth(pool.backends["a"], UP)
        self.share(pool, "a")
        self.clock.advance(10)
        pool.tick()
        self.assertEqual(self.share(pool, "a"), 0.5)

    def test_newcomersWarmUp(self) -> None:
        """Whoever is added to a running pool begins slowly when it is first seen to be up."""
        pool = self.build("a")
        pool.replaceBackends([spec("a"), spec("b")])
        self.clock.advance(60)
        pool.setHealth(pool.backends["b"], UP)
        self.assertApproximates(self.share(pool, "b"), 0.1 / 1.1, 0.002)

    def test_returnAfterAnEjection(self) -> None:
        """An ejection is a failure, too."""
        pool = self.build("a", "b")
        pool.setEjected(pool.backends["a"], True)
        pool.setEjected(pool.backends["a"], False)
        self.assertApproximates(self.share(pool, "a"), 0.1 / 1.1, 0.002)

    def test_maintenanceIsNoFailure(self) -> None:
        """Whoever was only taken out by hand has its share at once."""
        pool = self.build("a", "b")
        pool.setAdmin(pool.backends["a"], AdminState.MAINTENANCE)
        pool.setAdmin(pool.backends["a"], AdminState.READY)
        self.assertEqual(self.share(pool, "a"), 0.5)

    def test_refusesNoTime(self) -> None:
        """A slow start takes time."""
        self.assertRaises(ValueError, SlowStart, 0, self.clock.seconds)
        self.assertRaises(ValueError, Policy, slowStart=-1)


class ScaleTests(SynchronousTestCase):
    """
    What an agent on the server says.
    """

    def test_scalesTheWeight(self) -> None:
        """Half of its weight is half of its share; nothing at all is no new work."""
        pool = buildPool("a", "b")
        a = pool.backends["a"]
        pool.setScale(a, 0.5)
        self.assertApproximates(shares(pool, 900)["a"], 1 / 3, 0.002)
        pool.setScale(a, 0)
        self.assertEqual(shares(pool, 900)["a"], 0)
        pool.setScale(a, 1)
        self.assertEqual(shares(pool, 900)["a"], 0.5)
        self.assertRaises(ValueError, pool.setScale, a, -1)
