"""
Promises of L{lbproxy.pool.balancers.first}.
"""

from __future__ import annotations

from lbproxy.errors import Outcome
from lbproxy.pool.balancers.first import First
from lbproxy.testing import FakeContext, buildPool, picks, spec
from tests.pool.balancers import contract


class FirstTests(contract.BalancerContract):
    """
    Filled up one after the other.
    """

    def makeBalancer(self) -> First:
        return First()

    def test_fillsInOrder(self) -> None:
        """The second is used only when the first is full."""
        pool = buildPool(*(spec(name, maxConnections=2) for name in "abc"), balancer=First)
        served = [pool.acquire(FakeContext()).backend.name for _ in range(6)]
        self.assertEqual("".join(served), "aabbcc")

    def test_roomInFrontIsUsedFirst(self) -> None:
        """Whoever finished in front is next, in any order."""
        pool = buildPool(*(spec(name, maxConnections=1) for name in "abcd"), balancer=First)
        leases = [pool.acquire(FakeContext()) for _ in range(4)]
        for place in (2, 0, 3):
            leases[place].release(Outcome.OK)
        again = [pool.acquire(FakeContext()).backend.name for _ in range(3)]
        self.assertEqual("".join(again), "acd")

    def test_withoutMaximumTheFirstDoesAll(self) -> None:
        """It never fills up."""
        self.assertEqual(picks(buildPool("a", "b", balancer=First), 5), "aaaaa")

    def test_excludedIsSteppedOver(self) -> None:
        """A retry goes to the next with room."""
        pool = buildPool(*(spec(name, maxConnections=1) for name in "abc"), balancer=First)
        backends = pool.backends
        self.assertEqual(pool.acquire(FakeContext(), [backends["a"]]).backend.name, "b")
        self.assertEqual(pool.acquire(FakeContext(), [backends["a"]]).backend.name, "c")
        self.assertEqual(pool.acquire(FakeContext()).backend.name, "a")
