"""
One client's HTTP/1 connection: whose turn is it, and when is it over?

Requests on a connection are served strictly one after the other; what a client sends ahead
(pipelining) waits, bounded, and while it waits nothing more is read.
"""

from __future__ import annotations

from sys import getrefcount
from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from zope.interface import implementer

from lbproxy.errors import DownstreamError
from lbproxy.l7.connection import FAR, ClientConnection
from lbproxy.l7.exchange import UNREADABLE, Exchange
from lbproxy.l7.forwarding import clientAddress
from lbproxy.l7.serving import Serving
from lbproxy.l7.tunnel import Tunnel
from lbproxy.net.progress import unsentBytes
from lbproxy.wire.http1 import BadMessage, RequestHead


class _Holder:
    def __init__(self) -> None:
        self.spare = object()


def _spareReferences() -> int:
    """
    How many references to an exchange there are for C{getrefcount} when nobody but its connection
    has it: counted just as it is done below, since Pythons differ in what they count.
    """
    holder = _Holder()
    exchange = holder.spare
    return getrefcount(exchange)


_SPARE_REFERENCES = _spareReferences()


@implementer(IHalfCloseableProtocol, IPushProducer)
class HTTPServerProtocol(ClientConnection):
    """
    Speaks HTTP/1.1 and 1.0 to one client.

    It is its own transport's producer: when the client does not take its response, the backend is
    paused.
    """

    __slots__ = ()

    def connectionMade(self) -> None:
        transport = self.transport
        factory = self.factory
        self.peer = getattr(transport.getPeer(), "host", "")
        self.hop = factory.hopOf(self.peer)
        self.secure = factory.secure
        if self.secure:
            self.serverName = getattr(transport, "serverName", "")
        transport.registerProducer(self, True)
        # Behind a proxy that is trusted each request may have another client.
        self.logName = b"" if self.hop.trusted else self.peer.encode("ascii") or b"unix"
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
        reader = self._reader
        known, rest = reader.known, b""
        head = known(data)
        if head is None:
            try:
                head = reader.feed(data)
            except BadMessage as bad:
                self._refuse(bad)
                return
            if head is None:
                self._awaitHead()
                return
            rest = reader.rest
            self._headBegun = False
        factory = self.factory
        if not head.keepAlive or factory.draining:
            self.closing = True
        seconds = factory.seconds  # in two steps: calling an attribute that is no method is slow
        exchange = self.spare
        if exchange is None or getrefcount(exchange) > _SPARE_REFERENCES:
            exchange = Exchange(self, head, seconds())
        else:
            self.spare = None
            exchange.renew(head, seconds())
        self.exchange = exchange
        if self._left:
            self._awaitAnswer()
        if self._tooMany:
            exchange.refuse(DownstreamError(429, "tooManyConnections", self.peer))
        elif factory.overloaded:
            exchange.refuse(DownstreamError(503, "overloaded"))
        else:
            exchange.begin(rest)

    def _awaitHead(self) -> None:
        if not self._headBegun and self._reader.pending:
            # Counts from the first byte and is not moved by those that follow.
            self._headBegun = True
            factory = self.factory
            self.deadline = factory.seconds() + factory.timeouts.requestHead
            factory.deadlines.watch(self)

    def _refuse(self, bad: BadMessage) -> None:
        """
        What came is no request: answer, then close, since nobody knows where the next one would
        begin.
        """
        self.closing = True
        exchange = self.exchange = Exchange(self, UNREADABLE, self.factory.seconds())
        exchange.refuse(bad)

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

    def expectBody(self, invited: bool) -> None:
        """
        The request has a body to come.

        @param invited: the client waits for a 100 (Continue) first: until it got one, silence is
            right.
        """
        factory = self.factory
        if invited:
            self.deadline = factory.seconds() + FAR
        else:
            self.deadline = factory.seconds() + factory.timeouts.body
            factory.deadlines.watch(self)

    def bodyDone(self) -> None:
        """
        The request is complete: the client owes nothing now.
        """
        self.deadline = self.factory.seconds() + FAR

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
        self.deadline = self.factory.seconds() + FAR
        exchange = self.exchange
        if exchange is None:
            factory = self.factory
            self.deadline = factory.seconds() + factory.keepAlive
            factory.deadlines.watch(self)
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
            factory = self.factory
            self.deadline = exchange.ended + factory.keepAlive
            if factory.isShort:
                factory.deadlines.watch(self)
        if self._held:
            self._pump()
        elif self._paused:
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
