"""
Promises of L{lbproxy.pool.tiers}, and of the spread of work over tiers.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.errors import NoBackendAvailable
from lbproxy.pool.backend import AdminState, Health
from lbproxy.pool.balancers.hashed import sourceHash
from lbproxy.pool.policy import Policy
from lbproxy.pool.pool import Pool
from lbproxy.pool.tiers import Spread
from lbproxy.testing import FakeContext, buildPool, picks, shares, spec

PICKS = 4_000


def build(*backends: Any, balancer: Any = None, **spread: Any) -> Pool:
    settings = {"balancer": balancer} if balancer else {}
    return buildPool(*backends, policy=Policy(spread=Spread(**spread)), **settings)


def down(pool: Pool, names: str) -> None:
    for name in names:
        pool.setHealth(pool.backends[name], Health.DOWN)


class SpilloverTests(SynchronousTestCase):
    """
    From one priority to the next.
    """

    def build(self, **spread: Any) -> Pool:
        backups = [spec(name, priority=1) for name in "xy"]
        return build(*"abcd", *backups, **spread)

    def backupShare(self, pool: Pool) -> float:
        served = shares(pool, PICKS)
        return served["x"] + served["y"]

    def test_offByDefault(self) -> None:
        """Backups serve only when nobody else is left."""
        pool = self.build()
        down(pool, "abc")
        self.assertEqual(set(picks(pool, 20)), {"d"})
        down(pool, "d")
        self.assertEqual(set(picks(pool, 20)), {"x", "y"})

    def test_belowTheThresholdTheRestGoesOn(self) -> None:
        """At a threshold of 80 %, half of the backends carry 62.5 %; the next priority the rest."""
        pool = self.build(spillover=0.8)
        self.assertEqual(self.backupShare(pool), 0)
        down(pool, "a")
        self.assertApproximates(self.backupShare(pool), 1 - 0.75 / 0.8, 0.03)
        down(pool, "b")
        self.assertApproximates(self.backupShare(pool), 0.375, 0.03)
        down(pool, "cd")
        self.assertEqual(self.backupShare(pool), 1)

    def test_whenNobodyCanTakeTheRestThoseLeftDo(self) -> None:
        """Work is spread over all that are left, in the proportion of what each can carry."""
        pool = self.build(spillover=1)
        down(pool, "abcx")
        self.assertApproximates(self.backupShare(pool), 0.5 / (0.25 + 0.5), 0.03)

    def test_aRetryMayGoToTheOtherTier(self) -> None:
        """Whichever tier comes first, the excluded are not given while anybody else is there."""
        pool = self.build(spillover=1)
        down(pool, "abc")
        tried = [pool.backends["d"], pool.backends["x"]]
        for _ in range(20):
            self.assertEqual(pool.acquire(FakeContext(), tried).backend.name, "y")

    def test_clientsOfAHashDoNotGoToAndFro(self) -> None:
        """While work spills over, the same client still goes to the same backend."""
        pool = build(
            *"abcd",
            *(spec(name, priority=1) for name in "xy"),
            spillover=1,
            balancer=lambda: sourceHash(tableSize=1 << 10),
        )
        down(pool, "ab")
        clients = [FakeContext(f"10.0.0.{number}") for number in range(200)]
        first = picks(pool, 200, clients)
        self.assertEqual(picks(pool, 200, clients), first)
        self.assertApproximates(sum(name in "xy" for name in first), 100, 30)


class ZoneTests(SynchronousTestCase):
    """
    Our own zone first.
    """

    def build(self, **spread: Any) -> Pool:
        near = [spec(name, zone="here", maxConnections=1) for name in "abcd"]
        far = [spec(name, zone="there") for name in "xy"]
        return build(*near, *far, **spread)

    def farShare(self, pool: Pool) -> float:
        served = shares(pool, PICKS)
        return served["x"] + served["y"]

    def test_ourOwnZoneServes(self) -> None:
        """While it is well nothing leaves it; without a zone of our own zones do not count."""
        self.assertEqual(self.farShare(self.build(zone="here")), 0)
        self.assertApproximates(self.farShare(self.build()), 2 / 6, 0.03)
        self.assertApproximates(self.farShare(self.build(zone="elsewhere")), 2 / 6, 0.03)

    def test_spillsGracefully(self) -> None:
        """With less than 70 % of it available only what it lacks goes to the others."""
        pool = self.build(zone="here")
        down(pool, "a")
        self.assertEqual(self.farShare(pool), 0)
        down(pool, "b")
        self.assertApproximates(self.farShare(pool), 1 - 0.5 / 0.7, 0.03)
        down(pool, "cd")
        self.assertEqual(self.farShare(pool), 1)

    def test_fullZoneIsNoReasonToFail(self) -> None:
        """When everybody near is full the others serve."""
        pool = self.build(zone="here")
        held = [pool.acquire(FakeContext()).backend.zone for _ in range(6)]
        self.assertEqual(held, ["here"] * 4 + ["there"] * 2)

    def test_onlyOthersLeft(self) -> None:
        """A zone without any backend of its own is served by the others."""
        pool = self.build(zone="here")
        down(pool, "xy")
        self.assertEqual(set(picks(pool, 8)), set("abcd"))


class PanicTests(SynchronousTestCase):
    """
    When nearly all seem to be down, it is more likely that the checks are wrong.
    """

    def test_belowTheThresholdEverybodyServes(self) -> None:
        """With less than half available, health counts no more; with half it still does."""
        pool = build(*"abcd", panic=0.5)
        down(pool, "ab")
        self.assertEqual(set(picks(pool, 8)), {"c", "d"})
        down(pool, "c")
        self.assertEqual(set(picks(pool, 8)), set("abcd"))
        pool.setHealth(pool.backends["a"], Health.UP)
        self.assertEqual(set(picks(pool, 8)), {"a", "d"})

    def test_ejectionsCountNoMoreEither(self) -> None:
        """Those that traffic found bad serve, too, and even when all are."""
        pool = build(*"ab", panic=0.5)
        for backend in pool.backends.values():
            pool.setEjected(backend, True)
        self.assertEqual(set(picks(pool, 4)), {"a", "b"})

    def test_theOperatorStillCounts(self) -> None:
        """Whoever was taken out on purpose stays out, and is no reason for panic."""
        pool = build(*"abcd", panic=0.5)
        for name in "bc":
            pool.setAdmin(pool.backends[name], AdminState.MAINTENANCE)
        self.assertEqual(set(picks(pool, 8)), {"a", "d"})
        down(pool, "a")
        self.assertEqual(set(picks(pool, 8)), {"d"})
        down(pool, "d")
        self.assertEqual(set(picks(pool, 8)), {"a", "d"})

    def test_offByDefault(self) -> None:
        """Without it a pool whose backends are all down serves nobody."""
        pool = build(*"ab")
        down(pool, "ab")
        self.assertRaises(NoBackendAvailable, pool.acquire, FakeContext())


class SpreadTests(SynchronousTestCase):
    """
    What may be asked.
    """

    def test_sharesAreShares(self) -> None:
        """Every threshold is between nothing and all."""
        for name in ("spillover", "zoneSpillover", "panic"):
            for value in (-0.1, 1.1):
                settings: dict[str, Any] = {name: value}
                with self.assertRaisesRegex(ValueError, name):
                    Spread(**settings)
