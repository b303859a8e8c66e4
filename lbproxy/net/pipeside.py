"""
What does one end of a pipe do? It is the protocol of its own transport, and its peer's producer.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from lbproxy.net.progress import unsentBytes
from lbproxy.net.splice import Splice

if TYPE_CHECKING:
    from lbproxy.net.pipe import Pipe

# A relay has shown bulk after so many reads in a row of so many bytes: splicing an exchange of
# small messages costs more than copying them.
_FULL_READ = 32768
_FULL_READS = 4
# Where to begin counting when there was no pipe to be had.
_NOT_NOW = -64


class Ending(Enum):
    """
    How a pipe came to its end: what happened first.
    """

    CLIENT_CLOSED = "clientClosed"
    BACKEND_CLOSED = "backendClosed"
    CLIENT_RESET = "clientReset"
    BACKEND_RESET = "backendReset"
    IDLE = "idle"
    MAX_AGE = "maxAge"
    DRAINED = "drained"


def _nothing(data: bytes) -> None:
    """
    Where bytes go when their reader is gone.
    """


@implementer(IHalfCloseableProtocol, IPushProducer)
class Side:
    """
    One of the two: the protocol of its own transport, and the producer of the other's.

    @ivar received: bytes from this side's peer.
    @ivar halfCloses: this side may go on writing when its peer has ended, and the other way round.
    """

    __slots__ = (
        "_paused",
        "closed",
        "eof",
        "halfCloses",
        "lost",
        "other",
        "pipe",
        "received",
        "reset",
        "transport",
        "write",
    )

    other: Side

    def __init__(self, pipe: Pipe, transport: Any, closed: Ending, reset: Ending) -> None:
        self.pipe = pipe
        self.transport = transport
        self.closed = closed
        self.reset = reset
        self.received = 0
        self.eof = False
        self.lost = False
        self.halfCloses = not getattr(transport, "isSecure", False)
        self._paused = False

    def couple(self, other: Side) -> None:
        """
        From now on, what this side receives is written to C{other}.
        """
        self.other = other
        self.write: Callable[[bytes], object] = other.transport.write
        self.transport.protocol = self
        other.transport.registerProducer(self, True)

    def uncouple(self) -> None:
        """
        Let the transports go.
        """
        self.write = _nothing
        self.transport = None

    def begin(self) -> None:
        """
        Read, if there is room for it.
        """
        if not (self._paused or self.eof or self.lost):
            self.transport.resumeProducing()

    def lose(self) -> None:
        """
        Close when all is written.
        """
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def unsent(self) -> int:
        """
        Bytes that this side's peer has not taken yet.
        """
        return 0 if self.lost else unsentBytes(self.transport)

    def dataReceived(self, data: bytes) -> None:
        """
        The way of every byte.
        """
        self.received += len(data)
        self.write(data)

    def readConnectionLost(self) -> None:
        """
        The peer half-closed.
        """
        self.eof = True
        self.pipe.readEnded(self)

    def writeConnectionLost(self) -> None:
        """
        We half-closed; the other direction goes on.
        """

    def connectionLost(self, reason: Failure) -> None:
        """
        This side is gone, in peace or not.
        """
        self.lost = True
        self.pipe.sideLost(self, isinstance(reason.value, ConnectionDone))

    def pauseProducing(self) -> None:
        """
        The other side cannot take more.
        """
        self._paused = True
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """
        The other side has room again. After an end of file there is nothing to resume: the
        transport would only find the same end again.
        """
        self._paused = False
        if not self.eof:
            self.transport.resumeProducing()

    def stopProducing(self) -> None:
        """
        The other side is gone; its C{connectionLost} follows and says how.
        """


class BulkSide(Side):
    """
    One of two plain sockets: splices to the other once it has shown bulk.
    """

    __slots__ = ("_full", "splice")

    other: BulkSide

    def __init__(self, pipe: Pipe, transport: Any, closed: Ending, reset: Ending) -> None:
        super().__init__(pipe, transport, closed, reset)
        self._full = 0
        self.splice: Splice | None = None

    def dataReceived(self, data: bytes) -> None:
        """
        The way of every byte, as long as they come in small numbers.
        """
        size = len(data)
        self.received += size
        self.write(data)
        if size >= _FULL_READ:
            self._full += 1
            if self._full >= _FULL_READS:
                self._trySplice()
        elif self._full > 0:
            self._full = 0

    def _trySplice(self) -> None:
        sink = self.other.transport
        if self._paused or self.lost or self.other.lost or sink.queued:
            return
        pipes = self.pipe.kernelPipes
        assert pipes is not None
        ends = pipes.take()
        if ends is None:
            self._full = _NOT_NOW
        else:
            self.splice = Splice(self.transport, sink, self, pipes, ends)
            # A dying transport still reads by itself; that must not overtake what is in the pipe.
            self.write = _nothing

    def spliced(self, count: int) -> None:
        """
        Bytes have passed by.
        """
        self.received += count

    def spliceEnded(self) -> None:
        """
        Copying again.
        """
        self.splice = None
        self._full = 0
        self.write = self.other.transport.write

    def unsent(self) -> int:
        """
        What waits in the kernel's pipe is not with the peer either.
        """
        splice = self.other.splice
        return super().unsent() + (0 if splice is None else splice.held)

    def connectionLost(self, reason: Failure) -> None:
        """
        Nothing can be spliced to this side any more; what came from it may still be on its way.
        """
        splice = self.other.splice
        if splice is not None:
            splice.stop()
            self.other.splice = None
        splice = self.splice
        if splice is not None and splice.sourceLost():
            self.splice = None
        super().connectionLost(reason)

    def uncouple(self) -> None:
        """
        Give the kernel's pipe back.
        """
        if self.splice is not None:
            self.splice.stop()
            self.splice = None
        super().uncouple()
