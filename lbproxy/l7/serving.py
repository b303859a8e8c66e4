"""
What is held for a request while it is served, and how does that end?
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lbproxy.errors import LBProxyError, Outcome
from lbproxy.l7.answering import sendReply, verdictOf
from lbproxy.l7.context import RequestContext
from lbproxy.l7.replies import Reply
from lbproxy.wire.http1 import RequestHead

if TYPE_CHECKING:
    from lbproxy.l7.client import HTTPClientProtocol
    from lbproxy.l7.download import Download
    from lbproxy.l7.hedging import Hedge
    from lbproxy.l7.plan import ProxyPlan
    from lbproxy.l7.server import HTTPServerProtocol
    from lbproxy.l7.trouble import Trouble
    from lbproxy.l7.upload import Upload
    from lbproxy.pool.backend import Backend
    from lbproxy.pool.lease import Lease

# Members of an enumeration are looked up slowly.
_OK = Outcome.OK


class Serving(RequestContext):
    """
    What is held for a request being served, and how that ends.

    @ivar started: when the whole head had arrived, seconds.
    @ivar requestDone: the client has sent all of its request.
    @ivar ended: when all was over, seconds.
    @ivar backend: the last one tried.
    @ivar status: the status sent to the client; 0 before one was.
    @ivar firstByte: when the response's head came, seconds; 0 before. Set by the client side.
    @ivar bytesDown: body bytes of the response sent on.
    @ivar code: how it ended, a word of C{docs/termination-codes.md}.
    @ivar detail: the reason in words, for the log.
    @ivar over: nothing more will happen.
    """

    __slots__ = (
        "backend",
        "bytesDown",
        "client",
        "code",
        "deadline",
        "detail",
        "download",
        "ended",
        "firstByte",
        "hedge",
        "lease",
        "over",
        "plan",
        "requestDone",
        "started",
        "status",
        "trouble",
        "upload",
    )

    def __init__(self, connection: HTTPServerProtocol, head: RequestHead, now: float) -> None:
        # All in one place: a call for the context's part would cost as much as the part itself.
        self.connection = connection
        self.head = head
        self.clientIP = connection.clientOf(head) if connection.hop.trusted else connection.peer
        self.path = head.path
        self.requestID = b""
        self.requestDone = True
        self.started = now
        self.plan: ProxyPlan | None = None
        self.lease: Lease | None = None
        self.client: HTTPClientProtocol | None = None
        self.upload: Upload | None = None
        self.download: Download | None = None
        self.status = 0
        self.bytesDown = 0
        self.firstByte = 0.0
        self.deadline = 0.0
        self.code = "ok"
        self.detail = ""
        self.over = False
        self.ended = 0.0
        self.backend: Backend | None = None
        self.trouble: Trouble | None = None
        self.hedge: Hedge | None = None

    def renew(self, head: RequestHead, now: float) -> None:
        """
        Serve the connection's next request, after one that took the shortest way: what that has
        left is set back here. Making an exchange costs four times as much.
        """
        connection = self.connection
        self.head = head
        if connection.hop.trusted:
            self.clientIP = connection.clientOf(head)
        self.path = head.path
        self.requestID = b""
        self.started = now
        self.plan = self.backend = None
        self.status = self.bytesDown = 0
        self.firstByte = 0.0
        self.over = False

    def takeLease(self) -> Lease:
        """
        The lease, to be released by the caller.
        """
        lease = self.lease
        assert lease is not None
        self.lease = None
        return lease

    def clientLeft(self) -> None:
        """
        The client's connection is gone: the backend's work ends at once, and it isn't the
        backend's fault.
        """
        if self.code != "clientStalled":
            self.code = "clientLeft"
        self.dropBackend(Outcome.CLIENT_LEFT)
        self._over(self.connection.factory.seconds())

    def dropBackend(self, outcome: Outcome) -> None:
        """
        Have done with the backend, whatever it is doing.
        """
        client, self.client = self.client, None
        if client is not None:
            client.abandon()
        elif self.plan is not None:
            whole: Any = self  # the exchange, of which this is a part
            self.plan.upstream.cancel(whole)
        if self.trouble is not None:
            self.trouble.cancel()
        if self.hedge is not None:
            self.hedge.cancel()
        lease, self.lease = self.lease, None
        if lease is not None:
            lease.release(outcome)

    def refuse(self, bad: LBProxyError) -> None:
        """
        The client's request breaks a rule: answer that, and close.

        @param bad: a L{BadMessage} or L{DownstreamError}.
        """
        status, self.code, self.detail = verdictOf(bad)
        self.connection.closing = True
        # More of it may be on its way, for all we know.
        self.requestDone = False
        self.dropBackend(Outcome.CLIENT_LEFT)
        if self.status:
            self.abort()
        else:
            self.fail(status)

    def fail(self, status: int, extra: bytes = b"") -> None:
        """
        Answer an error with its page.

        @param extra: further header lines.
        """
        self.reply(self.connection.factory.errorPages[status], extra)

    def reply(self, reply: Reply, extra: bytes = b"") -> None:
        """
        Answer by ourselves.
        """
        sendReply(self, reply, extra)
        self._end()

    def abort(self) -> None:
        """
        The response cannot be completed: the client must see that.
        """
        self.dropBackend(Outcome.CLIENT_LEFT)
        self._over(self.connection.factory.seconds())
        self.connection.abort()

    def complete(self) -> None:
        """
        The response has been written to its end.
        """
        lease = self.lease
        assert lease is not None
        self.lease = self.client = None
        firstByte = self.firstByte
        outcome = _OK if self.status < 500 else Outcome.SERVER_ERROR
        lease.release(outcome, firstByte - self.started)
        connection = self.connection
        factory = connection.factory
        # A response in one piece: its first byte was its last.
        self.ended = firstByte if self.download is None else factory.seconds()
        self.over = True
        if self.deadline or self.hedge is not None:
            self._stopWaiting()
        factory.exchangeEnded(self)
        connection.exchangeDone(self)

    def _end(self) -> None:
        self._over(self.connection.factory.seconds())
        self.connection.exchangeDone(self)

    def _over(self, now: float) -> None:
        self.over = True
        self.ended = now
        self._stopWaiting()
        self.connection.factory.exchangeEnded(self)

    def _stopWaiting(self) -> None:
        if self.deadline:
            self.connection.factory.deadlines.forget(self)
        if self.hedge is not None:
            self.hedge.cancel()

    def deadlinePassed(self, now: float) -> None:
        """
        The route's time for the whole exchange is over.
        """
        self.code = "routeTimeout"
        tunnel = self.connection.tunnel
        if tunnel is not None:
            tunnel.abort()
            return
        client = self.client
        # Who sends or reads slowly must not make a backend look bad.
        slow = client is not None and not client.isAwaited()
        self.dropBackend(Outcome.CLIENT_LEFT if slow else Outcome.TIMED_OUT)
        if self.status:
            self.abort()
        else:
            self.connection.closing = self.connection.closing or not self.requestDone
            self.fail(504)

    @property
    def served(self) -> str:
        """
        C{pool/backend} of the backend that had it last; empty when none had.
        """
        backend = self.backend
        return f"{backend.pool}/{backend.name}" if backend is not None else ""

    def tunnelDone(self, bytesDown: int, code: str) -> None:
        """
        Both connections of the tunnel are gone.
        """
        self.bytesDown = bytesDown
        if self.code == "ok":
            self.code = code
        self.takeLease().release(Outcome.OK, self.firstByte - self.started)
        self._over(self.connection.factory.seconds())
