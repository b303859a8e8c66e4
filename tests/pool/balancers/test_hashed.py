"""
Promises of L{lbproxy.pool.balancers.hashed}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.errors import Outcome
from lbproxy.pool.backend import Health
from lbproxy.pool.balancers.hashed import Hashed, LoadBound, maglev, ringHash, sourceHash
from lbproxy.testing import FakeContext, buildPool, picks, shares, specs
from tests.pool.balancers import contract
from tests.pool.balancers.contract import CLIENTS, clients, placed


def smallMaglev() -> Hashed:
    return maglev(tableSize=5_003)


class SourceHashTests(contract.HashedContract):
    """
    By address.
    """

    def makeBalancer(self) -> Hashed:
        return sourceHash(tableSize=1 << 12)

    def test_distributionIsCloseByDefault(self) -> None:
        """Over 100 000 clients each has its weight's share within 1 %."""
        weights = {"a": 5, "b": 1, "c": 1, "d": 3}
        pool = buildPool(*specs(**weights), balancer=sourceHash)
        for name, share in shares(pool, 100_000, clients(100_000)).items():
            self.assertApproximates(share, weights[name] / 10, 0.01)

    def test_addingOneMovesItsShare(self) -> None:
        """One more of N takes about 1/N of the clients, from all of them."""
        pool = buildPool(*(f"b{number}" for number in range(9)), balancer=sourceHash)
        before = placed(pool)
        pool.replaceBackends(specs(**{f"b{number}": 1 for number in range(10)}))
        pool.setHealth(pool.backends["b9"], Health.UP)
        moved = [now for was, now in zip(before, placed(pool), strict=True) if was != now]
        self.assertLess(len(moved) / len(CLIENTS), 1.25 / 10)
        self.assertGreater(moved.count("b9") / len(moved), 0.95)

    def test_placementNeverChanges(self) -> None:
        """After an upgrade clients are where they were: these places are the contract."""
        pool = buildPool("a", "b", "c", "d", "e", balancer=sourceHash)
        self.assertEqual("".join(placed(pool)[:24]), "aaeeedeeaebeadebdddbaebe")

    def test_whenMostAreDown(self) -> None:
        """One of two hundred left: it serves everybody."""
        pool = buildPool(*(f"b{number}" for number in range(200)), balancer=sourceHash)
        for number in range(199):
            pool.setHealth(pool.backends[f"b{number}"], Health.DOWN)
        self.assertEqual(set(picks(pool, 30, CLIENTS)), {"b199"})

    def test_refusesOtherSizes(self) -> None:
        """The table has a power of two of slots."""
        for size in (0, 3, 65_537, 1 << 21):
            with self.assertRaisesRegex(ValueError, f"a table of {size} slots; wanted a power"):
                sourceHash(tableSize=size)


class RingHashTests(contract.HashedContract):
    """
    With a bound on the load.
    """

    def makeBalancer(self) -> Hashed:
        return ringHash(loadBound=2, tableSize=1 << 12)

    def test_nobodyHasMoreThanTheBound(self) -> None:
        """Though one client asks for everything, its backend has 1.25 of its share at most."""
        pool = buildPool("a", "b", "c", "d", balancer=ringHash)
        for _ in range(400):
            pool.acquire(FakeContext())
        self.assertLessEqual(max(b.active for b in pool.backends.values()), 125)

    def test_theBoundFollowsTheWeights(self) -> None:
        """Who has more weight may have more."""
        pool = buildPool(*specs(a=3, b=1), balancer=ringHash)
        for context in CLIENTS[:400]:
            pool.acquire(context)
        self.assertLessEqual(pool.backends["a"].active, 376)
        self.assertLessEqual(pool.backends["b"].active, 126)

    def test_loadThatEndsIsForgotten(self) -> None:
        """A client returns to its backend when that has room again."""
        pool = buildPool("a", "b", "c", "d", balancer=ringHash)
        home = pool.acquire(FakeContext())
        crowd = [pool.acquire(FakeContext()) for _ in range(40)]
        for lease in (home, *crowd):
            lease.release(Outcome.OK)
        self.assertIs(pool.acquire(FakeContext()).backend, home.backend)

    def test_theTightestBoundIsEven(self) -> None:
        """With a bound of 1 nobody has more than anybody else, and nobody is refused."""
        pool = buildPool("a", "b", "c", "d", balancer=lambda: ringHash(loadBound=1))
        for _ in range(40):
            pool.acquire(FakeContext())
        self.assertEqual({backend.active for backend in pool.backends.values()}, {10})

    def test_refusesBoundsBelowOne(self) -> None:
        """All together must be able to carry the whole."""
        self.assertRaises(ValueError, LoadBound, 0.9)
        self.assertEqual(picks(buildPool("a", balancer=lambda: ringHash(loadBound=0)), 2), "aa")


class MaglevTests(contract.HashedContract):
    """
    The most even of them.
    """

    def makeBalancer(self) -> Hashed:
        return smallMaglev()

    def test_addingOneMovesFew(self) -> None:
        """One more of N moves at most 2.5/N of the clients."""
        pool = buildPool(*(f"b{number}" for number in range(19)), balancer=maglev)
        before = placed(pool)
        pool.replaceBackends(specs(**{f"b{number}": 1 for number in range(20)}))
        pool.setHealth(pool.backends["b19"], Health.UP)
        moved = sum(was != now for was, now in zip(before, placed(pool), strict=True))
        self.assertLess(moved / len(CLIENTS), 2.5 / 20)

    def test_placementNeverChanges(self) -> None:
        """After an upgrade clients are where they were: these places are the contract."""
        pool = buildPool("a", "b", "c", "d", "e", balancer=maglev)
        self.assertEqual("".join(placed(pool)[:24]), "cddeeaacbdbebcddaadaeacc")


class KeyTests(SynchronousTestCase):
    """
    By what else a client may be known.
    """

    def test_otherKeys(self) -> None:
        """Clients with one header, cookie or parameter share a backend, whatever their address."""
        pool = buildPool(*"abcdef", balancer=lambda: smallMaglevBy("header:X-User"))
        contexts = [FakeContext(f"10.0.0.{n}", headers={"X-User": "ann"}) for n in range(30)]
        self.assertEqual(len(set(picks(pool, 30, contexts))), 1)

    def test_withoutTheKeyInTurn(self) -> None:
        """Who has no such header is not sent all to one place."""
        pool = buildPool(*"abc", balancer=lambda: smallMaglevBy("header:X-User"))
        self.assertEqual(picks(pool, 6), "abcabc")


def smallMaglevBy(key: str) -> Hashed:
    return maglev(key, 1_009)
