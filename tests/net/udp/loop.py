"""
A reactor that turns when it is told to, over real descriptors.
"""

from __future__ import annotations

import select
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer


@implementer(IReactorFDSet)
class Loop(Clock):
    """
    Treats errors as Twisted's poll and epoll reactors do: an error without data to read is taken
    for the connection's end.
    """

    def __init__(self) -> None:
        super().__init__()
        self.readers: dict[int, Any] = {}

    def addReader(self, reader: IReadDescriptor) -> None:
        number = reader.fileno()
        assert number >= 0, "a closed descriptor"
        self.readers[number] = reader

    def removeReader(self, reader: IReadDescriptor) -> None:
        self.readers.pop(reader.fileno(), None)

    def addWriter(self, writer: object) -> None:
        raise NotImplementedError

    def removeWriter(self, writer: object) -> None:
        raise NotImplementedError

    def removeAll(self) -> list[Any]:
        readers, self.readers = list(self.readers.values()), {}
        return readers

    def getReaders(self) -> list[Any]:
        return list(self.readers.values())

    def getWriters(self) -> list[Any]:
        return []

    def turn(self, timeout: float = 0.0) -> int:
        """
        One turn. On loopback a datagram has arrived by the time it was sent, and so has an error.

        @return: how many descriptors had something.
        """
        poll = select.poll()
        for number in self.readers:
            poll.register(number, select.POLLIN)
        found = poll.poll(timeout * 1000)
        for number, event in found:
            reader = self.readers.get(number)
            if reader is None:
                continue
            if event & select.POLLIN:
                reader.doRead()
            elif event & (select.POLLERR | select.POLLHUP):
                self.removeReader(reader)
                reader.connectionLost(Failure(ConnectionDone()))
        return len(found)

    def turnAll(self) -> None:
        """
        Turns until nothing happens any more.
        """
        for _ in range(1000):
            if not self.turn():
                return
        raise AssertionError("it never comes to rest")
