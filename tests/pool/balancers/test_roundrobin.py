"""
Promises of L{lbproxy.pool.balancers.roundrobin}.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.errors import Outcome
from lbproxy.pool.backend import Health
from lbproxy.pool.balancers.roundrobin import RoundRobin, deadlines, smoothRound
from lbproxy.testing import FakeContext, buildPool, picks, shares, spec, specs
from tests.pool.balancers import contract


class RoundRobinTests(contract.BalancerContract):
    """
    Everybody in turn.
    """

    def makeBalancer(self) -> RoundRobin:
        return RoundRobin()

    def test_equalWeightsTakeTurns(self) -> None:
        """Without weights the order is that of the configuration."""
        self.assertEqual(picks(buildPool("a", "b", "c"), 7), "abcabca")

    def test_weightsAreSmooth(self) -> None:
        """The order is nginx's: heavy ones are not served in clumps."""
        self.assertEqual(picks(buildPool(*specs(a=5, b=1, c=1)), 14), "aabacaaaabacaa")
        self.assertEqual(picks(buildPool(*specs(a=2, b=1)), 6), "abaaba")

    def test_distributionFollowsTheWeights(self) -> None:
        """Over 100 000 picks each has its weight's share within 1 %."""
        weights = {"a": 5, "b": 1, "c": 1, "d": 13}
        for name, share in shares(buildPool(*specs(**weights)), 100_000).items():
            self.assertApproximates(share, weights[name] / 20, 0.0001)

    def test_longRoundsFollowTheWeightsToo(self) -> None:
        """Many backends with odd weights: no round is computed, and the shares are right."""
        weights = {f"b{number}": 1 + number * 7 % 101 for number in range(300)}
        total = sum(weights.values())
        counted = Counter(picks(buildPool(*specs(**weights)), 4 * total))
        for name, weight in weights.items():
            self.assertApproximates(counted[name], 4 * weight, 2)

    def test_nobodyLosesItsTurnByAChange(self) -> None:
        """Though the set changes before each pick, everybody is served alike."""
        pool = buildPool("a", "b", "c", spec("d", 0))
        served = Counter[str]()
        for number in range(300):
            pool.setWeight(pool.backends["d"], 0)
            pool.setHealth(pool.backends["d"], [Health.UP, Health.DOWN][number % 2])
            served[pool.acquire(FakeContext()).backend.name] += 1
        self.assertEqual(served, {"a": 100, "b": 100, "c": 100})

    def test_nobodyStarvesByChanges(self) -> None:
        """The same with weights, nearly, in short rounds and in long ones."""
        heavy = {f"x{number}": 40 + number for number in range(20)}
        for weights in ({"a": 5, "b": 1, "c": 1}, {"a": 60, "b": 12, **heavy}):
            pool = buildPool(*specs(**weights), spec("z", 0))
            total, served = sum(weights.values()), Counter[str]()
            for number in range(2 * total):
                pool.setHealth(pool.backends["z"], [Health.UP, Health.DOWN][number % 2])
                served[pool.acquire(FakeContext()).backend.name] += 1
            for name, weight in weights.items():
                self.assertApproximates(served[name], 2 * weight, 1.2 * weight + 3)

    def test_whoeverReturnsIsNotFlooded(self) -> None:
        """A backend that comes back takes its turn, not what it missed."""
        pool = buildPool("a", "b", "c")
        pool.setHealth(pool.backends["b"], Health.DOWN)
        picks(pool, 99)
        pool.setHealth(pool.backends["b"], Health.UP)
        self.assertEqual(Counter(picks(pool, 9)), {"a": 3, "b": 3, "c": 3})

    def test_fullOnesAreSteppedOver(self) -> None:
        """While one is full the others go on in turn."""
        pool = buildPool("a", spec("b", maxConnections=1), "c")
        pool.acquire(FakeContext())
        held = pool.acquire(FakeContext())
        self.assertEqual(held.backend.name, "b")
        self.assertEqual(picks(pool, 4), "caca")
        held.release(Outcome.OK)
        self.assertEqual(Counter(picks(pool, 3)), {"a": 1, "b": 1, "c": 1})


class SequenceTests(SynchronousTestCase):
    """
    The two ways to make a round.
    """

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.integers(1, 9), min_size=1, max_size=8))
    def test_everyRoundHasEachAsOftenAsItsWeight(self, weights: list[int]) -> None:
        """One round is exact, and so are all."""
        turns = smoothRound(weights)
        self.assertEqual([turns.count(index) for index in range(len(weights))], weights)

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.integers(1, 1000), min_size=1, max_size=30))
    def test_deadlinesNeverClump(self, weights: list[int]) -> None:
        """At any time nobody is more than a few turns away from what is due to it."""
        total, counts = sum(weights), [0] * len(weights)
        for picked, index in enumerate(islice(deadlines(weights), 500), start=1):
            counts[index] += 1
            due = picked * weights[index] / total
            self.assertLess(abs(counts[index] - due), 6)
