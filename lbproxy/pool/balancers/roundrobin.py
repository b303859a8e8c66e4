"""
Whose turn is it? Everybody's, in proportion to the weights and never in clumps.

The order is that of nginx's smooth weighted round robin: with weights 5, 1, 1 it is a a b a c a a.
For sets whose whole round is short it is computed once, so that a pick is one step of an iterator.
Longer rounds (thousands of backends with odd weights) come from a heap of deadlines, which is as
smooth and costs O(log n) for each pick.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from heapq import heapify, heapreplace
from itertools import cycle, islice
from math import gcd

from zope.interface import implementer

from lbproxy.interfaces import IBalancer
from lbproxy.pool.backend import Backend
from lbproxy.pool.context import Context

# Backends x turns: what computing a round may cost when a backend comes or goes; about 1 ms.
_ROUND_BUDGET = 20_000

# Turns that are remembered at most: 8 MB of them.
_ROUND_LIMIT = 1_000_000

_GOLDEN = (5**0.5 - 1) / 2


def smoothRound(weights: Sequence[int]) -> list[int]:
    """
    One whole round, as indices into C{weights}, in nginx's order.
    """
    total = sum(weights)
    current = list(weights)
    indices = range(len(weights))
    turns = []
    for _ in range(total):
        best = max(indices, key=current.__getitem__)
        turns.append(best)
        current[best] -= total
        current = [have + weight for have, weight in zip(current, weights, strict=True)]
    return turns


def deadlines(weights: Sequence[int], spread: float = _GOLDEN, shift: float = 0.0) -> Iterator[int]:
    """
    Endless turns, as indices into C{weights}: the earliest deadline goes first, and a backend of
    weight w has a deadline every 1/w.

    @param spread: where in their periods the first deadlines lie, as multiples of this modulo 1.
    @param shift: moves all of them by this part of their periods.
    """
    # The first deadlines are spread by the golden ratio: if a hundred backends of weight 1 were
    # all due at the same time, one of weight 100 would have its hundred turns between in a row.
    periods = [1 / weight for weight in weights]
    heap = [
        (((index + 1) * spread + shift) % 1 * period, index) for index, period in enumerate(periods)
    ]
    heapify(heap)
    while True:
        due, index = heap[0]
        heapreplace(heap, (due + periods[index], index))
        yield index


@implementer(IBalancer)
class RoundRobin:
    """
    Smooth weighted round robin.
    """

    def __init__(self) -> None:
        self._length = 0
        self._changes = 0
        self._turn: Callable[[], Backend] | None = None

    def rebuild(self, members: Sequence[Backend], candidates: Sequence[Backend]) -> None:
        """
        Start a new round, with whoever would have been next.
        """
        if not candidates:
            self._turn = None
            return
        shares = [backend.share for backend in candidates]
        unit = gcd(*shares)
        weights = [share // unit for share in shares]
        self._changes += 1
        first = self._upNext(candidates)
        self._length = len(weights)
        if max(weights) == 1:
            self._begin(list(candidates), first)
        elif sum(weights) * len(weights) <= _ROUND_BUDGET:
            self._begin([candidates[index] for index in smoothRound(weights)], first)
        else:
            self._turn = self._longRound(weights, candidates).__next__

    def pick(self, context: Context, refused: Collection[Backend] = ()) -> Backend | None:
        """
        The next in turn; those refused lose theirs.
        """
        turn = self._turn
        if turn is None:
            return None
        if not refused:
            return turn()
        return self._pickAround(turn, refused)

    def _begin(self, turns: Sequence[Backend], first: Backend | None) -> None:
        """
        A round that begins with a turn of C{first}.
        """
        places = [place for place, backend in enumerate(turns) if backend is first]
        # Not always with the same of its turns: if changes were frequent, those who come after
        # another one would wait for ever.
        start = places[self._changes % len(places)] if places else 0
        self._turn = cycle([*turns[start:], *turns[:start]]).__next__

    def _longRound(
        self, weights: Sequence[int], candidates: Sequence[Backend]
    ) -> Iterator[Backend]:
        # For the same reason each one is another.
        turns = deadlines(weights, shift=self._changes * 2**0.5 % 1)
        total = sum(weights)
        if total <= _ROUND_LIMIT:
            # The first time round is made on the way; cycle remembers it for the next ones.
            return cycle(map(candidates.__getitem__, islice(turns, total)))
        return map(candidates.__getitem__, turns)

    def _pickAround(
        self, turn: Callable[[], Backend], refused: Collection[Backend]
    ) -> Backend | None:
        seen: set[Backend] = set()
        while len(seen) < self._length:
            backend = turn()
            if backend not in refused:
                return backend
            seen.add(backend)
        return None

    def _upNext(self, candidates: Sequence[Backend]) -> Backend | None:
        """
        Changes must not favour those at the head of the list, however often they come.
        """
        if self._turn is None:
            return None
        known = set(candidates)
        for _ in range(2 * self._length):
            backend = self._turn()
            if backend in known:
                return backend
        return None
