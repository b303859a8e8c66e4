"""
One request with its response: who does what when, on either side?

The exchange owns the lease. It alone decides between trying elsewhere, answering an error, and
aborting:

  - nothing of the response was sent and the request can be sent again -> another backend;
  - nothing of the response was sent -> 502, 503 or 504 with the reason in the log;
  - the response has begun -> the client's connection is aborted, so that a short answer never
  looks whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.python.failure import Failure

from lbproxy.errors import DownstreamError, LBProxyError, NoBackendAvailable, Outcome
from lbproxy.l7.context import RequestContext
from lbproxy.l7.download import Body, Download
from lbproxy.l7.replies import Reply
from lbproxy.l7.trouble import Trouble, mayRepeat
from lbproxy.l7.upload import Upload
from lbproxy.wire.http1 import BadMessage, HeaderBlock, RequestHead, ResponseHead, requestBody

if TYPE_CHECKING:
    from lbproxy.l7.client import HTTPClientProtocol
    from lbproxy.l7.factory import HTTPFactory
    from lbproxy.l7.hedging import Hedge
    from lbproxy.l7.plan import ProxyPlan
    from lbproxy.l7.server import HTTPServerProtocol
    from lbproxy.pool.backend import Backend
    from lbproxy.pool.lease import Lease

# Stands for what could not be read as a request.
UNREADABLE = RequestHead(b"-", b"-", "origin", b"-", None, b"", HeaderBlock(11, []))


class Exchange(RequestContext):
    """
    A request being served.

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
        self.secure = connection.secure
        self.serverName = connection.serverName
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

    # The request's way.

    def begin(self, rest: bytes) -> None:
        """
        Start on a request whose head has been read.

        @param rest: what came behind the head: its body, or requests that follow.
        """
        connection = self.connection
        factory = connection.factory
        block = self.head.block
        try:
            if block.chunked or block.contentLength > 0:
                self.requestDone = False
                self.upload = self._upload(factory)
            if factory.rules.concern(self) and self._ruledOut(factory):
                return
            only = factory.only
            plan = factory.planFor(self) if only is None or b"%" in self.path else only
        except (BadMessage, DownstreamError) as bad:
            self.refuse(bad)
            return
        if self.upload is None:
            if rest:
                connection.hold(rest)
        elif rest:
            self.requestData(rest)
            if not self.requestDone and connection.exchange is self:
                # Who has sent some of it waits for no invitation.
                connection.expectBody(False)
        else:
            connection.expectBody(block.expectContinue)
        if connection.exchange is self:
            plan.start(self)

    def _ruledOut(self, factory: HTTPFactory) -> bool:
        rules = factory.rules
        verdict = rules.verdict(self)
        if verdict is None:
            if rules.explain is None or self.head.block.get(b"x-lb-explain") is None:
                return False
            self.code = "explained"
            self.reply(Reply(200, rules.explain(self).encode("utf-8")))
            return True
        status, self.code, extra = verdict
        if not self.requestDone or self.head.form == "authority":
            self.connection.closing = True
        self.fail(status, extra)
        return True

    def _upload(self, factory: HTTPFactory) -> Upload:
        body = requestBody(self.head, factory.limits)
        assert body is not None
        return Upload(body, factory.bodyLimit)

    def forward(self, plan: ProxyPlan) -> None:
        """
        Bring the request to a backend of C{plan}.
        """
        self.plan = plan
        if self.upload is not None:
            self.upload.holdLimit = plan.upstream.bodyLimit
        if plan.timeout:
            self.deadline = self.started + plan.timeout
            self.connection.factory.deadlines.watch(self)
        try:
            self.lease = lease = plan.upstream.pool.acquire(self)
        except NoBackendAvailable as none:
            self._trouble(plan).refused(none)
            return
        self.connect(plan, lease)

    def _trouble(self, plan: ProxyPlan) -> Trouble:
        if self.trouble is None:
            self.trouble = Trouble(self, plan)
        return self.trouble

    def connect(self, plan: ProxyPlan, lease: Lease) -> None:
        """
        Go on with a connection to the leased backend, an idle one if there is one.
        """
        backend = self.backend = lease.backend
        if self.upload is not None:
            self.upload.flowing = False
        idle = plan.upstream.idle.get(backend)
        if idle:
            # Last in, first out: few connections stay warm, the others time out.
            client = idle.pop()
            client.exchange = self
            self.upstreamReady(client)
        else:
            plan.upstream.dial(backend, self)

    def upstreamReady(self, client: HTTPClientProtocol) -> None:
        """
        A connection to the backend stands: send what there is of the request.
        """
        self.client = client
        assert self.plan is not None
        request = self.plan.requestHead(self)
        upload = self.upload
        if upload is None:
            client.send(request)
            hedging = self.plan.upstream.hedging
            if hedging is not None and self.hedge is None:
                self.hedge = hedging.begin(self, self.plan)
            return
        client.send(request + upload.held())
        upload.flowing = True
        self.connection.resumeReading()

    def requestData(self, data: bytes) -> None:
        """
        More bytes from the client while this exchange is on.
        """
        upload = self.upload
        if upload is None or self.requestDone:
            self.connection.hold(data)
            return
        try:
            framed = upload.feed(data)
        except (BadMessage, DownstreamError) as bad:
            self.refuse(bad)
            return
        if upload.done:
            self.requestDone = True
            if upload.rest:
                self.connection.hold(upload.rest)
            self.connection.bodyDone()
        if self.client is not None:
            self.client.sendMore(framed)
        elif not self.requestDone:
            # Nowhere to write yet: what is in hand waits, what is behind it stays with the client.
            self.connection.pauseReading()

    # The response's way.

    def informational(self, head: ResponseHead) -> None:
        """
        A 1xx from the backend: relayed, but never to HTTP/1.0 clients (RFC 9110 15.2).
        """
        if self.head.version == 11 and self.plan is not None:
            if head.status == 100:
                self.connection.expectBody(False)
            self.connection.transport.write(self.plan.informationalHead(head))

    def responseReceived(
        self, head: ResponseHead, body: Body | None, payload: bytes, done: bool
    ) -> None:
        """
        The backend's final response head, with what came of its body in the same read.
        """
        plan = self.plan
        assert plan is not None
        if plan.upstream.hedging is not None:
            plan.upstream.hedging.delay.note(self.firstByte - self.started)
            if self.hedge is not None:
                self.hedge.cancel()
        self.status = head.status
        self.code = "ok"
        connection = self.connection
        if connection.factory.draining or (done and not self.requestDone):
            connection.closing = True
        lease = self.lease
        assert lease is not None
        whole = plan.wholeHead(head) if done and lease.setCookie is None else None
        if whole is not None and not connection.closing and self.head.method != b"HEAD":
            # The usual case: all of it is here, and it reads as it did the last time.
            self.bytesDown = len(payload)
            connection.transport.write(whole + payload)
            self._complete()
            return
        download = self.download = Download(self.head, head, body)
        if plan.compression is not None:
            download.compress(plan.compression, self.head, head)
        connection.closing = connection.closing or download.endsWithClose
        data = plan.responseHead(self, head, download, connection.closing)
        if payload or done:
            self.bytesDown = len(payload)
            data += download.encode(payload, done)
        connection.transport.write(data)
        if done:
            self._complete()

    def responseData(self, payload: bytes, done: bool) -> None:
        """
        More of the response's body.
        """
        download = self.download
        assert download is not None
        self.bytesDown += len(payload)
        data = download.encode(payload, done)
        if data:
            self.connection.transport.write(data)
        if done:
            if not self.requestDone:
                # What is left of the request must not be taken for the next one.
                self.connection.closing = True
            self._complete()

    def retryable(self, head: ResponseHead) -> bool:
        """
        Whether this response is one to try again elsewhere instead of passing it on; if so, that
        has begun.
        """
        plan, lease = self.plan, self.lease
        assert plan is not None and lease is not None
        return head.status in plan.upstream.retryOn and self._trouble(plan).otherThan(lease)

    def changeTo(self, client: HTTPClientProtocol | None, lease: Lease) -> None:
        """
        A rival of the backend was faster: go on with it.
        """
        former, self.client = self.client, client
        if former is not None:
            former.abandon()
        elif self.lease is not None and self.plan is not None:
            self.plan.upstream.cancel(self)
        if self.lease is not None:
            self.lease.release(Outcome.CLIENT_LEFT)
        self.lease = lease
        self.backend = lease.backend

    def _othersRace(self, outcome: Outcome) -> bool:
        """
        Whether a rival still has the request; then a backend that fails is no more than out of the
        race.
        """
        if self.hedge is None or not self.hedge.rivals:
            return False
        self._takeLease().release(outcome)
        return True

    def upgraded(self, head: ResponseHead, client: HTTPClientProtocol, rest: bytes) -> None:
        """
        The backend agreed to another protocol: from here on a tunnel has both connections.

        @param rest: what the backend has already said in it.
        """
        plan = self.plan
        assert plan is not None
        self.status = 101
        self.client = None
        self.firstByte = self.connection.factory.seconds()
        self.connection.transport.write(plan.switchHead(self, head))
        self.connection.startTunnel(self, client.transport, rest)

    def tunnelDone(self, bytesDown: int, code: str) -> None:
        """
        Both connections of the tunnel are gone.
        """
        self.bytesDown = bytesDown
        self.code = code
        self._takeLease().release(Outcome.OK, self.firstByte - self.started)
        self._over(self.connection.factory.seconds())

    # What goes wrong.

    def connectFailed(self, failure: Failure) -> None:
        """
        The connection to the leased backend could not be made.
        """
        assert self.plan is not None
        if not self._othersRace(Outcome.CONNECT_FAILED):
            self._trouble(self.plan).connectFailed(self._takeLease(), failure)

    def responseBroken(self, outcome: Outcome, code: str, detail: str, silent: bool) -> None:
        """
        The backend's connection is gone or talks nonsense before the response was whole.

        @param silent: not one byte of a response had come on a connection that had served before:
            the backend closed it while our request was under way (RFC 9112 9.3.1), which says
            nothing about its health. A new connection to it serves what may be repeated.
        """
        plan = self.plan
        assert plan is not None
        self.client = None
        if self.status:
            self.code, self.detail = code, detail
            self._takeLease().release(outcome)
            self.abort()
        elif self._othersRace(outcome):
            return
        elif silent and mayRepeat(self):
            assert self.lease is not None
            if self.upload is not None:
                self.upload.flowing = False
            plan.upstream.dial(self.lease.backend, self)
        else:
            self._trouble(plan).broken(self._takeLease(), outcome, code, detail)

    def _takeLease(self) -> Lease:
        lease = self.lease
        assert lease is not None
        self.lease = None
        return lease

    def clientLeft(self) -> None:
        """
        The client's connection is gone: the backend's work ends at once, and it isn't the
        backend's fault.
        """
        if self.code == "ok":
            self.code = "clientLeft"
        self._dropBackend(Outcome.CLIENT_LEFT)
        self._over(self.connection.factory.seconds())

    def _dropBackend(self, outcome: Outcome) -> None:
        client, self.client = self.client, None
        if client is not None:
            client.abandon()
        elif self.plan is not None:
            self.plan.upstream.cancel(self)
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
        if isinstance(bad, DownstreamError):
            status, code, detail = bad.statusHint, bad.code, bad.detail
        else:
            assert isinstance(bad, BadMessage)
            status, code, detail = bad.status, bad.code, bad.detail
        self.code, self.detail = code, detail
        self.connection.closing = True
        # More of it may be on its way, for all we know.
        self.requestDone = False
        self._dropBackend(Outcome.CLIENT_LEFT)
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
        self.status = reply.status
        connection = self.connection
        if connection.factory.draining or not self.requestDone:
            connection.closing = True
        withBody = self.head.method != b"HEAD"
        lines = connection.factory.dateLine() + extra
        if connection.closing:
            lines += b"Connection: close\r\n"
        if withBody:
            self.bytesDown = len(reply.body)
        connection.transport.write(reply.render(lines, withBody))
        self._end()

    def abort(self) -> None:
        """
        The response cannot be completed: the client must see that.
        """
        self._dropBackend(Outcome.CLIENT_LEFT)
        self._over(self.connection.factory.seconds())
        self.connection.abort()

    def _complete(self) -> None:
        lease = self.lease
        assert lease is not None
        self.lease = self.client = None
        lease.release(
            Outcome.OK if self.status < 500 else Outcome.SERVER_ERROR, self.firstByte - self.started
        )
        # A response in one piece: its first byte was its last.
        now = self.connection.factory.seconds() if self.download is not None else self.firstByte
        self._over(now)
        self.connection.exchangeDone(self)

    def _end(self) -> None:
        self._over(self.connection.factory.seconds())
        self.connection.exchangeDone(self)

    def _over(self, now: float) -> None:
        self.over = True
        self.ended = now
        factory = self.connection.factory
        if self.deadline:
            factory.deadlines.forget(self)
        factory.exchangeEnded(self)

    def deadlinePassed(self, now: float) -> None:
        """
        The route's time for the whole exchange is over.
        """
        self.code = "routeTimeout"
        self._dropBackend(Outcome.TIMED_OUT)
        if self.status:
            self.abort()
        else:
            self.connection.closing = self.connection.closing or not self.requestDone
            self.fail(504)

    # What logs and templates ask.

    @property
    def served(self) -> str:
        """
        C{pool/backend} of the backend that had it last; empty when none had.
        """
        backend = self.backend
        return f"{backend.pool}/{backend.name}" if backend is not None else ""
