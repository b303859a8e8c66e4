"""
Requests that have been read but not begun, and routes that change them: builders for tests.
"""

from __future__ import annotations

from dataclasses import replace

from lbproxy.l7.exchange import Exchange
from lbproxy.l7.factory import HTTPSettings
from lbproxy.l7.matching import Match
from lbproxy.l7.plan import Plan, ProxyChanges, ProxyPlan
from lbproxy.l7.routing import Route
from lbproxy.wire.http1 import (
    HeaderBlock,
    RequestHead,
    RequestReader,
    ResponseHead,
    ResponseReader,
)
from lbproxy.wire.http1.memo import Memo
from tests.l7.doubles import Stage


def asked(line: bytes = b"GET / HTTP/1.1", *fields: bytes) -> RequestHead:
    """
    A request's head. HTTP/1.1 gets C{Host: shop.example} unless C{fields} have one.
    """
    given = list(fields)
    if line.endswith(b"1.1") and not any(each.lower().startswith(b"host:") for each in fields):
        given.insert(0, b"Host: shop.example")
    head = RequestReader(memo=Memo(2)).feed(b"\r\n".join((line, *given, b"", b"")))
    assert head is not None
    return head


def fields(*lines: bytes) -> HeaderBlock:
    """
    The header of a request.
    """
    return asked(b"GET / HTTP/1.1", *lines).block


def answered(line: bytes = b"HTTP/1.1 200 OK", *fields: bytes) -> ResponseHead:
    """
    A response's head.
    """
    head = ResponseReader(memo=Memo(2)).feed(b"\r\n".join((line, *fields, b"", b"")))
    assert head is not None
    return head


def exchangeOf(
    head: RequestHead | None = None,
    *,
    peer: str = "192.0.2.7",
    settings: HTTPSettings | None = None,
    stage: Stage | None = None,
) -> Exchange:
    """
    An exchange that has not begun, on a connection of its own.
    """
    stage = stage or Stage(settings=settings)
    protocol, _ = stage.connect(peer)
    exchange = protocol.exchange = Exchange(protocol, head or asked(), stage.clock.seconds())
    return exchange


class Proxied(Stage):
    """
    A stage whose one route makes changes.
    """

    def __init__(self, settings: HTTPSettings | None = None, **changes: object) -> None:
        made = replace(ProxyChanges(), **changes)  # type: ignore[arg-type]

        def routes(plain: Plan) -> list[Route[Plan]]:
            self.changed = ProxyPlan(self.upstream, made)
            return [Route(Match(), self.changed)]

        super().__init__(settings=settings, routes=routes)
        self.protocol, self.wire = self.connect()

    def send(self, data: bytes) -> bytes:
        """
        @return: what the backend gets for it.
        """
        self.protocol.dataReceived(data)
        dialed = self.dials[-1]
        if not dialed.accepted:
            dialed.accept()
        return dialed.wire.take()

    def answer(self, data: bytes) -> bytes:
        """
        @return: what the client gets for it.
        """
        self.dials[-1].answer(data)
        return self.wire.take()
