"""
Who is the first with room? Backends are filled up one after the other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from heapq import heapify, heappop, heappush

from zope.interface import implementer

from lbproxy.interfaces import IBalancer, ILoadAware
from lbproxy.pool.backend import Backend
from lbproxy.pool.context import Context


@implementer(IBalancer, ILoadAware)
class First:
    """
    The first of the candidates, in the order of the configuration, that is not full. So the last
    ones idle and can be switched off. Without C{maxConnections} all work goes to the first; weights
    do not count.
    """

    def __init__(self) -> None:
        self._candidates: Sequence[Backend] = ()
        self._places: dict[Backend, int] = {}
        # A heap of the places of all that have room, and of some that are full by now.
        self._roomy: list[int] = []
        self._listed: set[int] = set()

    def rebuild(self, members: Sequence[Backend], candidates: Sequence[Backend]) -> None:
        """
        Number the candidates.
        """
        self._candidates = candidates
        self._places = {backend: place for place, backend in enumerate(candidates)}
        self._roomy = [p for p, backend in enumerate(candidates) if backend.active < backend.limit]
        self._listed = set(self._roomy)
        heapify(self._roomy)

    def loadChanged(self, backend: Backend) -> None:
        """
        List it again if it was full.
        """
        place = self._places.get(backend)
        if place is None or place in self._listed or backend.active >= backend.limit:
            return
        self._listed.add(place)
        heappush(self._roomy, place)

    def pick(self, context: Context, refused: Collection[Backend] = ()) -> Backend | None:
        """
        The lowest place with room.
        """
        roomy = self._roomy
        while roomy:
            backend = self._candidates[roomy[0]]
            if backend.active < backend.limit:
                return backend if backend not in refused else self._after(refused)
            self._listed.discard(heappop(roomy))
        return None

    def _after(self, refused: Collection[Backend]) -> Backend | None:
        for backend in self._candidates:
            if backend.active < backend.limit and backend not in refused:
                return backend
        return None
