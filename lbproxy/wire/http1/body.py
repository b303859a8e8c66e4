"""
Which bytes are the body, and where does it end?
"""

from __future__ import annotations

from lbproxy.wire.http1.chunked import ChunkedBody
from lbproxy.wire.http1.errors import BadMessage
from lbproxy.wire.http1.limits import DEFAULT_LIMITS, HeadLimits
from lbproxy.wire.http1.request import RequestHead
from lbproxy.wire.http1.response import ResponseHead


class LengthBody:
    """
    A body of known length. C{remaining} counts the bytes still to come.
    """

    __slots__ = ("_status", "done", "remaining", "rest")

    trailers: tuple[tuple[bytes, bytes], ...] = ()

    def __init__(self, length: int, status: int) -> None:
        self.remaining = length
        self.done = length == 0
        self.rest = b""
        self._status = status

    def feed(self, data: bytes) -> bytes:
        """
        @return: the part of C{data} that belongs to the body.
        """
        remaining = self.remaining = self.remaining - len(data)
        if remaining > 0:
            return data
        self.done = True
        if remaining == 0:
            return data
        self.remaining = 0
        self.rest = data[remaining:]
        return data[:remaining]

    def eof(self) -> None:
        """
        The peer sends no more.

        @raise BadMessage: the body is not complete.
        """
        if not self.done:
            raise BadMessage(self._status, "shortBody", f"{self.remaining} bytes missing")


class CloseBody:
    """
    The body of a response that ends with its connection.
    """

    __slots__ = ("done",)

    remaining = -1
    rest = b""
    trailers: tuple[tuple[bytes, bytes], ...] = ()

    def __init__(self) -> None:
        self.done = False

    def feed(self, data: bytes) -> bytes:
        """
        @return: C{data}; all of it belongs to the body.
        """
        return data

    def eof(self) -> None:
        """
        The peer sends no more: this is the end.
        """
        self.done = True


def requestBody(
    head: RequestHead, limits: HeadLimits = DEFAULT_LIMITS
) -> LengthBody | ChunkedBody | None:
    """
    @param limits: C{headers} and C{count} bound a trailer section.
    @return: what reads the body that follows C{head}; L{None} if none does.
    """
    block = head.block
    if block.chunked:
        return ChunkedBody(limits, 400, block.connection)
    return LengthBody(block.contentLength, 400) if block.contentLength > 0 else None


def responseBody(
    head: ResponseHead, requestMethod: bytes, limits: HeadLimits = DEFAULT_LIMITS
) -> LengthBody | ChunkedBody | CloseBody | None:
    """
    RFC 9112 6.3, in its order.

    @return: what reads the body that follows C{head}; L{None} if none does.
    """
    status, block = head.status, head.block
    if requestMethod == b"HEAD" or status < 200 or status == 204 or status == 304:
        return None
    if block.chunked:
        return ChunkedBody(limits, 502, block.connection)
    if block.contentLength >= 0:
        return LengthBody(block.contentLength, 502) if block.contentLength else None
    return CloseBody()
