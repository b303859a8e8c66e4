"""
Who has waited too long? One coarse, lazy timer wheel for every deadline of a worker.

A C{callLater} per request costs more than the request's parsing. Here a deadline is an attribute of
the object that waits: putting it off is an assignment, nothing else. The wheel looks at an object
only when the time it was last filed under has come, and files it again when the object has
meanwhile been given more time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

_NEVER = math.inf

#: Seconds. Nothing is filed further ahead than this: whoever gives itself at least that much time
#: may bring its deadline forward by assignment, too, and needs no L{Deadlines.watch}.
HORIZON = 5.0


class Expiring(Protocol):
    """
    What waits. Hashed by identity: do not define C{__eq__}.

    C{deadline} is a point on the wheel's clock (seconds, float); 0 and infinity mean "no deadline".
    """

    deadline: float

    def deadlinePassed(self, now: float) -> object:
        """
        The deadline is over. Assign a later C{deadline} here to go on being watched.
        """


class Deadlines:
    """
    Calls C{deadlinePassed} on those whose C{deadline} is over: never early, late by a tick at most.

    An object whose deadline is "none" when the wheel comes by is dropped; its owner has it
    L{watch}ed anew. While nothing is watched there is no timer either.
    """

    __slots__ = (
        "_call",
        "_clock",
        "_filed",
        "_horizon",
        "_new",
        "_running",
        "_slots",
        "_swept",
        "_tick",
        "seconds",
    )

    _log = Logger()

    def __init__(self, clock: IReactorTime, tick: float = 0.1) -> None:
        """
        @param tick: seconds between two sweeps: the precision, and the price (one timer per tick).
        """
        self._clock = clock
        self._tick = tick
        #: The clock itself, for those who compute a deadline: C{deadlines.seconds() + timeout}.
        self.seconds: Callable[[], float] = clock.seconds
        self._slots: dict[int, dict[Expiring, None]] = {}  # tick number -> who is looked at then
        self._filed: dict[Expiring, int] = {}  # the one slot each object is in
        # Not filed before the next sweep: most are forgotten by then.
        self._new: dict[Expiring, None] = {}
        self._horizon = max(1, self._number(HORIZON))
        self._swept = self._number(clock.seconds())
        self._running = False
        self._call: IDelayedCall | None = None

    def __len__(self) -> int:
        return len(self._filed) + len(self._new)

    def start(self) -> None:
        """
        Begin to sweep. Whatever came due before is called on the first sweep.
        """
        self._running = True
        if self:
            self._schedule()

    def stop(self) -> None:
        """
        Stop sweeping; what is watched stays watched.
        """
        self._running = False
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def watch(self, item: Expiring) -> None:
        """
        Look after C{item.deadline}; to be called again when the deadline moved to an earlier time.
        """
        if not 0.0 < item.deadline < _NEVER:
            return
        if item in self._filed:
            self._place(item)
        else:
            self._new[item] = None
        if self._call is None and self._running:
            self._schedule()

    def _place(self, item: Expiring) -> None:
        deadline = item.deadline
        if not 0.0 < deadline < _NEVER:
            return
        # Rounded up: a slot never comes up before its deadlines. One that was swept would never.
        number = min(int(deadline / self._tick) + 1, self._swept + self._horizon)
        if number <= self._swept:
            number = self._swept + 1
        filed = self._filed.get(item)
        if filed is not None:
            if filed <= number:
                return
            self._unfile(item, filed)
        self._filed[item] = number
        slot = self._slots.get(number)
        if slot is None:
            self._slots[number] = {item: None}
        else:
            slot[item] = None

    def forget(self, item: Expiring) -> None:
        """
        Never call C{item} again; harmless when it is not watched.
        """
        if item in self._new:
            del self._new[item]
            return
        filed = self._filed.pop(item, None)
        if filed is not None:
            self._unfile(item, filed)

    def _number(self, seconds: float) -> int:
        return int(seconds / self._tick)

    def _unfile(self, item: Expiring, number: int) -> None:
        slot = self._slots.get(number)
        if slot is not None:  # it is gone while its own members are being called
            slot.pop(item, None)
            if not slot:
                del self._slots[number]

    def _schedule(self) -> None:
        self._call = self._clock.callLater(self._tick, self._sweep)

    def _sweep(self) -> None:
        self._call = None
        now = self.seconds()
        try:
            self._sweepUntil(now)
        finally:
            if self._running and self and self._call is None:
                self._schedule()

    def _sweepUntil(self, now: float) -> None:
        new, self._new = self._new, {}
        for item in new:
            self._place(item)
        first, last = self._swept + 1, self._number(now)
        # What is filed from here on lands in a slot after C{last}: a sweep ends. When the clock
        # jumps back nothing is due, and the numbering stands still until time has caught up.
        self._swept = max(self._swept, last)
        slots = self._slots
        # After a long pause (a stopped process, a test's clock) there are fewer slots than numbers.
        numbers = range(first, last + 1)
        due = numbers if len(numbers) <= len(slots) else sorted(n for n in slots if n <= last)
        for number in due:
            slot = slots.pop(number, None)
            if slot is not None:
                for item in slot:
                    self._look(item, number, now)

    def _look(self, item: Expiring, number: int, now: float) -> None:
        if self._filed.get(item) != number:
            return  # forgotten, or watched anew, by one that was called before it
        if 0.0 < item.deadline <= now:
            try:
                item.deadlinePassed(now)
            except Exception:
                self._log.failure("a passed deadline could not be handled by {item!r}", item=item)
            if self._filed.get(item) != number:
                return
        del self._filed[item]
        if item.deadline > now:
            self._place(item)
