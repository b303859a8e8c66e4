"""
Whom does the lot fall on? Draws in proportion to weights, in O(log n).
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Collection, Sequence
from itertools import accumulate

from lbproxy.pool.backend import Backend

# Tries to draw somebody who is not refused, before looking for who is left.
_TRIES = 8


class Draw:
    """
    A lottery in which each backend has as many tickets as it has weight.
    """

    __slots__ = ("_bounds", "_count", "_even", "_random", "_rng", "_total", "candidates")

    def __init__(self, rng: random.Random, candidates: Sequence[Backend] = ()) -> None:
        self._rng = rng
        self._random = rng.random
        self.candidates = candidates
        self._count = len(candidates)
        self._even = len({backend.share for backend in candidates}) <= 1
        self._bounds = [] if self._even else list(accumulate(b.share for b in candidates))
        self._total = self._bounds[-1] if self._bounds else 0

    def one(self) -> Backend:
        """
        Draw; there must be candidates.
        """
        if self._even:
            return self.candidates[int(self._random() * self._count)]
        return self.candidates[bisect_right(self._bounds, self._random() * self._total)]

    def oneExcept(self, refused: Collection[Backend]) -> Backend | None:
        """
        Draw from those that are not in C{refused}; L{None} when all are.
        """
        if not self._count:
            return None
        for _ in range(_TRIES):
            backend = self.one()
            if backend not in refused:
                return backend
        rest = [backend for backend in self.candidates if backend not in refused]
        return Draw(self._rng, rest).one() if rest else None
