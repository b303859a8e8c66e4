"""
Why this route and this backend? What a listener would do with a request, in words, without doing
it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lbproxy.errors import DownstreamError
from lbproxy.l7.context import RequestContext
from lbproxy.l7.forwarding import Hop
from lbproxy.l7.routing import RouteTable
from lbproxy.pool.registry import Registry
from lbproxy.wire.http1 import BadMessage, RequestReader

_ASKED = re.compile(r"(?:(\S+) )?(?:(https?)://)?([^/\s?]+)((?:[/?]\S*)?)")


@dataclass(frozen=True, slots=True)
class ExplainedRoute:
    """
    A route as it is explained.

    @ivar conditions: each condition for itself: what to say where it doesn't hold, and a table that
        finds true where it does.
    @ivar action: what the route does.
    @ivar pools: where it leads, if it does.
    """

    name: str
    conditions: Sequence[tuple[str, RouteTable[bool]]]
    action: str
    pools: Sequence[str] = ()


class Explainer:
    """
    Explains one listener.

    @ivar secure: the listener ends TLS.
    @ivar ports: where it is bound.
    """

    def __init__(
        self,
        name: str,
        routes: Sequence[ExplainedRoute],
        registry: Registry,
        secure: bool,
        ports: Sequence[int],
    ) -> None:
        self.name = name
        self.secure = secure
        self.ports = ports
        self._routes = routes
        self._registry = registry

    def explain(self, request: Any) -> str:
        """
        @param request: an exchange, or an L{AskedRequest}.
        @return: lines: the routes in their order, and for the one that is taken its backends.
        """
        lines = [f"listener {self.name}"]
        try:
            lines += self._tried(request)
        except (BadMessage, DownstreamError) as refused:
            lines.append(f"  refused: {refused}")
        return "\n".join(lines) + "\n"

    def _tried(self, request: Any) -> list[str]:
        lines = []
        for number, route in enumerate(self._routes, 1):
            failed = [why for why, table in route.conditions if not table.find(request)]
            if failed:
                lines.append(f"  route {number} ({route.name}): no, {'; '.join(failed)}")
                continue
            lines.append(f"  route {number} ({route.name}): yes, {route.action}")
            for pool in route.pools:
                text = str(self._registry.explain(pool, request))
                lines += [f"    {line}" for line in text.splitlines()]
            return lines
        return [*lines, "  no route matches: 404"]


class AskedRequest(RequestContext):
    """
    A request that somebody only asks about.
    """

    __slots__ = ()

    def __init__(self, asker: _Asker, head: Any) -> None:
        self.connection: Any = asker
        self.head = head
        self.clientIP = asker.peer
        self.path = head.path
        self.requestID = b"-"


class _Asker:
    """
    Stands where the connection would be.
    """

    __slots__ = ("hop", "peer", "secure", "serverName")

    def __init__(self, peer: str, secure: bool, serverName: str) -> None:
        self.peer = peer
        self.secure = secure
        self.serverName = serverName
        self.hop = Hop(peer, secure, False)


def askedRequest(
    text: str, source: str = "127.0.0.1", fields: Sequence[str] = (), cookies: Sequence[str] = ()
) -> AskedRequest:
    """
    @param text: such as C{GET https://shop.example.com/cart?x=1}; the method may be left out.
    @param source: the client's address.
    @param fields: header fields, C{Name: value}.
    @param cookies: C{name=value}.
    @raise ValueError: that is no request, in words fit for a user.
    """
    found = _ASKED.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'"{text}" is no request; wanted "GET https://shop.example.com/cart"')
    method, scheme, authority, target = found.groups()
    target = target if target.startswith("/") else "/" + target
    lines = [f"{method or 'GET'} {target} HTTP/1.1", f"Host: {authority}", *fields]
    if cookies:
        lines.append("Cookie: " + "; ".join(cookies))
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a field cannot hold line ends")
    try:
        head = RequestReader().feed("".join(f"{line}\r\n" for line in lines).encode() + b"\r\n")
    except BadMessage as bad:
        raise ValueError(f"that would be refused: {bad.status} {bad.code}, {bad.detail}") from None
    assert head is not None
    name = authority.rpartition(":")[0] or authority
    return AskedRequest(_Asker(source, scheme == "https", name), head)


def portOf(request: AskedRequest) -> int:
    """
    The port that the request names; 0 for none.
    """
    port = request.head.host.rpartition(b":")[2]
    return int(port) if port.isdigit() and b":" in request.head.host else 0


def listenerFor(
    explainers: Sequence[Explainer], request: AskedRequest, name: str = ""
) -> Explainer:
    """
    @param name: the listener's; empty: the first with the request's port, else its scheme.
    @raise ValueError: there is none, in words fit for a user.
    """
    port = portOf(request)
    for fits in (
        lambda each: each.name == name,
        lambda each: not name and port and port in each.ports,
        lambda each: not name and each.secure is request.secure,
    ):
        for each in explainers:
            if fits(each):
                return each
    names = ", ".join(each.name for each in explainers) or "none"
    wanted = f'"{name}"' if name else "for that scheme"
    raise ValueError(f"no http listener {wanted}; there are: {names}")
