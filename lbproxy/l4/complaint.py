"""
How often does the log want to hear it? What may happen a million times a minute is said once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from twisted.logger import Logger

_PAUSE: Final = 60.0


class Complaint:
    """
    One kind of trouble. The first is logged at once, then at most one line per minute says how many
    there were; a silent minute costs nothing, since nobody is asked to wake up for it.
    """

    __slots__ = ("_count", "_last", "_listener", "_seconds", "_what", "total")

    _log = Logger()

    def __init__(self, listener: str, what: str, seconds: Callable[[], float]) -> None:
        """
        @param what: the plural of what happened, as in C{datagrams dropped}.
        @param seconds: the clock.
        """
        self._listener = listener
        self._what = what
        self._seconds = seconds
        self._count = 0
        self._last: float | None = None
        self.total = 0

    def add(self, reason: str) -> None:
        """
        It happened once more.

        @param reason: why; the log has the latest.
        """
        self.total += 1
        self._count += 1
        now = self._seconds()
        if self._last is not None and now - self._last < _PAUSE:
            return
        self._last = now
        count, self._count = self._count, 0
        self._log.warn(
            "listener {listener}: {count} {what}: {reason}",
            listener=self._listener,
            count=count,
            what=self._what,
            reason=reason,
        )
