"""
Who has the least to do? The backend with the fewest active leases for its weight.

A heap of (load, turn): load is active leases per weight; among equals the earliest turn wins, and a
backend of weight w has a turn every 1/w, so equals share by weight and none waits for ever. A
backend whose load changes gets a new entry, and its old one is dropped when it comes to the top:
O(log n) for each lease.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from heapq import heapify, heappop, heappush, heapreplace

from zope.interface import implementer

from lbproxy.interfaces import IBalancer, ILoadAware
from lbproxy.pool.backend import Backend
from lbproxy.pool.context import Context

# load, turn, a number that no other entry has, whose
_Entry = tuple[float, float, int, Backend]


@implementer(IBalancer, ILoadAware)
class LeastConnections:
    """
    Fewest active leases per weight; ties by weight, then in turn.
    """

    def __init__(self) -> None:
        self._heap: list[_Entry] = []
        self._current: dict[Backend, _Entry] = {}
        self._turns: dict[Backend, float] = {}
        self._now = 0.0
        self._serial = 0

    def rebuild(self, members: Sequence[Backend], candidates: Sequence[Backend]) -> None:
        """
        Newcomers begin where the others are: they are owed no turns.
        """
        turns, now = self._turns, self._now
        self._turns = {
            backend: turns.get(backend) or now + 1 / backend.share for backend in candidates
        }
        self._refill()

    def loadChanged(self, backend: Backend) -> None:
        """
        Give it a new entry, unless it has the right one already.
        """
        entry = self._current.get(backend)
        if entry is None or entry[0] == backend.active / backend.share:
            return
        heappush(self._heap, self._enter(backend, backend.active))
        if len(self._heap) > 64 + 4 * len(self._turns):
            self._refill()

    def pick(self, context: Context, refused: Collection[Backend] = ()) -> Backend | None:
        """
        The top of the heap.
        """
        if refused:
            return self._pickAround(refused)
        heap, current = self._heap, self._current
        while heap:
            entry = heap[0]
            backend = entry[3]
            if current[backend] is entry:
                # It is going to have one lease more; to enter that here saves a step later.
                self._take(backend)
                heapreplace(heap, self._enter(backend, backend.active + 1))
                return backend
            heappop(heap)
        return None

    def _take(self, backend: Backend) -> None:
        period = 1 / backend.share
        turn = self._turns[backend]
        now = self._now
        if turn - period > now:
            self._now = now = turn - period
        # Who had much to do for long has missed turns; they are gone, not saved up.
        self._turns[backend] = (turn if turn > now else now) + period

    def _pickAround(self, refused: Collection[Backend]) -> Backend | None:
        heap, current = self._heap, self._current
        aside: list[_Entry] = []
        found = None
        while heap and found is None:
            entry = heappop(heap)
            if current[entry[3]] is not entry:
                continue
            aside.append(entry)
            if entry[3] not in refused:
                found = entry[3]
        for entry in aside:
            heappush(heap, entry)
        if found is not None:
            self._take(found)
            heappush(heap, self._enter(found, found.active + 1))
        return found

    def _enter(self, backend: Backend, active: int) -> _Entry:
        self._serial += 1
        entry = (active / backend.share, self._turns[backend], self._serial, backend)
        self._current[backend] = entry
        return entry

    def _refill(self) -> None:
        self._current = {}
        self._heap = [self._enter(backend, backend.active) for backend in self._turns]
        heapify(self._heap)
