"""
Who waits, and who is next? A bounded room in which work waits for a backend.

There is one line for those whom any backend may serve, and one for each backend that somebody
belongs to and who is full. In each line keys (mostly: client addresses) take turns, so that a
client that asks for much does not make the others wait.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from heapq import heappop, heappush
from math import inf
from typing import Protocol

from lbproxy.errors import NoBackendAvailable
from lbproxy.pool.backend import Backend
from lbproxy.pool.context import Context
from lbproxy.pool.lease import Lease


class Waiter(Protocol):
    """
    Whoever waits. Exactly one of the two is called, once, unless it was cancelled.

    Both may be called from within another's L{Lease.release}: they must not assume to be in a turn
    of the loop of their own.
    """

    def leaseGranted(self, lease: Lease) -> None:
        """
        The wait is over; the lease has to be released.
        """

    def leaseRefused(self, error: NoBackendAvailable) -> None:
        """
        The wait was in vain.
        """


class Wait:
    """
    One piece of work that waits.

    @ivar line: the backend that it waits for; L{None} for any.
    @ivar deadline: when it gives up, in the clock's seconds.
    """

    __slots__ = ("context", "deadline", "exclude", "key", "line", "room", "waiter")

    def __init__(
        self,
        context: Context,
        exclude: Collection[Backend],
        waiter: Waiter,
        *,
        line: Backend | None,
        key: bytes,
        deadline: float,
    ) -> None:
        self.context = context
        self.exclude = exclude
        self.waiter = waiter
        self.line = line
        self.key = key
        self.deadline = deadline
        self.room: WaitingRoom | None = None

    def cancel(self) -> None:
        """
        Wait no longer: the client left. Nothing is called. Harmless when the wait is over.
        """
        if self.room is not None:
            self.room.remove(self)


class _Line:
    """
    Keys in turn, and for each key those who came first.
    """

    __slots__ = ("keys",)

    def __init__(self) -> None:
        self.keys: OrderedDict[bytes, OrderedDict[Wait, None]] = OrderedDict()

    def add(self, wait: Wait) -> None:
        self.keys.setdefault(wait.key, OrderedDict())[wait] = None

    def first(self) -> Wait:
        return next(iter(next(iter(self.keys.values()))))

    def remove(self, wait: Wait, served: bool) -> None:
        waits = self.keys[wait.key]
        del waits[wait]
        if not waits:
            del self.keys[wait.key]
        elif served:
            self.keys.move_to_end(wait.key)


class WaitingRoom:
    """
    All who wait for one pool.
    """

    def __init__(self) -> None:
        self._all: OrderedDict[Wait, None] = OrderedDict()
        self._lines: dict[Backend | None, _Line] = {}
        # Deadlines of all in the room, and of some who have left it.
        self._deadlines: list[tuple[float, int, Wait]] = []
        self._serial = 0

    def __len__(self) -> int:
        return len(self._all)

    @property
    def due(self) -> float:
        """
        When the next of them gives up; infinity if nobody waits.
        """
        self._prune()
        return self._deadlines[0][0] if self._deadlines else inf

    @property
    def lines(self) -> list[Backend | None]:
        """
        For whom anybody waits.
        """
        return list(self._lines)

    def add(self, wait: Wait) -> None:
        """
        Come in.
        """
        self._all[wait] = None
        self._lines.setdefault(wait.line, _Line()).add(wait)
        self._serial += 1
        heappush(self._deadlines, (wait.deadline, self._serial, wait))
        wait.room = self

    def remove(self, wait: Wait, served: bool = False) -> None:
        """
        Leave.

        @param served: it was the turn of this one's key, so the next key is next.
        """
        del self._all[wait]
        line = self._lines[wait.line]
        line.remove(wait, served)
        if not line.keys:
            del self._lines[wait.line]
        wait.room = None
        if len(self._deadlines) > 64 + 2 * len(self._all):
            self._deadlines = [entry for entry in self._deadlines if entry[2].room is self]
            self._deadlines.sort()

    def first(self, line: Backend | None) -> Wait | None:
        """
        Whose turn it is in a line.
        """
        found = self._lines.get(line)
        return None if found is None else found.first()

    def oldest(self) -> Wait:
        """
        Who has waited for longest, in any line.
        """
        return next(iter(self._all))

    def overdue(self, now: float) -> list[Wait]:
        """
        Take out all whose deadline has passed.
        """
        over = []
        while self.due <= now:
            wait = self._deadlines[0][2]
            self.remove(wait)
            over.append(wait)
        return over

    def _prune(self) -> None:
        while self._deadlines and self._deadlines[0][2].room is not self:
            heappop(self._deadlines)
