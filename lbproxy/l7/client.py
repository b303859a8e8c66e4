"""
One connection to a backend: what does it say, and can it be used again?
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from lbproxy.errors import Outcome
from lbproxy.l7.download import Body
from lbproxy.l7.headers import isInvited, upgradeOf
from lbproxy.l7.served import Served
from lbproxy.net.deadlines import HORIZON
from lbproxy.net.progress import unsentBytes
from lbproxy.wire.http1 import BadMessage, ResponseHead, ResponseReader, responseBody

if TYPE_CHECKING:
    from lbproxy.l7.upstream import Upstream
    from lbproxy.pool.backend import Backend

# A backend may announce itself with 1xx as often as it likes, but not forever (Go's client stops
# at 5, we are patient).
_MAX_INFORMATIONAL = 32


@implementer(IPushProducer)
class HTTPClientProtocol(Protocol):
    """
    Speaks HTTP/1.1 to one backend for one exchange after the other.

    It is its own transport's producer: when the backend does not take the request body, the client
    is paused.

    @ivar deadline: seconds; what is awaited must have come by then.
    @ivar served: exchanges completed on this connection.
    """

    # As on the server's side: no defaults on the class.
    __slots__ = (
        "_begun",
        "_body",
        "_bodyBegun",
        "_closed",
        "_head",
        "_informational",
        "_paused",
        "_reader",
        "_unsent",
        "backend",
        "connected",
        "deadline",
        "exchange",
        "served",
        "transport",
        "upstream",
    )

    def __init__(self, upstream: Upstream, backend: Backend, exchange: Served) -> None:
        self.upstream = upstream
        self.backend = backend
        self.exchange: Served | None = exchange
        self.served = 0
        self.deadline = 0.0
        self._reader = ResponseReader(upstream.limits)
        self.connected = 0
        self.transport: Any = None
        self._body: Body | None = None
        self._informational = 0
        self._head: ResponseHead | None = None
        self._closed = False
        self._begun = False
        self._bodyBegun = False
        self._paused = False
        self._unsent = -1

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, True)
        exchange = self.exchange
        if exchange is None:
            self.close()
            return
        self.upstream.dialed(exchange)
        exchange.upstreamReady(self)
        self.upstream.deadlines.watch(self)

    def connectFailed(self, failure: Failure) -> None:
        """
        The connection could not be made.
        """
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            self.upstream.dialed(exchange)
            exchange.connectFailed(failure)

    # The request.

    def send(self, request: bytes) -> None:
        """
        Begin an exchange with the head of its request and as much of the body as there is.
        """
        self._begun = self._bodyBegun = False
        self._informational = 0
        upstream = self.upstream
        seconds, wait = upstream.seconds, upstream.headTimeout
        self.deadline = seconds() + wait
        if wait < HORIZON:
            upstream.deadlines.watch(self)
        self.transport.write(request)

    def sendMore(self, data: bytes) -> None:
        """
        More of the request's body; each piece gives the backend time anew.
        """
        self._bodyBegun = True
        if not self._begun:
            self.deadline = self.upstream.seconds() + self.upstream.headTimeout
        self.transport.write(data)

    def pauseProducing(self) -> None:
        upstream = self.upstream
        self._unsent = unsentBytes(self.transport)
        if self.exchange is not None:
            self.deadline = upstream.seconds() + upstream.idleTimeout
            upstream.deadlines.watch(self)
            self.exchange.connection.pauseReading()

    def resumeProducing(self) -> None:
        self._unsent = -1
        if self.exchange is not None:
            self.deadline = self.upstream.seconds() + self.upstream.headTimeout
            self.exchange.connection.resumeReading()

    def stopProducing(self) -> None:
        pass

    # The response.

    def dataReceived(self, data: bytes) -> None:
        exchange = self.exchange
        if exchange is None:
            # Bytes nobody asked for: whose response would they be? Never reuse this connection.
            self.abandon()
            return
        try:
            if self._head is not None:
                self._readBody(exchange, data)
                return
            self._begun = True
            reader = self._reader
            head = reader.feed(data)
            if head is None:
                return
            payload = reader.rest
            if (
                head.length != len(payload)
                or not head.keepAlive
                or exchange.head.method == b"HEAD"
                or not exchange.requestDone
                or self._unsent >= 0
            ):
                self._headRead(exchange, head)
                return
        except BadMessage as bad:
            self._broken(Outcome.BAD_RESPONSE, bad.code, bad.detail)
            return
        # The usual case: a whole response in one read, and its length says so.
        upstream = self.upstream
        seconds = upstream.seconds
        now = exchange.firstByte = seconds()
        self.exchange = None
        self.served += 1
        upstream.park(self, now)
        if head.status < 400 or not exchange.retryable(head):
            exchange.wholeResponse(head, payload)

    def _headRead(self, exchange: Served, head: ResponseHead | None) -> None:
        while head is not None and head.status < 200 and head.status != 101:
            self._informational += 1
            if self._informational > _MAX_INFORMATIONAL:
                raise BadMessage(502, "tooManyInformational")
            exchange.informational(head)
            head = self._reader.feed(self._reader.rest)
        if head is None:
            return
        if head.status == 101:
            self._switch(exchange, head)
            return
        rest = self._reader.rest
        exchange.firstByte = self.upstream.seconds()
        body = responseBody(head, exchange.head.method)
        if body is None:
            self._headDone(exchange, head, None, b"", not rest)
            return
        payload = body.feed(rest)
        if body.done:
            self._headDone(exchange, head, body, payload, not body.rest)
            return
        if head.status >= 400 and exchange.retryable(head):
            self.exchange = None
            self.abandon()
            return
        self._head = head
        self._body = body
        self.deadline = exchange.firstByte + self.upstream.idleTimeout
        exchange.responseReceived(head, body, payload, False)

    def _headDone(
        self,
        exchange: Served,
        head: ResponseHead,
        body: Body | None,
        payload: bytes,
        orderly: bool,
    ) -> None:
        """
        With the head all of the response is here.

        @param orderly: nothing came behind it.
        """
        self.exchange = None
        orderly = orderly and exchange.requestDone and self._unsent < 0
        reusable = orderly and head.keepAlive
        if reusable:
            self.served += 1
            self.upstream.park(self, exchange.firstByte)
        if head.status < 400 or not exchange.retryable(head):
            exchange.responseReceived(head, body, payload, True)
        if not reusable:
            self._retire(orderly)

    def _readBody(self, exchange: Served, data: bytes) -> None:
        body = self._body
        assert body is not None and self._head is not None
        payload = body.feed(data)
        self.deadline = self.upstream.seconds() + self.upstream.idleTimeout
        if body.done:
            self._bodyDone(exchange, body, payload)
        elif payload:
            exchange.responseData(payload, False)

    def _bodyDone(self, exchange: Served, body: Body, payload: bytes) -> None:
        head = self._head
        assert head is not None
        self.exchange = self._head = self._body = None
        requestDone = exchange.requestDone
        taken = requestDone and self._unsent < 0
        reusable = head.keepAlive and not body.rest and taken and not self._closed
        if self._paused:
            self.resumeReading()
        if reusable:
            self.served += 1
            self.upstream.park(self, self.upstream.seconds())
        exchange.responseData(payload, True)
        if not reusable:
            self._retire(taken and not body.rest)

    def _retire(self, orderly: bool) -> None:
        if orderly:
            self.close()
        else:
            self.abandon()

    def _switch(self, exchange: Served, head: ResponseHead) -> None:
        """
        101: from here on the bytes are the application's. Only what was asked for (RFC 9110
        15.2.2).
        """
        given = b",".join(head.block.getAll(b"upgrade"))
        if not isInvited(given, upgradeOf(exchange.head.block)):
            raise BadMessage(502, "uninvitedUpgrade", "101 to a protocol nobody has asked for")
        self.exchange = None
        self.transport.unregisterProducer()
        self.upstream.deadlines.forget(self)
        exchange.upgraded(head, self, self._reader.rest)

    def pauseReading(self) -> None:
        """
        The client does not take more of the response now.
        """
        if not self._paused and not self._closed:
            self._paused = True
            self.transport.pauseProducing()

    def resumeReading(self) -> None:
        if self._paused and not self._closed:
            self._paused = False
            self.deadline = self.upstream.seconds() + self.upstream.idleTimeout
            self.transport.resumeProducing()

    # Ends.

    def deadlinePassed(self, now: float) -> None:
        """
        The backend kept silent for too long.
        """
        if self._closed:
            self.transport.abortConnection()
        elif self.exchange is None:
            self.close()
        elif self._unsent >= 0:
            self._checkProgress(now)
        elif not self.isAwaited():
            self.deadline = now + self.upstream.idleTimeout
            self.upstream.deadlines.watch(self)
        elif self._head is None:
            self._broken(Outcome.TIMED_OUT, "responseTimeout", "no response head in time")
        else:
            self._broken(Outcome.TIMED_OUT, "responseStalled", "the response stalled")

    def _checkProgress(self, now: float) -> None:
        """
        A backend that takes a body slowly is waited for as long as it takes any of it.
        """
        unsent = unsentBytes(self.transport)
        if unsent >= self._unsent:
            self._broken(Outcome.TIMED_OUT, "requestStalled", "takes no more of the request")
            return
        self._unsent = unsent
        self.deadline = now + self.upstream.idleTimeout
        self.upstream.deadlines.watch(self)

    def isAwaited(self) -> bool:
        """
        Whether it is the backend that we wait for, and not the client.
        """
        exchange = self.exchange
        if self._paused or exchange is None:
            return False
        return exchange.requestDone or self._unsent >= 0 or self._owesInvitation()

    def _owesInvitation(self) -> bool:
        """
        Whether the client waits with its body for a 100 (Continue), or for the answer without it.
        """
        exchange = self.exchange
        waits = exchange is not None and exchange.head.block.expectContinue
        return waits and not self._informational and not self._bodyBegun

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._closed = True
        self.upstream.deadlines.forget(self)
        exchange = self.exchange
        if exchange is None:
            self.upstream.lost(self)
            return
        body = self._body
        if body is not None:
            self._endOfBody(exchange, body, reason)
            return
        what = "closed before a response" if not self._begun else "closed within the response head"
        silent = self.served > 0 and not self._begun
        self.exchange = None
        exchange.responseBroken(Outcome.RESET, "backendClosed", what, silent)

    def _endOfBody(self, exchange: Served, body: Body, reason: Failure) -> None:
        try:
            if not isinstance(reason.value, ConnectionDone):
                raise BadMessage(502, "backendReset", reason.getErrorMessage())
            body.eof()
        except BadMessage as bad:
            self.exchange = None
            exchange.responseBroken(Outcome.RESET, bad.code, bad.detail, False)
            return
        self._bodyDone(exchange, body, b"")

    def _broken(self, outcome: Outcome, code: str, detail: str) -> None:
        exchange, self.exchange = self.exchange, None
        self.abandon()
        if exchange is not None:
            exchange.responseBroken(outcome, code, detail, False)

    def abandon(self) -> None:
        """
        Have done with this connection at once, whatever is under way.
        """
        self.exchange = None
        if not self._closed:
            self._closed = True
            self.upstream.lost(self)
            self.transport.abortConnection()

    def close(self) -> None:
        """
        Close an idle connection.
        """
        if not self._closed:
            self._closed = True
            self.upstream.lost(self)
            self.transport.unregisterProducer()
            self.transport.loseConnection()
            # What a request has left in our queue is for a backend that takes it.
            self.deadline = self.upstream.seconds() + self.upstream.idleTimeout
            self.upstream.deadlines.watch(self)
