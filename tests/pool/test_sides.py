"""
Promises of L{lbproxy.pool.sides}.
"""

from __future__ import annotations

import random
from collections import Counter

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.errors import Outcome
from lbproxy.pool.balancers.hashed import sourceHash
from lbproxy.pool.balancers.leastconnections import LeastConnections
from lbproxy.pool.balancers.leasttime import LeastTime
from lbproxy.pool.balancers.roundrobin import RoundRobin
from lbproxy.pool.sides import Sides
from lbproxy.pool.tiers import Tier
from lbproxy.testing import FakeContext, buildBackends

SOMEONE = FakeContext()


class SidesTests(SynchronousTestCase):
    """
    One balancer for each tier.
    """

    def setUp(self) -> None:
        self.backends = buildBackends("a", "b", "x", "y")

    def tiers(self, *shares: float) -> list[Tier]:
        halves = (self.backends[:2], self.backends[2:])
        return [
            Tier((priority, ""), share, half, half)
            for priority, (share, half) in enumerate(zip(shares, halves, strict=False))
        ]

    def served(self, sides: Sides, count: int) -> Counter[str]:
        return Counter(b.name for b in (sides.pick(SOMEONE) for _ in range(count)) if b)

    def test_oneTierIsItsBalancer(self) -> None:
        """Nothing stands between a pool and its only balancer."""
        sides = Sides(RoundRobin, random.Random(1))
        sides.rebuild(self.tiers(1.0))
        self.assertEqual(sides.pick, sides.first.pick)
        self.assertEqual(self.served(sides, 4), {"a": 2, "b": 2})

    def test_splitsByShare(self) -> None:
        """Each tier has its part, and within it the balancer decides."""
        sides = Sides(RoundRobin, random.Random(1))
        sides.rebuild(self.tiers(0.75, 0.25))
        served = self.served(sides, 4_000)
        self.assertApproximates(served["a"] + served["b"], 3_000, 100)
        self.assertEqual(served["a"] // 2, served["b"] // 2)

    def test_standsBy(self) -> None:
        """A tier without a share serves only those whom the others refuse."""
        sides = Sides(RoundRobin, random.Random(1))
        sides.rebuild(self.tiers(1.0, 0.0))
        self.assertEqual(self.served(sides, 100), {"a": 50, "b": 50})
        backend = sides.pick(SOMEONE, self.backends[:2])
        assert backend is not None
        self.assertIn(backend.name, "xy")
        self.assertIsNone(sides.pick(SOMEONE, self.backends))

    def test_noTiers(self) -> None:
        """With nobody there nobody is picked, and nobody of before is."""
        sides = Sides(RoundRobin, random.Random(1))
        sides.rebuild(self.tiers(1.0))
        sides.rebuild([])
        self.assertIsNone(sides.pick(SOMEONE))

    def test_balancersStay(self) -> None:
        """A tier that returns has the balancer that it had, with what that has learned."""
        sides = Sides(RoundRobin, random.Random(1))
        sides.rebuild(self.tiers(1.0))
        first = sides.first
        sides.rebuild(self.tiers(1.0, 0.5)[1:])
        self.assertIsNot(sides.first, first)
        sides.rebuild(self.tiers(1.0))
        self.assertIs(sides.first, first)

    def test_onlyThoseWhoWantToKnowAreTold(self) -> None:
        """Counting and learning cost nothing where no balancer does it."""
        for make, counts, learns in (
            (RoundRobin, 0, 0),
            (LeastConnections, 2, 0),
            (lambda: LeastTime(lambda: 0.0, random.Random(1)), 0, 2),
        ):
            sides = Sides(make, random.Random(1))
            sides.rebuild(self.tiers(0.5, 0.5))
            self.assertEqual((len(sides.loadAware), len(sides.latencyAware)), (counts, learns))
            sides.loadChanged(self.backends[0])
            sides.responded(self.backends[0], Outcome.OK, 0.1)

    def test_keysStayOnTheirSide(self) -> None:
        """A client of a hash is always on the same side."""
        sides = Sides(lambda: sourceHash(tableSize=64), random.Random(1))
        sides.rebuild(self.tiers(0.5, 0.5))
        for number in range(50):
            client = FakeContext(f"10.0.0.{number}")
            self.assertEqual(len({sides.pick(client) for _ in range(5)}), 1)
