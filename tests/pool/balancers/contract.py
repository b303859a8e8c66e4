"""
What every balancer promises, as a base for the tests of each.
"""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from lbproxy.errors import NoBackendAvailable, Outcome
from lbproxy.interfaces import IBalancer
from lbproxy.pool.backend import AdminState, Health
from lbproxy.pool.context import PlainContext
from lbproxy.pool.pool import Pool
from lbproxy.testing import FakeContext, buildPool, picks, shares, spec, specs

SOMEONE = PlainContext("192.0.2.1")


class BalancerContract(SynchronousTestCase):
    """
    Tests that any balancer passes. (Trial runs every test case that it finds in a module, so this
    one is used as C{contract.BalancerContract} and never imported by name.)
    """

    def makeBalancer(self) -> Any:
        """
        A new one, with nothing to pick from yet.
        """
        raise NotImplementedError

    def test_providesTheInterface(self) -> None:
        """A balancer is what the extension interface says."""
        verifyObject(IBalancer, self.makeBalancer())

    def test_noCandidates(self) -> None:
        """With nobody to pick from, nobody is picked."""
        balancer = self.makeBalancer()
        self.assertIsNone(balancer.pick(SOMEONE))
        balancer.rebuild((), ())
        self.assertIsNone(balancer.pick(SOMEONE))
        self.assertIsNone(balancer.pick(SOMEONE, [object()]))

    def test_oneCandidate(self) -> None:
        """With one to pick from, that one is picked, every time."""
        pool = buildPool("a", balancer=self.makeBalancer)
        for _ in range(5):
            self.assertEqual(pool.acquire(SOMEONE).backend.name, "a")

    def test_refusedAreNotPicked(self) -> None:
        """Whoever is excluded is not picked, whoever is left is."""
        pool = buildPool("a", "b", "c", "d", balancer=self.makeBalancer)
        backends = list(pool.backends.values())
        for count in range(1, 4):
            for excluded in combinations(backends, count):
                for number in range(10):
                    context = FakeContext(f"192.0.2.{number}")
                    lease = pool.acquire(context, excluded)
                    self.assertNotIn(lease.backend, excluded)
                    lease.release(Outcome.OK)

    def test_allExcluded(self) -> None:
        """When all were tried that is said, and nobody is tried twice."""
        pool = buildPool("a", "b", balancer=self.makeBalancer)
        tried = list(pool.backends.values())
        error = self.assertRaises(NoBackendAvailable, pool.acquire, SOMEONE, tried)
        self.assertEqual(error.reason, "no backend available: 2 tried")

    def test_fullAreSkipped(self) -> None:
        """Nobody gets more than its maximum; when all are full that is said."""
        one = [spec(name, maxConnections=2) for name in "abc"]
        pool = buildPool(*one, balancer=self.makeBalancer)
        leases = [pool.acquire(FakeContext(f"192.0.2.{number}")) for number in range(6)]
        self.assertEqual([backend.active for backend in pool.backends.values()], [2, 2, 2])
        error = self.assertRaises(NoBackendAvailable, pool.acquire, SOMEONE)
        self.assertEqual(error.reason, "no backend available: 3 full")
        leases[0].release(Outcome.OK)
        self.assertEqual(pool.acquire(SOMEONE).backend, leases[0].backend)

    def test_downAreNotPicked(self) -> None:
        """Whatever combination is down, the others serve; with all down nobody does."""
        names = "abcd"
        for count in range(len(names) + 1):
            for down in combinations(names, count):
                pool = buildPool(*names, balancer=self.makeBalancer)
                for name in down:
                    pool.setHealth(pool.backends[name], Health.DOWN, "test")
                if count == len(names):
                    self.assertRaises(NoBackendAvailable, pool.acquire, SOMEONE)
                    continue
                for number in range(8):
                    lease = pool.acquire(FakeContext(f"192.0.2.{number}"))
                    self.assertNotIn(lease.backend.name, down)

    def test_weightZeroTakesNoNewWork(self) -> None:
        """A weight of 0 is for those who belong there only."""
        pool = buildPool("a", spec("b", 0), balancer=self.makeBalancer)
        for number in range(20):
            lease = pool.acquire(FakeContext(f"192.0.2.{number}"))
            self.assertEqual(lease.backend.name, "a")

    def test_setChangesBetweenPicks(self) -> None:
        """A pick after a change sees the new set, and leases of those that left still end."""
        pool = buildPool("a", "b", balancer=self.makeBalancer)
        old = [pool.acquire(FakeContext(f"192.0.2.{number}")) for number in range(4)]
        pool.replaceBackends([spec("c"), spec("d")])
        for number in range(8):
            lease = pool.acquire(FakeContext(f"192.0.2.{number}"))
            self.assertIn(lease.backend.name, "cd")
        for lease in old:
            lease.release(Outcome.OK)
        self.assertEqual(pool.leaving, [])

    def test_drainingAreNotPicked(self) -> None:
        """Whoever drains gets no new work."""
        pool = buildPool("a", "b", balancer=self.makeBalancer)
        pool.setAdmin(pool.backends["a"], AdminState.DRAIN)
        for number in range(8):
            lease = pool.acquire(FakeContext(f"192.0.2.{number}"))
            self.assertEqual(lease.backend.name, "b")


def clients(count: int) -> list[FakeContext]:
    """
    As many clients, each with an address of its own.
    """
    return [FakeContext(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}") for n in range(count)]


CLIENTS = clients(4_000)


def placed(pool: Pool) -> list[str]:
    return [str(name) for name in picks(pool, len(CLIENTS), CLIENTS)]


class HashedContract(BalancerContract):
    """
    What hashing balancers promise besides.
    """

    def test_clientsStay(self) -> None:
        """The same address always goes to the same backend, in every process."""
        pools = [buildPool("a", "b", "c", balancer=self.makeBalancer) for _ in range(2)]
        self.assertEqual(placed(pools[0]), placed(pools[1]))
        self.assertEqual(placed(pools[0]), placed(pools[0]))

    def test_onlyThoseOfTheFailedMove(self) -> None:
        """Who was elsewhere stays, and all come back when it does."""
        pool = buildPool("a", "b", "c", "d", balancer=self.makeBalancer)
        before = placed(pool)
        pool.setHealth(pool.backends["b"], Health.DOWN)
        during = placed(pool)
        for was, now in zip(before, during, strict=True):
            self.assertTrue(was == now or was == "b")
        pool.setHealth(pool.backends["b"], Health.UP)
        self.assertEqual(placed(pool), before)

    def test_thoseOfTheFailedSpreadOut(self) -> None:
        """No neighbour inherits everything."""
        pool = buildPool(*"abcde", balancer=self.makeBalancer)
        before = placed(pool)
        pool.setHealth(pool.backends["b"], Health.DOWN)
        heirs = Counter(now for was, now in zip(before, placed(pool), strict=True) if was == "b")
        for name in "acde":
            self.assertApproximates(heirs[name] / heirs.total(), 1 / 4, 0.06)

    def test_distributionFollowsTheWeights(self) -> None:
        """Each has its weight's share of the clients, as near as a small table can be."""
        weights = {"a": 5, "b": 1, "c": 1, "d": 3}
        pool = buildPool(*specs(**weights), balancer=self.makeBalancer)
        for name, share in shares(pool, len(CLIENTS), CLIENTS).items():
            self.assertApproximates(share, weights[name] / 10, 0.03)
