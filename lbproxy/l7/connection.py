"""
What is known of a client's connection, and how does it end?

Gently, where more of a request may be on its way: unread bytes would make the kernel reset the
connection, and with it what the client has still to read. At once, where nothing can come. And by a
reset, where the client must see that its answer is not whole::

    open --closing, all read-------> closed; reset, if the last bytes aren't taken in time
      |
      |--closing, more may come----> lingering --its FIN, or 2 s, or 1 MiB--> closed
      |
      |--FIN before its answer-----> left --the answer--> closed
      |                               |
      |                               '-- 0.25 s without a piece of it--> reset
      '--abandoned-----------------> reset
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from lbproxy.net.progress import unsentBytes
from lbproxy.wire.http1 import BadMessage, HeaderBlock, RequestHead, RequestReader

if TYPE_CHECKING:
    from lbproxy.l7.exchange import Exchange
    from lbproxy.l7.factory import HTTPFactory
    from lbproxy.l7.forwarding import Hop
    from lbproxy.l7.tunnel import Tunnel

# Seconds that a client which sent its FIN may still get its answer: shutting down the sending side
# is legal (RFC 9112 9.6), but looks just like leaving, and a client that left is not worked for.
# Again as many for each piece of a response that has begun.
_HALF_CLOSE_GRACE = 0.25
# Seconds and bytes for which a connection that we close is still read, so that the client sees the
# answer and not the reset that unread bytes cause (RFC 9112 9.6).
_LINGER = 2.0
_LINGER_BYTES = 1 << 20
# Bytes of further requests that are taken in while one is served; then the client isn't read.
_AHEAD = 16 * 1024
#: While a backend works there is no deadline on the client's side. Finite, so that the wheel keeps
#: the item.
FAR = 3600.0
# More than anybody can have left to take: the first look only takes notice.
_EVERYTHING = 1 << 62


class ClientConnection(Protocol):
    """
    A client's connection, but for the protocol that is spoken on it.

    @ivar peer: the client's address as numeric text; empty over a UNIX socket.
    @ivar deadline: seconds; what is awaited of the client must have come by then.
    @ivar logName: the client of all requests as logs name it; empty where they may differ.
    @ivar closing: the connection ends with the response in hand.
    @ivar spare: an exchange that took the shortest way, for the next request to take.
    """

    # No defaults on the class: with one, looking the attribute up takes ten times as long.
    __slots__ = (
        "_closed",
        "_headBegun",
        "_held",
        "_left",
        "_lingering",
        "_paused",
        "_pumping",
        "_reader",
        "_seenDown",
        "_tooMany",
        "_unsent",
        "_writesBlocked",
        "closing",
        "connected",
        "deadline",
        "exchange",
        "factory",
        "hop",
        "lastBlock",
        "lastHead",
        "lastLines",
        "lastPlan",
        "lastRequest",
        "logName",
        "peer",
        "secure",
        "serverName",
        "spare",
        "transport",
        "tunnel",
    )

    hop: Hop

    def __init__(self, factory: HTTPFactory) -> None:
        self.factory: HTTPFactory = factory
        self._reader = RequestReader(factory.limits)
        self.connected = 0
        self.transport: Any = None
        self.exchange: Exchange | None = None
        self.spare: Exchange | None = None
        self.tunnel: Tunnel | None = None
        self.peer = ""
        self.secure = False
        self.serverName = ""
        self.lastBlock: HeaderBlock | None = None
        self.lastPlan: object = None
        self.lastLines = b""
        self.lastHead: RequestHead | None = None
        self.lastRequest = b""
        self.logName = b""
        self.closing = False
        self.deadline = 0.0
        self._held = b""
        self._headBegun = False
        self._tooMany = False
        self._paused = False
        self._writesBlocked = False
        self._lingering = 0
        self._closed = False
        self._pumping = False
        self._left = False
        self._unsent = 0
        self._seenDown = -1

    # Reading.

    def hold(self, data: bytes) -> None:
        """
        Keep bytes of a request that has to wait for its turn. The client is read on within a
        bound: only so is it noticed when it leaves.
        """
        self._held += data
        if len(self._held) >= _AHEAD:
            self.pauseReading()

    def pauseReading(self) -> None:
        if not self._paused and not self._closed:
            self._paused = True
            self.transport.pauseProducing()

    def resumeReading(self) -> None:
        if self._paused and not self._closed and len(self._held) < _AHEAD:
            self._paused = False
            self.transport.resumeProducing()

    # Closing.

    def closeIdle(self) -> None:
        """
        End the connection as soon as it has nothing in hand; at once if that is now.
        """
        self.closing = True
        if self.exchange is None and not (
            self.tunnel or self._reader.pending or self._writesBlocked or self._lingering
        ):
            self._close()

    def _closeGently(self, unread: bool) -> None:
        if self._closed:
            return
        # Nothing unread can be on its way from who has shut its side.
        mayCome = unread or self._held or self._reader.pending or self._paused
        if self._left or not mayCome:
            self._close()
            return
        factory = self.factory
        self._held = b""
        self._lingering = _LINGER_BYTES
        self._unsent = _EVERYTHING
        self.deadline = factory.seconds() + _LINGER
        factory.deadlines.watch(self)
        transport = self.transport
        transport.unregisterProducer()
        if self.secure:
            transport.loseConnection()
        else:
            transport.loseWriteConnection()
        self.resumeReading()

    def _linger(self, size: int) -> None:
        self._lingering -= size
        if self._lingering <= 0:
            self.abort()

    def _close(self) -> None:
        self.transport.unregisterProducer()
        self.transport.loseConnection()
        # A client that doesn't take its last bytes may not keep us for ever.
        self._lingering = _LINGER_BYTES
        self._unsent = _EVERYTHING
        self.deadline = self.factory.seconds() + self.factory.timeouts.body
        self.factory.deadlines.watch(self)

    def abort(self) -> None:
        """
        Reset the connection.
        """
        self.exchange = None
        if not self._closed:
            self.transport.abortConnection()

    # Waiting.

    def deadlinePassed(self, now: float) -> None:
        """
        The client was awaited for too long.
        """
        exchange = self.exchange
        if self._writesBlocked or (self._lingering and unsentBytes(self.transport)):
            self._checkProgress(now)
        elif self._lingering or (self._left and not self._takesResponse(now)):
            self.abandon()
        elif self._left:
            self.deadline = now + _HALF_CLOSE_GRACE
        elif exchange is None:
            if self._reader.pending:
                self._refuse(
                    BadMessage(408, "requestHeadTimeout", "request head not complete in time")
                )
            else:
                self._close()
        elif exchange.requestDone:
            self.deadline = now + FAR
        elif self._paused:
            # It's us who keep the client waiting: a backend is being connected, or doesn't take
            # more.
            self.deadline = now + self.factory.timeouts.body
        else:
            exchange.refuse(BadMessage(408, "requestBodyTimeout", "request body stalled"))

    def _refuse(self, bad: BadMessage) -> None:
        raise NotImplementedError

    def _checkProgress(self, now: float) -> None:
        """
        A slow reader is served as long as it reads at all.
        """
        unsent = unsentBytes(self.transport)
        if unsent >= self._unsent:
            exchange = self.exchange
            if exchange is not None:
                exchange.code = "clientStalled"
            self.abandon()
            return
        self._unsent = unsent
        self.deadline = now + self.factory.timeouts.body

    def abandon(self) -> None:
        """
        The client is given up, with what was done for it.
        """
        if self.tunnel is not None:
            self.tunnel.abort()
            return
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.clientLeft()
        self.abort()

    def readConnectionLost(self) -> None:
        """
        The client will send no more.
        """
        exchange = self.exchange
        if self._lingering:
            self.transport.loseConnection()
        elif exchange is None and not self._held:
            self._close()
        elif exchange is None or exchange.requestDone:
            self._left = True
            if not self._writesBlocked:
                self._awaitAnswer()
        else:
            self.abandon()

    def _awaitAnswer(self) -> None:
        self.deadline = self.factory.seconds() + _HALF_CLOSE_GRACE
        self.factory.deadlines.watch(self)

    def _takesResponse(self, now: float) -> bool:
        """
        Whether a client that sent its FIN is there all the same: one that left would answer what
        we send with a reset, so while its response moves it is served.
        """
        exchange = self.exchange
        if exchange is None or not exchange.status:
            return False
        if exchange.bytesDown == self._seenDown and not unsentBytes(self.transport):
            return False
        self._seenDown = exchange.bytesDown
        return True

    def writeConnectionLost(self) -> None:
        pass

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._closed = True
        self._held = b""
        self.factory.deadlines.forget(self)
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.clientLeft()
        self.factory.connectionClosed(self)
