"""
May it go on, or must it wait? Queues, pauses, and pools that have to be woken.

Work waits in one of three cases: everybody is full and there is a queue; the pool is paused; nobody
is there and somebody can be woken. It goes on when a lease ends or a backend comes up, and it is
refused when it has waited for too long or when the room is full and it came first: whoever waited
for longest is the one whose client is the most likely to have left.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from math import ceil, inf
from typing import TYPE_CHECKING

from lbproxy.errors import NoBackendAvailable
from lbproxy.pool.backend import Backend
from lbproxy.pool.context import Context
from lbproxy.pool.keys import compileKey
from lbproxy.pool.refusal import Refused
from lbproxy.pool.waiting import Wait, Waiter, WaitingRoom

if TYPE_CHECKING:
    from lbproxy.pool.pool import Pool


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """
    C{size}: how many may wait because all are full; 0: nobody. C{timeout} is in seconds.
    C{fairBy}: whose turns are kept apart, as L{compileKey} takes it.

    C{holdSize} and C{holdTimeout}: the same while the pool is paused or being woken.
    """

    size: int = 0
    timeout: float = 5.0
    fairBy: str = "clientIP"
    holdSize: int = 1_000
    holdTimeout: float = 30.0

    def __post_init__(self) -> None:
        if self.size < 0 or self.holdSize < 0:
            raise ValueError("size and holdSize cannot be negative")
        if self.timeout <= 0 or self.holdTimeout <= 0:
            raise ValueError("timeout and holdTimeout must be more than 0")
        compileKey(self.fairBy)


class Admission:
    """
    What one pool lets in.

    @ivar paused: whether nothing new is let in.
    @ivar wake: called when there is nobody to serve, and again no sooner than C{holdTimeout}
        seconds later; L{None}: nobody can be woken.
    @ivar shed: how many were refused because the room was full.
    @ivar expired: how many were refused because they had waited for too long.
    """

    def __init__(self, pool: Pool, settings: QueueSettings, seconds: Callable[[], float]) -> None:
        self.settings = settings
        self.paused = False
        self.wake: Callable[[], object] | None = None
        self.shed = 0
        self.expired = 0
        self.room = WaitingRoom()
        self._pool = pool
        self._seconds = seconds
        self._fairBy = compileKey(settings.fairBy)
        self._wokenAt = -inf
        # While a pause ends: how many may go on per second, from when to when, and how many have.
        self._rate = 0.0
        self._since = 0.0
        self._until = 0.0
        self._gone = 0
        self._serving = False

    @property
    def due(self) -> float:
        """
        When L{advance} has something to do, in the clock's seconds; infinity if it has not.
        """
        return 0.0 if self._rate else self.room.due

    def refuse(self, reason: str, *, full: bool) -> Refused:
        """
        What to raise for work that nobody can take right now.

        @param full: there are backends, they have no room; else there are none, or a pause.
        """
        settings = self.settings
        if full:
            return Refused(self._pool.name, reason, settings.size > 0, settings.timeout)
        if self.paused:
            return Refused(self._pool.name, reason, settings.holdSize > 0, settings.holdTimeout)
        if self.wake is None:
            return Refused(self._pool.name, reason)
        now = self._seconds()
        if now - self._wokenAt >= settings.holdTimeout:
            self._wokenAt = now
            self.wake()
        return Refused(self._pool.name, reason, settings.holdSize > 0, settings.holdTimeout)

    def wait(
        self, context: Context, waiter: Waiter, exclude: Collection[Backend], line: Backend | None
    ) -> Wait:
        """
        Let work wait; if the room is full who has waited for longest has to leave it.
        """
        full = not self.paused and bool(self._pool.selection.ranks.tiers)
        settings = self.settings
        size = settings.size if full else settings.holdSize
        timeout = settings.timeout if full else settings.holdTimeout
        assert size, "waiting is refused here: see Refused.mayWait"
        if len(self.room) >= size:
            self.shed += 1
            self._dismiss(self.room.oldest(), "the queue is full")
        wait = Wait(
            context,
            exclude,
            waiter,
            line=line,
            key=self._fairBy(context),
            deadline=self._seconds() + timeout,
        )
        self.room.add(wait)
        return wait

    def pause(self) -> None:
        """
        Let nothing new in.
        """
        self.paused = True
        self._rate = 0.0

    def resume(self, over: float) -> None:
        """
        Let in what waits, spread over C{over} seconds, and everything new at once.
        """
        self.paused = False
        self._since = self._seconds()
        self._until = self._since + over
        self._gone = 0
        self._rate = len(self.room) / over if over > 0 else 0.0
        if not self._rate:
            self.serve()

    def advance(self) -> None:
        """
        Let time pass: refuse who waited for too long, let go on who may.
        """
        now = self._seconds()
        for wait in self.room.overdue(now):
            self._giveUp(wait)
        if self._rate:
            self._release(now)

    def serve(self, backend: Backend | None = None) -> None:
        """
        Let in whoever can be served by now.

        @param backend: the one that has room now; L{None} if any may.
        """
        # Whoever is let in may end its lease at once, which comes back here: one loop is enough.
        if self.paused or self._rate or self._serving:
            return
        self._serving = True
        try:
            for line in self.room.lines if backend is None else (backend, None):
                while self._admitNext(line):
                    pass
        finally:
            self._serving = False

    def _release(self, now: float) -> None:
        allowed = ceil((now - self._since) * self._rate) - self._gone
        for _ in range(allowed):
            # A line that cannot go on must not keep the others.
            if not any(self._admitNext(line) for line in self.room.lines):
                break
            self._gone += 1
        if not self.room or now >= self._until:
            self._rate = 0.0
            self.serve()

    def _admitNext(self, line: Backend | None) -> bool:
        wait = self.room.first(line)
        if wait is None:
            return False
        try:
            lease = self._pool.acquire(wait.context, wait.exclude)
        except NoBackendAvailable:
            return False
        # Taking the lease may have changed things, but nobody else can have taken the wait.
        self.room.remove(wait, served=True)
        wait.waiter.leaseGranted(lease)
        return True

    def _giveUp(self, wait: Wait) -> None:
        """
        Who waited for its own backend may have another one now, if there is one.
        """
        if wait.line is not None and not self.paused:
            try:
                lease = self._pool.acquire(wait.context, (*wait.exclude, wait.line))
            except NoBackendAvailable:
                pass
            else:
                wait.waiter.leaseGranted(lease)
                return
        self.expired += 1
        error = Refused(self._pool.name, "waited for too long", False, self.settings.timeout)
        wait.waiter.leaseRefused(error)

    def _dismiss(self, wait: Wait, reason: str) -> None:
        self.room.remove(wait)
        wait.waiter.leaseRefused(Refused(self._pool.name, reason, False, self.settings.timeout))
