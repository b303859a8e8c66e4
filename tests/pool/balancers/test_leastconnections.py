"""
Promises of L{lbproxy.pool.balancers.leastconnections}.
"""

from __future__ import annotations

import random
from collections import Counter
from itertools import permutations

from lbproxy.errors import Outcome
from lbproxy.pool.backend import Health
from lbproxy.pool.balancers.leastconnections import LeastConnections
from lbproxy.pool.lease import Lease
from lbproxy.pool.pool import Pool
from lbproxy.testing import FakeContext, buildPool, picks, shares, spec, specs
from tests.pool.balancers import contract


def load(pool: Pool, name: str, count: int) -> list[Lease]:
    """
    Give one backend some leases, whatever the balancer would say.
    """
    others = [backend for backend in pool.backends.values() if backend.name != name]
    return [pool.acquire(FakeContext(), others) for _ in range(count)]


class LeastConnectionsTests(contract.BalancerContract):
    """
    Who has the least to do.
    """

    def makeBalancer(self) -> LeastConnections:
        return LeastConnections()

    def build(self, **weights: int) -> Pool:
        return buildPool(*specs(**weights), balancer=LeastConnections)

    def test_picksTheLeastLoadedInEveryOrder(self) -> None:
        """Whichever has the fewest leases is next."""
        for loads in permutations((0, 1, 2, 5)):
            pool = self.build(a=1, b=1, c=1, d=1)
            for name, count in zip("abcd", loads, strict=True):
                load(pool, name, count)
            self.assertEqual(pool.acquire(FakeContext()).backend.name, "abcd"[loads.index(0)])

    def test_loadIsPerWeight(self) -> None:
        """A backend of weight 3 has three times the leases."""
        pool = self.build(a=3, b=1)
        for _ in range(40):
            pool.acquire(FakeContext())
        self.assertEqual([backend.active for backend in pool.backends.values()], [30, 10])

    def test_equalsShareByWeight(self) -> None:
        """When all are idle each is served as often as its weight says."""
        weights = {"a": 5, "b": 1, "c": 4}
        for name, share in shares(self.build(**weights), 10_000).items():
            self.assertApproximates(share, weights[name] / 10, 0.001)

    def test_equalsTakeTurns(self) -> None:
        """Of idle backends none is served twice before the others were."""
        order = picks(self.build(a=1, b=1, c=1), 9)
        self.assertEqual([len(set(order[n : n + 3])) for n in (0, 3, 6)], [3, 3, 3])

    def test_releasedIsSeenAtOnce(self) -> None:
        """Whoever has just finished is next."""
        pool = self.build(a=1, b=1, c=1)
        leases = [pool.acquire(FakeContext()) for _ in range(30)]
        leases[17].release(Outcome.OK)
        self.assertIs(pool.acquire(FakeContext()).backend, leases[17].backend)

    def test_missedTurnsAreNotSavedUp(self) -> None:
        """Who was busy for long is not flooded when it is idle again."""
        pool = self.build(a=1, b=1)
        busy = load(pool, "a", 1)
        picks(pool, 1000)
        busy[0].release(Outcome.OK)
        self.assertLessEqual(Counter(picks(pool, 10))["a"], 6)

    def test_newcomersAreNotFlooded(self) -> None:
        """Who is added, or comes back, shares from there on."""
        pool = self.build(a=1, b=1)
        picks(pool, 1000)
        pool.replaceBackends(specs(a=1, b=1, c=1))
        pool.setHealth(pool.backends["c"], Health.UP)
        self.assertEqual(Counter(picks(pool, 9)), {"a": 3, "b": 3, "c": 3})

    def test_staysRightOverLongRandomUse(self) -> None:
        """After any history the pick has the least load per weight of all."""
        rng = random.Random(7)
        weights = {f"b{number}": rng.randint(1, 9) for number in range(20)}
        pool = buildPool(*specs(**weights), balancer=LeastConnections)
        held: list[Lease] = []
        for _ in range(3_000):
            if held and rng.random() < 0.48:
                held.pop(rng.randrange(len(held))).release(Outcome.OK)
                continue
            least = min(b.active / b.weight for b in pool.backends.values())
            lease = pool.acquire(FakeContext())
            held.append(lease)
            self.assertEqual((lease.backend.active - 1) / lease.backend.weight, least)

    def test_memoryIsBounded(self) -> None:
        """Old entries do not pile up, however many leases come and go."""
        balancer = LeastConnections()
        pool = buildPool("a", spec("b", 1000), balancer=lambda: balancer)
        for _ in range(200):
            for lease in [pool.acquire(FakeContext()) for _ in range(20)]:
                lease.release(Outcome.OK)
        self.assertLess(len(balancer._heap), 100)
