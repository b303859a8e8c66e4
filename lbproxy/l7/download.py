"""
How does a response body travel to the client?
"""

from __future__ import annotations

from lbproxy.wire.http1 import (
    LAST_CHUNK,
    ChunkedBody,
    CloseBody,
    LengthBody,
    RequestHead,
    ResponseHead,
    encodeChunk,
    encodeTrailers,
)

Body = LengthBody | ChunkedBody | CloseBody


class Download:
    """
    The framing of one response towards the client, chosen from what the backend's was and what the client can read.

    @ivar framing: the header lines that say it.
    @ivar endsWithClose: the end of the body is the end of the connection.
    """

    __slots__ = ("_body", "_chunked", "endsWithClose", "framing")

    def __init__(self, request: RequestHead, head: ResponseHead, body: Body | None) -> None:
        self._body = body
        self._chunked = False
        self.endsWithClose = False
        self.framing = b""
        length = head.block.contentLength
        if body is None:
            # HEAD and 304 may carry the length of what isn't there; 1xx and 204 must not (RFC 9110 8.6).
            if length >= 0 and head.status != 204:
                self.framing = b"Content-Length: %d\r\n" % length
            elif request.method != b"HEAD" and head.status not in (204, 304):
                self.framing = b"Content-Length: 0\r\n"
        elif length >= 0 and not head.block.chunked:
            self.framing = b"Content-Length: %d\r\n" % length
        elif request.version == 11:
            self._chunked = True
            self.framing = b"Transfer-Encoding: chunked\r\n"
        else:
            self.endsWithClose = True

    def encode(self, payload: bytes, done: bool) -> bytes:
        """
        What the client is sent for C{payload}; C{done}: nothing follows.
        """
        if not self._chunked:
            return payload
        framed = encodeChunk(payload) if payload else b""
        if not done:
            return framed
        assert self._body is not None
        trailers = self._body.trailers
        return framed + (encodeTrailers(trailers) if trailers else LAST_CHUNK)
