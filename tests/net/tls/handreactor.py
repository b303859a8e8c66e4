"""
A reactor that is turned by hand: real sockets, no waiting, and a clock that stands still.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any

from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.posixbase import _DisconnectSelectableMixin
from twisted.internet.task import Clock
from twisted.python.failure import Failure

_FAILURES = {
    type(CONNECTION_DONE): Failure(CONNECTION_DONE),
    type(CONNECTION_LOST): Failure(CONNECTION_LOST),
}


class HandReactor(_DisconnectSelectableMixin, Clock):
    """
    What a descriptor needs of a reactor.
    """

    def __init__(self) -> None:
        super().__init__()
        self.readers: dict[Any, int] = {}
        self.writers: dict[Any, int] = {}

    def addReader(self, reader: Any) -> None:
        self.readers.setdefault(reader, reader.fileno())

    def addWriter(self, writer: Any) -> None:
        self.writers.setdefault(writer, writer.fileno())

    def removeReader(self, reader: Any) -> None:
        self.readers.pop(reader, None)

    def removeWriter(self, writer: Any) -> None:
        self.writers.pop(writer, None)

    def turn(self) -> bool:
        """
        One turn of the loop.

        @return: something happened.
        """
        busy = any(call.getTime() <= self.seconds() for call in self.getDelayedCalls())
        self.advance(0)
        poll = select.poll()
        wanted: dict[int, int] = {}
        for fd in self.readers.values():
            wanted[fd] = select.POLLIN
        for fd in self.writers.values():
            wanted[fd] = wanted.get(fd, 0) | select.POLLOUT
        for fd, flags in wanted.items():
            poll.register(fd, flags)
        for fd, event in poll.poll(0):
            busy = True
            self._event(fd, event)
        return busy

    def settle(self) -> None:
        """
        Turn until nothing happens any more.
        """
        for _ in range(10_000):
            if not self.turn():
                return
        raise AssertionError("the loop spins")

    def turnUntil(self, condition: Callable[[], object]) -> None:
        """
        Turn until C{condition()} holds, or nothing happens any more.
        """
        while not condition() and self.turn():
            pass
        assert condition(), "it never came true"

    def _event(self, fd: int, event: int) -> None:
        reader: Any = next((r for r, number in self.readers.items() if number == fd), None)
        writer: Any = next((w for w, number in self.writers.items() if number == fd), None)
        why: Any = None
        isRead = False
        if event & (select.POLLHUP | select.POLLERR) and not event & select.POLLIN:
            isRead = reader is not None
            why = CONNECTION_DONE if isRead else CONNECTION_LOST
        elif reader is not None and event & select.POLLIN:
            why, isRead = reader.doRead(), True
        if not why and event & select.POLLOUT and writer in self.writers:
            why, isRead = writer.doWrite(), False
        if why:
            self._disconnectSelectable(reader or writer, why, isRead, _FAILURES)
