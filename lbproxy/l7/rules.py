"""
Which well-formed requests are answered before any route is asked?
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lbproxy.l7.hops import maxForwards
from lbproxy.wire.http1 import LIMITED_HOPS

if TYPE_CHECKING:
    from lbproxy.l7.exchange import Exchange

# RFC 9110 10.2.1: what a 405 must say.
_ALLOW = b"Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"


class Rules:
    """
    The rules of one listener.

    @ivar always: they concern every request.
    """

    __slots__ = ("_admits", "always", "explain")

    def __init__(
        self,
        admits: Callable[[str], bool] | None,
        explain: Callable[[Exchange], str] | None = None,
    ) -> None:
        """
        @param admits: whether a client's address may come in at all; L{None}: everybody may.
        @param explain: answers requests that ask with C{X-LB-Explain}; L{None}: they may not.
        """
        self._admits = admits
        self.always = admits is not None or explain is not None
        self.explain = explain

    def concern(self, exchange: Exchange) -> bool:
        """
        Whether L{verdict} has to be asked; most requests are none of its business.
        """
        head = exchange.head
        return self.always or head.form != "origin" or head.method in LIMITED_HOPS

    def verdict(self, exchange: Exchange) -> tuple[int, str, bytes] | None:
        """
        @return: the status, the code for the log and header lines of the answer, or L{None} to go
            on.
        """
        head = exchange.head
        if self._admits is not None and not self._admits(exchange.clientIP):
            return 403, "denied", b""
        if head.form == "authority":
            # RFC 9110 9.3.6: CONNECT is for proxies that tunnel anywhere; a gateway has no use for
            # it.
            return 405, "connectRefused", _ALLOW
        if head.method == b"TRACE" and head.hasBody:
            # RFC 9110 9.3.8: a TRACE has no content; a backend may not expect any either.
            return 400, "traceBody", b""
        if head.form == "absolute" and not exchange.secure and head.scheme == b"https":
            # RFC 9110 7.4: what was meant to be secure did not come so.
            return 421, "misdirected", b""
        if maxForwards(head) == 0:
            # RFC 9110 7.6.2: the last one that may see it answers itself.
            return (
                (200, "lastHop", _ALLOW) if head.method == b"OPTIONS" else (405, "lastHop", _ALLOW)
            )
        return None
