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

from lbproxy.errors import DownstreamError, Outcome
from lbproxy.l7.download import Body, Download
from lbproxy.l7.replies import Reply
from lbproxy.l7.serving import Serving
from lbproxy.l7.trouble import Trouble, mayRepeat
from lbproxy.l7.upload import Upload
from lbproxy.wire.http1 import BadMessage, HeaderBlock, RequestHead, ResponseHead, requestBody

if TYPE_CHECKING:
    from lbproxy.l7.client import HTTPClientProtocol
    from lbproxy.l7.factory import HTTPFactory
    from lbproxy.l7.plan import ProxyPlan
    from lbproxy.pool.lease import Lease

# Stands for what could not be read as a request.
UNREADABLE = RequestHead(b"-", b"-", "origin", b"-", None, b"", HeaderBlock(11, []))


class Exchange(Serving):
    """
    A request on its way to a backend, and the response on its way to the client.
    """

    __slots__ = ()

    # The request's way.

    def begin(self, rest: bytes) -> None:
        """
        Start on a request whose head has been read.

        @param rest: what came behind the head: its body, or requests that follow.
        """
        factory = self.connection.factory
        try:
            if self.head.plain and not rest and not factory.rules.always:
                # The usual case: there is nothing to be found out.
                plan = factory.only or factory.planFor(self)
            elif self._isAnswered(factory, rest):
                return
            else:
                plan = factory.planFor(self)
        except (BadMessage, DownstreamError) as bad:
            self.refuse(bad)
            return
        if self.upload is not None and not self._isUploading(self.upload, rest):
            return
        plan.start(self)

    def _isAnswered(self, factory: HTTPFactory, rest: bytes) -> bool:
        block = self.head.block
        if block.chunked or block.contentLength > 0:
            self.requestDone = False
            self.upload = self._upload(factory)
        elif rest:
            # First of all: whoever answers, the requests that follow are not lost.
            self.connection.hold(rest)
        return factory.rules.concern(self) and self._isRuledOut(factory)

    def _isUploading(self, upload: Upload, rest: bytes) -> bool:
        """
        @return: whether the body, as far as it is here, is one.
        """
        connection = self.connection
        if not rest:
            connection.expectBody(self.head.block.expectContinue)
            return True
        self.requestData(rest)
        if connection.exchange is not self:
            return False
        if not self.requestDone:
            # Who has sent some of it waits for no invitation.
            connection.expectBody(False)
        return True

    def _isRuledOut(self, factory: HTTPFactory) -> bool:
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

    def troubleWith(self, plan: ProxyPlan) -> Trouble:
        """
        The second chances that C{plan} gives.
        """
        if self.trouble is None:
            self.trouble = Trouble(self, plan)
        return self.trouble

    def connect(self, plan: ProxyPlan, lease: Lease) -> None:
        """
        Go on with a connection to the leased backend, an idle one if there is one.
        """
        backend = self.backend = lease.backend
        upload, upstream = self.upload, plan.upstream
        if upload is not None:
            upload.flowing = False
        idle = upstream.idle.get(backend)
        if not idle:
            upstream.dial(backend, self)
            return
        # Last in, first out: few connections stay warm, the others time out.
        client, _ = idle.popitem()
        self.client = client
        client.exchange = self
        if upload is None and upstream.hedging is None:
            client.send(plan.requestHead(self))  # the usual case
        else:
            self.upstreamReady(client)

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

    def wholeResponse(self, head: ResponseHead, payload: bytes) -> None:
        """
        The usual case: all of a response is here at once, as long as its Content-Length says.
        """
        plan, lease, connection = self.plan, self.lease, self.connection
        assert plan is not None and lease is not None
        whole = head.block.memo.get(plan) or plan.wholeHead(head)
        if whole is None or lease.setCookie is not None or connection.closing:
            self.responseReceived(head, None, payload, True)
            return
        # It reads as it did the last time.
        self.status = head.status
        self.code = "ok"
        self.bytesDown = len(payload)
        if self.trouble is None and self.upload is None and not self.deadline:
            connection.spare = self
        connection.transport.write(whole + payload)
        self.complete()

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
            self.complete()

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
            self.complete()

    def retryable(self, head: ResponseHead) -> bool:
        """
        Whether this response is one to try again elsewhere instead of passing it on; if so, that
        has begun.
        """
        plan, lease = self.plan, self.lease
        assert plan is not None and lease is not None
        return head.status in plan.upstream.retryOn and self.troubleWith(plan).otherThan(lease)

    def upgraded(self, head: ResponseHead, client: HTTPClientProtocol, rest: bytes) -> None:
        """
        The backend agreed to another protocol: from here on a tunnel has both connections.

        @param rest: what the backend has already said in it.
        """
        plan = self.plan
        assert plan is not None
        self.status = 101
        self.code = "ok"
        self.client = None
        self.firstByte = self.connection.factory.seconds()
        self.connection.transport.write(plan.switchHead(self, head))
        self.connection.startTunnel(self, client.transport, rest)

    # What goes wrong.

    def connectFailed(self, failure: Failure) -> None:
        """
        The connection to the leased backend could not be made.
        """
        assert self.plan is not None
        if not self._outOfTheRace(Outcome.CONNECT_FAILED):
            self.troubleWith(self.plan).connectFailed(self.takeLease(), failure)

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
            self.takeLease().release(outcome)
            self.abort()
        elif self._outOfTheRace(outcome):
            return
        elif silent and mayRepeat(self):
            assert self.lease is not None
            if self.upload is not None:
                self.upload.flowing = False
            plan.upstream.dial(self.lease.backend, self)
        else:
            self.troubleWith(plan).broken(self.takeLease(), outcome, code, detail)

    def _outOfTheRace(self, outcome: Outcome) -> bool:
        """
        Whether a rival still has the request: then a backend that fails costs no more than that.
        """
        if self.hedge is None or not self.hedge.rivals:
            return False
        self.takeLease().release(outcome)
        return True
