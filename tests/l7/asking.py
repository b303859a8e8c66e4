"""
Requests that have been read but not begun, for tests of what looks at them.
"""

from __future__ import annotations

from lbproxy.l7.exchange import Exchange
from lbproxy.l7.factory import HTTPSettings
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
