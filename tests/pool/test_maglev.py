"""
Promises of L{lbproxy.pool.maglev}.
"""

from __future__ import annotations

from collections import Counter

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.pool.maglev import MAX_SIZE, checkSize, isPrime, maglevTable
from lbproxy.testing import buildBackends, spec

PRIME = 5_003


def owners(weights: dict[str, int], size: int = PRIME) -> list[str]:
    backends = buildBackends(*(spec(name, weight) for name, weight in weights.items()))
    return [backend.name for backend in maglevTable(backends, size)]


class MaglevTableTests(SynchronousTestCase):
    """
    Whose slot it is.
    """

    def test_sharesAreEven(self) -> None:
        """Equal backends have the same number of slots, give or take one."""
        counted = Counter(owners({f"b{number}": 1 for number in range(7)}))
        self.assertLessEqual(max(counted.values()) - min(counted.values()), 1)
        self.assertEqual(sum(counted.values()), PRIME)

    def test_sharesFollowTheWeights(self) -> None:
        """Each backend has its weight's share, to the slot."""
        counted = Counter(owners({"a": 5, "b": 1, "c": 1, "d": 3}))
        for name, weight in {"a": 5, "b": 1, "c": 1, "d": 3}.items():
            self.assertApproximates(counted[name], PRIME * weight / 10, 2)

    def test_orderDoesNotCount(self) -> None:
        """Two nodes that list the same backends in another order agree."""
        self.assertEqual(owners({"a": 1, "b": 2}), owners({"b": 2, "a": 1}))

    def test_anAddedBackendMovesFew(self) -> None:
        """One more of N moves at most 2.5/N of the clients."""
        for count in (1, 2, 5, 10, 20, 50):
            before = {f"b{number}": 1 for number in range(count)}
            old, new = owners(before), owners({**before, "new": 1})
            moved = sum(was != after for was, after in zip(old, new, strict=True))
            self.assertLessEqual(moved / PRIME, 2.5 / (count + 1), count)

    def test_moreBackendsThanSlots(self) -> None:
        """Then some have none, and that is all."""
        self.assertEqual(len(set(owners({f"b{number}": 1 for number in range(64)}, 13))), 13)


class SizeTests(SynchronousTestCase):
    """
    How large a table may be.
    """

    def test_primesOnly(self) -> None:
        """A walk through the slots must come to every one."""
        primes = [number for number in range(50) if isPrime(number)]
        self.assertEqual(primes, [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47])
        self.assertEqual(checkSize(65_537), 65_537)
        self.assertEqual(checkSize(MAX_SIZE), MAX_SIZE)
        for size in (-3, 0, 1, 65_536, MAX_SIZE + 2):
            with self.assertRaisesRegex(ValueError, f"a table of {size} slots; wanted a prime"):
                checkSize(size)
