"""
What to do with a request of a route: bring it to a backend, or answer it. Compiled once, when the configuration loads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from lbproxy.l7.forwarding import forwardedLines
from lbproxy.l7.headers import NO_EDITS, HeaderEdits, RequestRenderer, ResponseRenderer
from lbproxy.l7.replies import REASONS, Reply
from lbproxy.l7.templates import Template
from lbproxy.wire.http1 import RequestHead, ResponseHead

if TYPE_CHECKING:
    from lbproxy.l7.download import Download
    from lbproxy.l7.exchange import Exchange
    from lbproxy.l7.upstream import Upstream


class Plan(Protocol):
    """
    What a route does.
    """

    def start(self, exchange: Exchange) -> None:
        """
        Take the exchange on.
        """


class ProxyPlan:
    """
    Relay to a pool's backends.

    @ivar upstream: the connections to them.
    """

    __slots__ = ("_request", "_response", "upstream")

    def __init__(
        self,
        upstream: Upstream,
        requestEdits: HeaderEdits = NO_EDITS,
        responseEdits: HeaderEdits = NO_EDITS,
    ) -> None:
        self.upstream = upstream
        self._request = RequestRenderer(requestEdits)
        self._response = ResponseRenderer(responseEdits)

    def start(self, exchange: Exchange) -> None:
        exchange.forward(self)

    def requestHead(self, exchange: Exchange) -> bytes:
        """
        The request line and header as the backend gets them.
        """
        head = exchange.head
        block = head.block
        connection = exchange.connection
        # A client that repeats its header, as most do, gets the same lines again.
        if (
            connection.lastBlock is block
            and connection.lastPlan is self
            and head.host is block.host
        ):
            lines = connection.lastLines
        else:
            lines = self._lines(exchange)
            connection.lastBlock, connection.lastPlan, connection.lastLines = block, self, lines
        requestID = exchange.takeRequestID()
        if requestID is not block.get(b"x-request-id"):
            lines += b"X-Request-ID: %b\r\n" % requestID
        return b"%b %b HTTP/1.1\r\n%b\r\n" % (head.method, originTarget(head), lines)

    def _lines(self, exchange: Exchange) -> bytes:
        head = exchange.head
        block = head.block
        lines = block.memo.get(self) if head.host is block.host else None
        if lines is None:
            lines = self._request.render(block, head.host)
            if head.host is block.host:
                block.memo[self] = lines
        hop = exchange.connection.hop
        return lines + forwardedLines(hop, block, head.host, head.version)

    def responseHead(
        self, exchange: Exchange, head: ResponseHead, download: Download, closing: bool
    ) -> bytes:
        """
        The status line and header as the client gets them.
        """
        memo = head.block.memo
        rendered = memo.get(self)
        if rendered is None:
            rendered = memo[self] = self._response.render(head.block)
        lines, needsDate = rendered
        if needsDate:
            lines += exchange.connection.factory.dateLine()
        lease = exchange.lease
        if lease is not None and lease.setCookie is not None:
            lines += b"Set-Cookie: %b\r\n" % lease.setCookie
        if closing:
            lines += b"Connection: close\r\n"
        return b"HTTP/1.1 %d %b\r\n%b%b\r\n" % (head.status, head.reason, lines, download.framing)

    def informationalHead(self, head: ResponseHead) -> bytes:
        """
        A 1xx response as the client gets it.
        """
        lines, _ = self._response.render(head.block)
        return b"HTTP/1.1 %d %b\r\n%b\r\n" % (head.status, head.reason, lines)

    def switchHead(self, head: ResponseHead) -> bytes:
        """
        A 101 response as the client gets it: Upgrade is for one hop, so both fields are written anew.
        """
        lines, _ = self._response.render(head.block)
        return b"HTTP/1.1 101 %b\r\n%bUpgrade: %b\r\nConnection: Upgrade\r\n\r\n" % (
            head.reason or REASONS[101],
            lines,
            head.block.get(b"upgrade") or b"",
        )


class RespondPlan:
    """
    Answer with a fixed response.
    """

    __slots__ = ("_reply",)

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def start(self, exchange: Exchange) -> None:
        exchange.code = "respond"
        exchange.reply(self._reply)


class RedirectPlan:
    """
    Send the client elsewhere.

    C{to} may name C{{host}}, C{{path}} and C{{query}} of the request; the query comes with its question mark.
    """

    __slots__ = ("_status", "_to")

    def __init__(self, to: str, status: int) -> None:
        self._to = Template(to)
        self._status = status

    def start(self, exchange: Exchange) -> None:
        exchange.code = "redirect"
        exchange.reply(Reply(self._status, b"", ((b"Location", self._to.expand(exchange)),)))


class NoRoutePlan:
    """
    Nothing matched.
    """

    __slots__ = ()

    def start(self, exchange: Exchange) -> None:
        exchange.code = "noRoute"
        exchange.fail(404)


def originTarget(head: RequestHead) -> bytes:
    """
    The target for a backend: an origin server gets no absolute-form from a gateway (RFC 9112 3.2.1).
    """
    if head.form != "absolute":
        return head.target
    if head.path == b"/" and head.method == b"OPTIONS" and head.query is None:
        return b"*"
    return head.path if head.query is None else b"%b?%b" % (head.path, head.query)
