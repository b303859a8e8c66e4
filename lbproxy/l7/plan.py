"""
What to do with a request of a route: bring it to a backend, or answer it. Compiled once, when the
configuration loads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lbproxy.errors import NoBackendAvailable
from lbproxy.l7.forwarding import forwardedLines
from lbproxy.l7.headers import NO_EDITS, RANGED, HeaderEdits, RequestRenderer, ResponseRenderer
from lbproxy.l7.hops import hopsLeft
from lbproxy.l7.replies import REASONS
from lbproxy.l7.targets import originTarget
from lbproxy.l7.templates import Template
from lbproxy.wire.http1 import LIMITED_HOPS, HeaderBlock, ResponseHead

if TYPE_CHECKING:
    from lbproxy.l7.compression import Compression
    from lbproxy.l7.download import Download
    from lbproxy.l7.exchange import Exchange
    from lbproxy.l7.targets import Rewriting
    from lbproxy.l7.upstream import Upstream
    from lbproxy.pool.affinity.edits import CookieEdits


class Plan(Protocol):
    """
    What a route does.
    """

    def start(self, exchange: Exchange) -> None:
        """
        Take the exchange on.
        """


@dataclass(frozen=True, slots=True)
class ProxyChanges:
    """
    What a route changes on the way to its backends and back.

    @ivar host: the Host that backends see; L{None}: the client's.
    @ivar timeout: seconds for the whole exchange; 0: none.
    @ivar cookies: what the pool's affinity does to cookies; L{None}: nothing.
    """

    requestEdits: HeaderEdits = NO_EDITS
    responseEdits: HeaderEdits = NO_EDITS
    rewriting: Rewriting | None = None
    host: Template | None = None
    compression: Compression | None = None
    timeout: float = 0.0
    cookies: CookieEdits | None = None


_VERSION = b" HTTP/1.1\r\n"
_END = b"\r\n\r\n"
_NO_CHANGES = ProxyChanges()


def _rendered(renderer: ResponseRenderer, block: HeaderBlock) -> tuple[bytes, bool]:
    """
    As C{renderer} renders it; once, for a header that comes again.
    """
    rendered: tuple[bytes, bool] | None = block.memo.get(renderer)
    if rendered is None:
        rendered = block.memo[renderer] = renderer.render(block)
    return rendered


def hostFor(exchange: Exchange) -> bytes:
    """
    The Host for a backend: the client's, or, for an HTTP/1.0 client that named none, the backend's
    own address.
    """
    if exchange.head.host or exchange.backend is None:
        return exchange.head.host
    address = exchange.backend.address
    return b"localhost" if address.path else str(address).encode("ascii", "replace")


class ProxyPlan:
    """
    Relay to a pool's backends.

    @ivar upstream: the connections to them.
    @ivar compression: what is done with response bodies; L{None}: nothing.
    @ivar timeout: seconds for the whole exchange; 0: none.
    """

    __slots__ = (
        "_coded",
        "_cookies",
        "_host",
        "_keepsCookies",
        "_namesRequests",
        "_request",
        "_requestEdits",
        "_response",
        "_responseEdits",
        "_rewriting",
        "_varies",
        "compression",
        "timeout",
        "upstream",
    )

    def __init__(self, upstream: Upstream, changes: ProxyChanges = _NO_CHANGES) -> None:
        self.upstream = upstream
        self.compression = changes.compression
        self.timeout = changes.timeout
        self._requestEdits = changes.requestEdits
        self._varies = changes.requestEdits.varies
        self._namesRequests = b"x-request-id" not in changes.requestEdits.dropped
        self._responseEdits = changes.responseEdits
        cookies = self._cookies = changes.cookies
        editing = cookies.request if cookies is not None and cookies.editsRequests else None
        self._request = RequestRenderer(changes.requestEdits, editing)
        # What the affinity may change is added for each response.
        apart = frozenset((b"set-cookie",)) if cookies is not None else frozenset[bytes]()
        self._response = ResponseRenderer(changes.responseEdits, apart)
        self._coded = ResponseRenderer(changes.responseEdits, RANGED | apart)
        self._keepsCookies = b"set-cookie" not in changes.responseEdits.dropped
        self._rewriting = changes.rewriting
        self._host = changes.host

    def start(self, exchange: Exchange) -> None:
        """
        Bring the request to a backend.
        """
        exchange.plan = self
        upstream = self.upstream
        if exchange.upload is not None:
            exchange.upload.holdLimit = upstream.bodyLimit
        if self.timeout:
            exchange.deadline = exchange.started + self.timeout
            exchange.connection.factory.deadlines.watch(exchange)
        try:
            exchange.lease = lease = upstream.pool.acquire(exchange)
        except NoBackendAvailable as none:
            exchange.troubleWith(self).refused(none)
            return
        exchange.connect(self, lease)

    def requestHead(self, exchange: Exchange) -> bytes:
        """
        The request line and header as the backend gets them.
        """
        connection = exchange.connection
        if connection.lastHead is exchange.head and connection.lastPlan is self:
            # A client that repeats its request, as programs do: nothing but the ID is new.
            requestID = exchange.requestID
            if not requestID:
                nextID = connection.factory.nextRequestID
                requestID = exchange.requestID = nextID()
            return connection.lastRequest + requestID + _END
        return self._requestHead(exchange)

    def _requestHead(self, exchange: Exchange) -> bytes:
        head = exchange.head
        block = head.block
        connection = exchange.connection
        # A client that repeats its header, as most do, gets the same lines again; but for another
        # host in an absolute-form target.
        repeats = (
            connection.lastBlock is block
            and connection.lastPlan is self
            and head.host is block.host
        )
        lines = connection.lastLines if repeats else self._lines(exchange)
        requestID = exchange.takeRequestID()
        target = head.target
        if self._rewriting is not None:
            target = self._rewriting.target(head)
        elif head.form != "origin":
            target = originTarget(head)
        method = head.method
        varies = self._varies or method in LIMITED_HOPS
        if varies:
            lines += self._requestEdits.varying(exchange) + hopsLeft(head)
        if not self._namesRequests:
            return b"".join((method, b" ", target, _VERSION, lines, b"\r\n"))
        request = b"".join((method, b" ", target, _VERSION, lines, b"X-Request-ID: "))
        if repeats and not varies and not block.has(b"x-request-id"):
            connection.lastHead, connection.lastRequest = head, request
        return request + requestID + _END

    def _lines(self, exchange: Exchange) -> bytes:
        head = exchange.head
        block = head.block
        connection = exchange.connection
        # An absolute-form target brings a host of its own, a rewritten one may differ each time.
        usual = head.host is block.host and self._host is None and head.host != b""
        lines = block.memo.get(self) if usual else None
        if lines is None:
            host = self._host.expand(exchange) if self._host is not None else hostFor(exchange)
            lines = self._request.render(block, host)
            if usual:
                block.memo[self] = lines
        lines += forwardedLines(
            connection.hop, block, head.host, exchange.clientIP, self._requestEdits.dropped
        )
        if usual:
            connection.lastBlock, connection.lastPlan, connection.lastLines = block, self, lines
            connection.lastHead = None
        return lines

    def wholeHead(self, head: ResponseHead) -> bytes | None:
        """
        The head of a response whose body is here and has a length, for a client that keeps its
        connection; L{None} where it depends on more than C{head}. It is kept in the block's memo,
        under the plan.
        """
        if not self._isPlain(head):
            return None
        lines, needsDate = _rendered(self._response, head.block)
        if needsDate:
            return None
        framing = b"Content-Length: %d\r\n" % head.length
        whole = head.block.memo[self] = self._head(head, lines, framing)
        return whole

    def _isPlain(self, head: ResponseHead) -> bool:
        return (
            head.length >= 0
            and self.compression is None
            and self.upstream.hedging is None
            and not self._responseEdits.varies
            and not (self._cookies is not None and head.block.has(b"set-cookie"))
        )

    def _affinityLines(self, exchange: Exchange, head: ResponseHead) -> bytes:
        """
        The C{Set-Cookie} fields that depend on whose the client is.
        """
        lease, cookies = exchange.lease, self._cookies
        if lease is None:
            return b""
        if cookies is None:
            return b"" if lease.setCookie is None else b"Set-Cookie: %b\r\n" % lease.setCookie
        if lease.setCookie is None and not head.block.has(b"set-cookie"):
            return b""
        theirs = head.block.getAll(b"set-cookie") if self._keepsCookies else []
        result = cookies.response(lease, exchange, theirs)
        lines = b"".join(b"Set-Cookie: %b\r\n" % value for value in result.values)
        return lines + b"Cache-Control: private\r\n" if result.nocache else lines

    def _head(self, head: ResponseHead, lines: bytes, framing: bytes) -> bytes:
        return b"HTTP/1.1 %d %b\r\n%b%b\r\n" % (head.status, head.reason, lines, framing)

    def responseHead(
        self, exchange: Exchange, head: ResponseHead, download: Download, closing: bool
    ) -> bytes:
        """
        The status line and header as the client gets them.
        """
        renderer = self._response if not download.coding else self._coded
        lines, needsDate = _rendered(renderer, head.block)
        if needsDate:
            lines += exchange.connection.factory.dateLine()
        lines += self._responseEdits.varying(exchange)
        lines += self._affinityLines(exchange, head)
        if closing:
            lines += b"Connection: close\r\n"
        return self._head(head, lines, download.framing)

    def informationalHead(self, head: ResponseHead) -> bytes:
        """
        A 1xx response as the client gets it.
        """
        lines, _ = self._response.render(head.block)
        return self._head(head, lines, b"")

    def switchHead(self, exchange: Exchange, head: ResponseHead) -> bytes:
        """
        A 101 response as the client gets it: Upgrade is for one hop, so both fields are written
        anew.
        """
        lines, _ = self._response.render(head.block)
        lines += self._affinityLines(exchange, head)
        return b"HTTP/1.1 101 %b\r\n%bUpgrade: %b\r\nConnection: Upgrade\r\n\r\n" % (
            head.reason or REASONS[101],
            lines,
            head.block.get(b"upgrade") or b"",
        )
