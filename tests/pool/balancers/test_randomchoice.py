"""
Promises of L{lbproxy.pool.balancers.randomchoice} and its draw.
"""

from __future__ import annotations

import random

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.pool.balancers.draw import Draw
from lbproxy.pool.balancers.randomchoice import RandomChoice
from lbproxy.testing import FakeContext, buildBackends, buildPool, picks, shares, specs
from tests.pool.balancers import contract


def twoChoices() -> RandomChoice:
    return RandomChoice(random.Random(1))


def oneChoice() -> RandomChoice:
    return RandomChoice(random.Random(1), 1)


class RandomChoiceTests(contract.BalancerContract):
    """
    The less loaded of two.
    """

    def makeBalancer(self) -> RandomChoice:
        return twoChoices()

    def test_distributionFollowsTheWeights(self) -> None:
        """Over 100 000 picks each has its weight's share within 1 %."""
        for balancer in (oneChoice, twoChoices):
            for weights in ({"a": 5, "b": 1, "c": 4}, {"a": 1, "b": 1, "c": 1, "d": 1}):
                pool = buildPool(*specs(**weights), balancer=balancer)
                total = sum(weights.values())
                for name, share in shares(pool, 100_000).items():
                    self.assertApproximates(share, weights[name] / total, 0.01)

    def test_loadEvensOut(self) -> None:
        """Leases that stay are spread far more evenly than by chance alone."""
        spreads = []
        for balancer in (oneChoice, twoChoices):
            pool = buildPool(*(f"b{number}" for number in range(20)), balancer=balancer)
            for _ in range(2_000):
                pool.acquire(FakeContext())
            active = [backend.active for backend in pool.backends.values()]
            spreads.append(max(active) - min(active))
        self.assertGreater(spreads[0], 25)
        self.assertLess(spreads[1], 8)

    def test_loadIsPerWeight(self) -> None:
        """A backend of weight 3 holds three times the leases."""
        pool = buildPool(*specs(a=3, b=1), balancer=twoChoices)
        for _ in range(400):
            pool.acquire(FakeContext())
        self.assertApproximates(pool.backends["a"].active, 300, 12)

    def test_loadCountsAmongTheRest(self) -> None:
        """When some are excluded the less loaded of the others wins, too."""
        pool = buildPool("a", "b", "c", balancer=twoChoices)
        a, b, c = pool.backends.values()
        for _ in range(400):
            pool.acquire(FakeContext(), [a])
        self.assertLess(abs(b.active - c.active), 8)
        self.assertEqual(a.active, 0)

    def test_sameSeedSamePicks(self) -> None:
        """A test, or a simulation, can be repeated."""
        runs = [picks(buildPool("a", "b", "c", balancer=twoChoices), 50) for _ in range(2)]
        self.assertEqual(runs[0], runs[1])

    def test_refusesNoChoice(self) -> None:
        """Somebody must be drawn."""
        self.assertRaises(ValueError, RandomChoice, random.Random(), 0)


class DrawTests(SynchronousTestCase):
    """
    The lottery.
    """

    def test_findsTheOneThatIsLeft(self) -> None:
        """However unlikely its lot, whoever is not refused is found."""
        backends = buildBackends(*specs(a=1000, b=1000, c=1))
        draw = Draw(random.Random(3), backends)
        for _ in range(50):
            self.assertIs(draw.oneExcept(backends[:2]), backends[2])
        self.assertIsNone(draw.oneExcept(backends))

    def test_nobodyToDraw(self) -> None:
        """An empty lottery has no winner."""
        self.assertIsNone(Draw(random.Random()).oneExcept(()))
