"""
Which sessions are there, and who was idle longest? A relay's sessions, in the order of their use.

All sessions of a relay have the same patience, so the order of use is the order in which they end,
and one deadline (that of the first in line) stands for all: a session costs no timer.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Final

from lbproxy.net.deadlines import Deadlines

if TYPE_CHECKING:
    from lbproxy.l4.udpsession import UDPSession

# Sessions ended in one go when they have become idle at the same time: some 10 ms of work.
_SWEEP: Final = 1024


class SessionTable:
    """
    @ivar sessions: by key; the one that was idle longest comes first.
    @ivar grain: seconds after which a session should say that it was used again: putting it in its
        place costs more than not doing so.
    @ivar deadline: when the first in line has been idle for too long.
    """

    def __init__(
        self,
        deadlines: Deadlines,
        idleTimeout: float,
        expired: Callable[[UDPSession], object],
    ) -> None:
        """
        @param idleTimeout: seconds; 0 for never.
        @param expired: called with each session that was idle for so long; is to end it.
        """
        self.sessions: OrderedDict[Hashable, UDPSession] = OrderedDict()
        self._deadlines = deadlines
        self._idleTimeout = idleTimeout or math.inf
        self.grain = min(1.0, self._idleTimeout / 8)
        self._expired = expired
        self.deadline = 0.0

    def add(self, session: UDPSession) -> None:
        """
        A new one, at the end of the line.
        """
        self.sessions[session.key] = session
        if not self.deadline:
            self.deadline = session.active + self._idleTimeout
            self._deadlines.watch(self)

    def touched(self, session: UDPSession, now: float) -> float:
        """
        C{session} was used: it goes to the end of the line.

        @return: when it should say so again.
        """
        self.sessions.move_to_end(session.key)
        return now + self.grain

    def oldest(self) -> UDPSession:
        """
        The one that was idle longest, to within a second.
        """
        return next(iter(self.sessions.values()))

    def deadlinePassed(self, now: float) -> None:
        """
        The first in line, and others after it, may have been idle for too long.
        """
        for _ in range(_SWEEP):
            if not self.sessions:
                self.deadline = 0.0
                return
            oldest = self.oldest()
            self.deadline = oldest.active + self._idleTimeout
            if self.deadline > now:
                return
            self._expired(oldest)
        self.deadline = now + 1e-3  # the rest in the next tick
