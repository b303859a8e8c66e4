"""
Promises of L{lbproxy.pool.claims}.
"""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.pool.claims import claimTable
from lbproxy.testing import buildBackends, spec

SMALL = 1 << 10


def owners(weights: dict[str, int], slots: int) -> list[str]:
    backends = buildBackends(*(spec(name, weight) for name, weight in weights.items()))
    return [backend.name for backend in claimTable(backends, slots)]


class ClaimTableTests(SynchronousTestCase):
    """
    Whose slot it is.
    """

    def test_sharesFollowTheWeights(self) -> None:
        """Each backend has its weight's share of the slots, within 1 %."""
        weights = {"a": 5, "b": 1, "c": 1, "d": 3}
        counted = Counter(owners(weights, 1 << 16))
        for name, weight in weights.items():
            self.assertApproximates(counted[name] / (1 << 16), weight / 10, 0.01)

    def test_largeDifferencesOfWeightCount(self) -> None:
        """A weight of 1 beside 999 is one slot in a thousand."""
        counted = Counter(owners({"a": 999, "b": 1}, 1 << 16))
        self.assertApproximates(counted["b"], 65.5, 25)

    def test_orderDoesNotCount(self) -> None:
        """Two nodes that list the same backends in another order agree."""
        self.assertEqual(
            owners({"a": 1, "b": 2, "c": 3}, SMALL), owners({"c": 3, "a": 1, "b": 2}, SMALL)
        )

    def test_onlyProportionsCount(self) -> None:
        """Weights 10 and 20 are weights 1 and 2."""
        self.assertEqual(owners({"a": 10, "b": 20}, SMALL), owners({"a": 1, "b": 2}, SMALL))

    @settings(max_examples=25, deadline=None)
    @given(st.integers(1, 40), st.integers(0, 10**6))
    def test_anAddedBackendMovesNoMoreThanItsShare(self, count: int, salt: int) -> None:
        """One more of N takes about 1/N of the clients, and all but a few that move go to it."""
        before = {f"b{salt}-{number}": 1 for number in range(count)}
        old, new = owners(before, 1 << 14), owners({**before, "new": 1}, 1 << 14)
        moved = [after for was, after in zip(old, new, strict=True) if was != after]
        self.assertLessEqual(len(moved) / (1 << 14), 1.25 / (count + 1))
        self.assertLess(sum(name != "new" for name in moved), 0.01 * (1 << 14))

    def test_largerTablesWork(self) -> None:
        """More slots than two bytes can number."""
        counted = Counter(owners({"a": 1, "b": 1}, 1 << 17))
        self.assertEqual(sum(counted.values()), 1 << 17)
        self.assertApproximates(counted["a"] / (1 << 17), 0.5, 0.01)

    def test_moreBackendsThanSlots(self) -> None:
        """Then some have none, and that is all."""
        table = owners({f"b{number}": 1 for number in range(64)}, 16)
        self.assertEqual(len(table), 16)
        self.assertGreater(len(set(table)), 8)
