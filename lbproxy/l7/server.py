"""
One client's HTTP/1 connection: whose turn is it, and when is it over?

Requests on a connection are served strictly one after the other; what a client sends ahead
(pipelining) waits, bounded, and while it waits nothing more is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from lbproxy.errors import DownstreamError
from lbproxy.l7.exchange import UNREADABLE, Exchange
from lbproxy.l7.forwarding import Hop, clientAddress
from lbproxy.l7.serving import Serving
from lbproxy.l7.tunnel import Tunnel
from lbproxy.net.deadlines import HORIZON
from lbproxy.net.foresight import foresee
from lbproxy.net.progress import unsentBytes
from lbproxy.wire.http1 import BadMessage, HeaderBlock, RequestHead, RequestReader

if TYPE_CHECKING:
    from lbproxy.l7.factory import HTTPFactory

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
# More than anybody can have left to take: the first look only takes notice.
_EVERYTHING = 1 << 62
# While a backend works there is no deadline on the client's side. Finite, so that the wheel keeps
# the item.
_FAR = 3600.0


@implementer(IHalfCloseableProtocol, IPushProducer)
class HTTPServerProtocol(Protocol):
    """
    Speaks HTTP/1.1 and 1.0 to one client.

    It is its own transport's producer: when the client does not take its response, the backend is
    paused.

    @ivar peer: the client's address as numeric text; empty over a UNIX socket.
    @ivar deadline: seconds; what is awaited of the client must have come by then.
    @ivar closing: the connection ends with the response in hand.
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
        "lastLines",
        "lastPlan",
        "logName",
        "peer",
        "secure",
        "serverName",
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
        self.tunnel: Tunnel | None = None
        self.peer = ""
        self.secure = False
        self.serverName = ""
        self.lastBlock: HeaderBlock | None = None
        self.lastPlan: object = None
        self.lastLines = b""
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

    def connectionMade(self) -> None:
        transport = self.transport
        factory = self.factory
        self.peer = getattr(transport.getPeer(), "host", "")
        self.hop = factory.hopOf(self.peer)
        self.secure = factory.secure
        if self.secure:
            self.serverName = getattr(transport, "serverName", "")
        transport.registerProducer(self, True)
        self.logName = self.peer.encode("ascii") or b"unix"
        self._tooMany = not factory.connectionOpened(self)
        timeouts = factory.timeouts
        wait = timeouts.requestHead if self._tooMany else timeouts.keepAlive
        self.deadline = factory.seconds() + wait
        factory.deadlines.watch(self)

    # Reading.

    def dataReceived(self, data: bytes) -> None:
        exchange = self.exchange
        if exchange is not None:
            factory = self.factory
            if not exchange.requestDone:
                self.deadline = factory.seconds() + factory.timeouts.body
            exchange.requestData(data)
        elif self._lingering:
            self._linger(len(data))
        elif self._writesBlocked:
            # The answer to a request may be large: no more of them than the client reads.
            self.hold(data)
        else:
            self._readHead(data)
            if self._held:
                self._pump()

    def _readHead(self, data: bytes) -> None:
        try:
            head = self._reader.feed(data)
        except BadMessage as bad:
            self._refuse(bad)
            return
        if head is not None:
            self._begin(head)
        elif not self._headBegun and self._reader.pending:
            # Counts from the first byte and is not moved by those that follow.
            self._headBegun = True
            factory = self.factory
            self.deadline = factory.seconds() + factory.timeouts.requestHead
            factory.deadlines.watch(self)

    def _begin(self, head: RequestHead) -> None:
        self._headBegun = False
        factory = self.factory
        now = factory.seconds()
        self.deadline = now + _FAR
        # RFC 9112 C.2.2: a proxy keeps no persistent connection with an HTTP/1.0 client.
        if not head.keepAlive or factory.draining or head.version == 10:
            self.closing = True
        if self._left:
            self._awaitAnswer()
        exchange = self.exchange = Exchange(self, head, now)
        if self._tooMany:
            exchange.refuse(DownstreamError(429, "tooManyConnections", self.peer))
        elif factory.overloaded:
            exchange.refuse(DownstreamError(503, "overloaded"))
        else:
            exchange.begin(self._reader.rest)

    def _refuse(self, bad: BadMessage) -> None:
        """
        What came is no request: answer, then close, since nobody knows where the next one would
        begin.
        """
        self.closing = True
        exchange = self.exchange = Exchange(self, UNREADABLE, self.factory.seconds())
        exchange.refuse(bad)

    def hold(self, data: bytes) -> None:
        """
        Keep bytes of a request that has to wait for its turn. The client is read on within a
        bound: only so is it noticed when it leaves.
        """
        self._held += data
        if len(self._held) >= _AHEAD:
            self.pauseReading()

    def _pump(self) -> None:
        """
        Serve what was held; a loop, so that a thousand pipelined requests don't nest.
        """
        if self._pumping:
            return
        self._pumping = True
        while (
            self._held
            and self.exchange is None
            and not (self._writesBlocked or self._closed or self._lingering)
        ):
            held, self._held = self._held, b""
            self._readHead(held)
        self._pumping = False
        if self._lingering:
            return
        over = (self._left or self.closing) and self.exchange is None
        if over and not self._writesBlocked:
            self._closeGently(False)
        else:
            self.resumeReading()

    def pauseReading(self) -> None:
        if not self._paused and not self._closed:
            self._paused = True
            self.transport.pauseProducing()

    def resumeReading(self) -> None:
        if self._paused and not self._closed and len(self._held) < _AHEAD:
            self._paused = False
            self.transport.resumeProducing()

    def expectBody(self, invited: bool) -> None:
        """
        The request has a body to come.

        @param invited: the client waits for a 100 (Continue) first: until it got one, silence is
            right.
        """
        if not invited:
            factory = self.factory
            self.deadline = factory.seconds() + factory.timeouts.body
            factory.deadlines.watch(self)

    def bodyDone(self) -> None:
        """
        The request is complete: the client owes nothing now.
        """
        self.deadline = self.factory.seconds() + _FAR

    # Writing.

    def pauseProducing(self) -> None:
        factory = self.factory
        self._writesBlocked = True
        self._unsent = unsentBytes(self.transport)
        exchange = self.exchange
        if exchange is not None and exchange.client is not None:
            exchange.client.pauseReading()
        self.deadline = factory.seconds() + factory.timeouts.body
        factory.deadlines.watch(self)

    def resumeProducing(self) -> None:
        self._writesBlocked = False
        self.deadline = self.factory.seconds() + _FAR
        exchange = self.exchange
        if exchange is None:
            self._awaitRequest(self.factory.seconds())
            self._pump()
            return
        if self._left:
            self._awaitAnswer()
        elif not exchange.requestDone:
            self.expectBody(False)
        if exchange.client is not None:
            exchange.client.resumeReading()

    def stopProducing(self) -> None:
        pass

    # Ends.

    def exchangeDone(self, exchange: Serving) -> None:
        """
        The response in hand has been written.
        """
        self.exchange = None
        if self.closing or (self._left and not self._held):
            self._closeGently(not exchange.requestDone)
            return
        if not self._writesBlocked:
            self._awaitRequest(exchange.ended)
        if self._held:
            self._pump()
        elif self._paused:
            self.resumeReading()

    def _awaitRequest(self, now: float) -> None:
        factory = self.factory
        self.deadline = now + factory.keepAlive
        if factory.keepAlive < HORIZON:
            factory.deadlines.watch(self)

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

    @property
    def clientSubject(self) -> str:
        """
        The subject of the client's certificate (RFC 4514), empty without one.
        """
        certificate = getattr(self.transport, "peerCertificate", None)
        return "" if certificate is None else str(certificate.subject.rfc4514_string())

    def clientOf(self, head: RequestHead) -> str:
        """
        The address of the client behind the proxies that are trusted.
        """
        return clientAddress(self.hop, head.block, self.factory.settings.isTrusted)

    def startTunnel(self, exchange: Exchange, backend: Any, toClient: bytes) -> None:
        """
        Hand both connections over to a raw relay.

        @param backend: the backend's transport.
        @param toClient: what the backend has already said.
        """
        self.exchange = None
        held, self._held = self._held, b""
        self.factory.deadlines.forget(self)
        self.transport.unregisterProducer()
        self.tunnel = Tunnel(self.factory, exchange, self.transport, backend)
        self.tunnel.start(held, toClient, self._left)

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
            self.deadline = now + _FAR
        elif self._paused:
            # It's us who keep the client waiting: a backend is being connected, or doesn't take
            # more.
            self.deadline = now + self.factory.timeouts.body
        else:
            exchange.refuse(BadMessage(408, "requestBodyTimeout", "request body stalled"))

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


foresee(
    HTTPServerProtocol,
    *("transport", "factory", "connected", "exchange", "peer", "hop", "secure", "serverName"),
    *("logName", "deadline", "closing", "tunnel", "lastBlock", "lastPlan", "lastLines", "_reader"),
    *("_tooMany", "_held", "_headBegun", "_paused", "_writesBlocked", "_lingering", "_closed"),
    *("_pumping", "_left", "_unsent", "_seenDown"),
)
