"""
When is it time? One heap of due times for every checker, over one delayed call of the reactor.

A C{LoopingCall} and a C{callLater} for the timeout cost about 40 microseconds a check with 5 000
backends, as much as the socket work; heap entries cost 4. What is lost is precision: calls that
fall due within C{grain} seconds of each other run together.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

# Starting a check takes some 50 microseconds: a batch holds the loop for about 5 milliseconds.
_BATCH = 100
# Seconds; after a longer hold-up, what already arrived is read before time is called.
_STALL = 0.25


class Entry:
    """
    One call to come. C{cancel} may be called at any time, also after it ran.
    """

    __slots__ = ("_schedule", "act")

    def __init__(self, schedule: Schedule, act: Callable[[], object]) -> None:
        self._schedule = schedule
        self.act: Callable[[], object] | None = act

    def cancel(self) -> None:
        """
        Never run. The entry itself leaves the heap when its time comes.
        """
        if self.act is not None:
            self.act = None
            self._schedule.cancelled()


class Schedule:
    """
    Calls functions at their times; one that raises is logged and harms no other.
    """

    log = Logger()

    def __init__(self, clock: IReactorTime, grain: float = 0.01) -> None:
        """
        @param grain: seconds; how much later than asked a call may run.
        """
        self._clock = clock
        self._grain = grain
        # The number keeps entries of the same time in order, and apart: tuples compare in C.
        self._heap: list[tuple[float, int, Entry]] = []
        self._number = 0
        self._pending = 0
        self._alarm: IDelayedCall | None = None
        self._alarmAt = 0.0
        self._running = False

    def pending(self) -> int:
        """
        How many calls are still to come.
        """
        return self._pending

    def seconds(self) -> float:
        """
        The clock's time, in seconds.
        """
        return self._clock.seconds()

    def after(self, delay: float, act: Callable[[], object]) -> Entry:
        """
        Call C{act} once, C{delay} seconds from now.
        """
        now = self._clock.seconds()
        when = now + delay
        self._number += 1
        self._pending += 1
        entry = Entry(self, act)
        heappush(self._heap, (when, self._number, entry))
        if not self._running and (self._alarm is None or when + self._grain < self._alarmAt):
            self._setAlarm(now, 0.0)
        return entry

    def stop(self) -> None:
        """
        Forget all that is to come.
        """
        for _, _, entry in self._heap:
            entry.act = None
        self._pending = 0
        self._clear()

    def cancelled(self) -> None:
        """
        For L{Entry.cancel}: after the last one nothing is left in the reactor.
        """
        self._pending -= 1
        if not self._pending:
            self._clear()

    def _clear(self) -> None:
        self._heap.clear()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _setAlarm(self, now: float, atLeast: float) -> None:
        """
        Wake for the first entry still wanted, though not sooner than C{atLeast} seconds from now.
        """
        heap = self._heap
        while heap and heap[0][2].act is None:
            heappop(heap)
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if heap:
            delay = max(heap[0][0] - now, atLeast, 0.0)
            self._alarmAt = now + delay
            self._alarm = self._clock.callLater(delay, self._wake)

    def _wake(self) -> None:
        self._alarm = None
        now = self._clock.seconds()
        if now - self._alarmAt > _STALL:
            # Answers may be waiting in the sockets: one turn of the loop reads them first.
            self._alarmAt = now
            self._alarm = self._clock.callLater(0, self._wake)
            return
        self._running = True
        try:
            more = self._runDue(now)
        finally:
            self._running = False
            self._setAlarm(self._clock.seconds(), 0.0 if more else self._grain)

    def _runDue(self, now: float) -> bool:
        """
        @return: whether some that are due were left for the next turn of the loop.
        """
        heap = self._heap
        for _ in range(_BATCH):
            if not heap or heap[0][0] > now:
                return False
            entry = heappop(heap)[2]
            act = entry.act
            if act is None:
                continue
            entry.act = None
            self._pending -= 1
            try:
                act()
            except Exception:
                self.log.failure("a scheduled call failed; the others go on")
        return True
