"""
How is a request answered by ourselves?
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lbproxy.errors import DownstreamError, LBProxyError
from lbproxy.l7.replies import Reply
from lbproxy.wire.http1 import BadMessage

if TYPE_CHECKING:
    from lbproxy.l7.serving import Serving


def verdictOf(bad: LBProxyError) -> tuple[int, str, str]:
    """
    @param bad: a L{BadMessage} or L{DownstreamError}.
    @return: the status, the code and the detail of a refusal.
    """
    if isinstance(bad, DownstreamError):
        return bad.statusHint, bad.code, bad.detail
    assert isinstance(bad, BadMessage)
    return bad.status, bad.code, bad.detail


def sendReply(exchange: Serving, reply: Reply, extra: bytes) -> None:
    """
    Write an answer of ours to the client.

    @param extra: further header lines.
    """
    exchange.status = reply.status
    connection = exchange.connection
    if connection.factory.draining or not exchange.requestDone:
        connection.closing = True
    withBody = exchange.head.method != b"HEAD"
    lines = connection.factory.dateLine() + extra
    if connection.closing:
        lines += b"Connection: close\r\n"
    if withBody:
        exchange.bytesDown = len(reply.body)
    connection.transport.write(reply.render(lines, withBody))
