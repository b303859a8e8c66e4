"""
What does one end of a pipe do? It is the protocol of its own transport, and its peer's producer.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any

from OpenSSL import SSL
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from lbproxy.net.progress import unsentBytes
from lbproxy.net.tls.stream import TLSStream

if TYPE_CHECKING:
    from lbproxy.net.pipe import Pipe


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


def nothing(data: bytes) -> None:
    """
    Where bytes go when their reader is gone.
    """


@implementer(IHalfCloseableProtocol, IPushProducer)
class Side:
    """
    One of the two: the protocol of its own transport, and the producer of the other's.

    @ivar received: bytes from this side's peer.
    @ivar eof: its peer will say nothing more.
    @ivar closing: L{lose} was called.
    @ivar lost: its connection is no more.
    """

    __slots__ = (
        "_paused",
        "closed",
        "closing",
        "eof",
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
        self.closing = False
        self.lost = False
        self._paused = False

    def couple(self, other: Side) -> None:
        """
        From now on, what this side receives is written to C{other}.
        """
        self.other = other
        self.write: Callable[[bytes], object] = other.transport.write
        transport = self.transport
        transport.protocol = self
        if isinstance(transport, TLSStream):
            # Many peers end TLS by just closing TCP. What they said before has to reach the other
            # side, which the reset that follows a lost connection would take away from it; and a
            # relay cannot know whether something is missing. HAProxy and nginx see it that way too.
            transport.socket.set_options(SSL.OP_IGNORE_UNEXPECTED_EOF)
        other.transport.registerProducer(self, True)

    def uncouple(self) -> None:
        """
        Let the transports go.
        """
        self.write = nothing
        self.transport = None

    def begin(self) -> None:
        """
        Read, if there is room for it.
        """
        if not (self._paused or self.eof or self.lost):
            self.transport.resumeProducing()

    def lose(self) -> None:
        """
        End this side in peace, perhaps before this returns: when all is written, half-close, read
        on for the peer's end and drop what else comes. To close with something unread would be a
        reset, which may take from the peer what it has not read itself yet.
        """
        self.closing = True
        self.leave()

    def leave(self) -> None:
        """
        The next step of L{lose}.
        """
        transport = self.transport
        transport.unregisterProducer()
        if self.eof or transport.isSecure:  # TLS does the same by itself
            transport.loseConnection()
        else:
            transport.loseWriteConnection()
            self._paused = False
            transport.resumeProducing()

    def giveUp(self) -> None:
        """
        The peer does not answer L{lose}.
        """
        if self.unsent() or self.transport.isSecure:
            self.transport.abortConnection()
        else:
            self.transport.loseConnection()

    def loseWrite(self) -> None:
        """
        Half-close when all is written.
        """
        self.transport.unregisterProducer()
        self.transport.loseWriteConnection()

    def unsent(self) -> int:
        """
        Bytes that this side's peer has not taken yet.
        """
        return 0 if self.lost else unsentBytes(self.transport)

    def dataReceived(self, data: bytes) -> None:
        """
        The way of every byte.
        """
        if not self.other.closing:
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
