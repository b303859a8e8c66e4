"""
Whom does the lot fall on, and is that one busy? The less loaded of a few drawn at random.

Two choices are nearly as good as knowing everybody's load, and several balancers that know nothing
of each other do not all run to the same backend (Mitzenmacher, 2001).
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence

from zope.interface import implementer

from lbproxy.interfaces import IBalancer
from lbproxy.pool.backend import Backend
from lbproxy.pool.balancers.draw import Draw
from lbproxy.pool.context import Context


@implementer(IBalancer)
class RandomChoice:
    """
    The least loaded, for its weight, of C{choices} drawn by weight. With one choice load does not
    count: the draw alone decides.
    """

    def __init__(self, rng: random.Random, choices: int = 2) -> None:
        if choices < 1:
            raise ValueError(f"{choices} choices; wanted at least 1")
        self._rng = rng
        self._more = range(choices - 1)
        self._draw = Draw(rng)

    def rebuild(self, members: Sequence[Backend], candidates: Sequence[Backend]) -> None:
        """
        Hand out the tickets anew.
        """
        self._draw = Draw(self._rng, candidates)

    def pick(self, context: Context, refused: Collection[Backend] = ()) -> Backend | None:
        """
        Draw and compare; among equals the first that was drawn.
        """
        draw = self._draw
        if refused or not draw.candidates:
            return self._pickAround(refused)
        best = draw.one()
        for _ in self._more:
            other = draw.one()
            if other.active * best.share < best.active * other.share:
                best = other
        return best

    def _pickAround(self, refused: Collection[Backend]) -> Backend | None:
        best = self._draw.oneExcept(refused)
        for _ in self._more:
            other = self._draw.oneExcept(refused)
            if best is None or other is None:
                return best
            if other.active * best.share < best.active * other.share:
                best = other
        return best
