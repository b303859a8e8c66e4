"""
What tests of descriptors run on: a reactor of their own, turned by hand until something is true.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

# Seconds. Nothing waits so long unless it is broken.
PATIENCE = 10.0
RESET = b"\1\0\0\0\0\0\0\0"  # SO_LINGER on, 0 seconds: close() resets


def descriptors() -> set[str]:
    """
    The open descriptors of this process.
    """
    return set(os.listdir("/proc/self/fd"))


class ReactorCase(SynchronousTestCase):
    """
    Builds C{reactorClass}, and takes it to pieces afterwards.
    """

    reactorClass: Callable[[], Any]

    def setUp(self) -> None:
        self.reactor: Any = type(self).reactorClass()
        self.addCleanup(self._tearDownReactor)

    def _tearDownReactor(self) -> None:
        reactor = self.reactor
        reactor.disconnectAll()
        for _ in range(3):
            reactor.iterate(0)
        for reader in list(reactor._internalReaders):
            reactor._removeInternalReader(reader)
            reader.connectionLost(None)
        poller: Any = getattr(reactor, "_poller", None)
        if hasattr(poller, "close"):
            poller.close()

    def until(self, condition: Callable[[], object]) -> None:
        """
        Turn the reactor until C{condition} holds.
        """
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                self.fail(f"in {PATIENCE} seconds it did not happen")
            self.reactor.iterate(0.01)

    def turns(self, count: int = 3) -> None:
        """
        Turn the reactor a few times, for what should not happen.
        """
        for _ in range(count):
            self.reactor.iterate(0.001)

    def received(self, skt: socket.socket, count: int) -> bytes:
        """
        So many bytes from a blocking socket, while the reactor turns; fewer when it ends before.
        """
        skt.setblocking(False)
        parts: list[bytes] = []
        ended = False

        def more() -> bool:
            nonlocal ended
            try:
                parts.append(skt.recv(count - sum(map(len, parts))))
            except BlockingIOError:
                return False
            ended = not parts[-1]
            return ended or sum(map(len, parts)) >= count

        self.until(more)
        return b"".join(parts)

    def assertNothingOpened(self, before: set[str]) -> None:
        """
        No descriptor is open that was not among those of L{descriptors}.
        """
        self.assertEqual(set(), descriptors() - before)

    def ended(self, skt: socket.socket) -> bool:
        """
        Whether the next thing that comes is the end, and no reset.
        """
        return self.received(skt, 1) == b""


class Recorder(Protocol):
    """
    Remembers what it was told, in order.
    """

    def __init__(self) -> None:
        self.events: list[str] = []
        self.data = b""
        self.lost: Failure | None = None
        self.failure: Failure | None = None
        self.onMade: Callable[[], object] = int
        self.onData: Callable[[bytes], object] = len

    def connectionMade(self) -> None:
        self.events.append("made")
        self.onMade()

    def dataReceived(self, data: bytes) -> None:
        self.data += data
        self.onData(data)

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008
        self.events.append("lost")
        self.lost = reason

    def connectFailed(self, failure: Failure) -> None:
        """
        As C{dial} wants it.
        """
        self.events.append("failed")
        self.failure = failure

    @property
    def wire(self) -> Any:
        """
        The transport, of whatever class.
        """
        return self.transport

    def lostBy(self) -> type[BaseException]:
        """
        What the connection was lost by.
        """
        assert self.lost is not None and self.lost.value is not None, "not lost"
        return type(self.lost.value)


@implementer(IHalfCloseableProtocol)
class HalfCloser(Recorder):
    """
    Remembers half-closes too.
    """

    def readConnectionLost(self) -> None:
        self.events.append("read lost")

    def writeConnectionLost(self) -> None:
        self.events.append("write lost")


class Producer:
    """
    Counts what it is asked for; C{produce} is called when more is wanted.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.produce: Callable[[], object] = int

    def pauseProducing(self) -> None:
        self.asked.append("pause")

    def resumeProducing(self) -> None:
        self.asked.append("resume")
        self.produce()

    def stopProducing(self) -> None:
        self.asked.append("stop")


class OneByOne(Factory):
    """
    Gives out the protocols it was given, in order.
    """

    noisy = False

    def __init__(self, *protocols: Protocol | None) -> None:
        self.waiting = list(protocols)
        self.peers: list[Any] = []
        self.events: list[str] = []

    def buildProtocol(self, addr: Any) -> Any:
        self.peers.append(addr)
        return self.waiting.pop(0)

    def doStart(self) -> None:
        self.events.append("start")

    def doStop(self) -> None:
        self.events.append("stop")


def connected(port: Any, family: int = socket.AF_INET) -> socket.socket:
    """
    A blocking socket that is connected to a port.
    """
    skt = socket.socket(family, socket.SOCK_STREAM)
    skt.settimeout(PATIENCE)
    skt.connect(port.socket.getsockname())
    return skt


def reset(skt: socket.socket) -> None:
    """
    Close with a reset.
    """
    skt.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    skt.close()
