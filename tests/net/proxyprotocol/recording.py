"""
A factory whose protocols remember what they were told.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure


class Recording(Protocol):
    """
    Remembers what it was told, and who it was told by.
    """

    def __init__(self) -> None:
        self.received = b""
        self.lost: Failure | None = None
        self.peer: Any = None
        self.host: Any = None

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.peer = self.transport.getPeer()
        self.host = self.transport.getHost()

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        self.lost = reason

    def connectFailed(self, failure: Failure) -> None:
        self.lost = failure


class RecordingFactory(Factory):
    """
    Remembers for whom it was asked to build.
    """

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.built: list[Recording] = []
        self.refusing = False
        self.started = 0

    def doStart(self) -> None:
        self.started += 1

    def doStop(self) -> None:
        self.started -= 1

    def buildProtocol(self, addr: Any) -> Recording | None:
        self.asked.append(addr)
        if self.refusing:
            return None
        self.built.append(Recording())
        return self.built[-1]
