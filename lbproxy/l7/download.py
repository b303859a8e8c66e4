"""
How does a response body travel to the client?
"""

from __future__ import annotations

from lbproxy.l7.compression import Compression, Compressor, compressible
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
    The framing of one response towards the client, chosen from what the backend's was and what the
    client can read.

    @ivar framing: the header lines that say it.
    @ivar endsWithClose: the end of the body is the end of the connection.
    @ivar coding: the content coding that we apply; empty for none.
    """

    __slots__ = ("_body", "_chunked", "_compressor", "coding", "endsWithClose", "framing")

    def __init__(self, request: RequestHead, head: ResponseHead, body: Body | None) -> None:
        self._body = body
        self._chunked = False
        self._compressor: Compressor | None = None
        self.coding = b""
        self.endsWithClose = False
        self.framing = b""
        length = head.block.contentLength
        if body is None:
            # HEAD and 304 may carry the length of what isn't there; 1xx and 204 must not (RFC 9110
            # 8.6).
            if length >= 0 and head.status != 204:
                self.framing = b"Content-Length: %d\r\n" % length
            elif request.method != b"HEAD" and head.status not in (204, 304):
                self.framing = b"Content-Length: 0\r\n"
        elif length >= 0:
            self.framing = b"Content-Length: %d\r\n" % length
        elif request.version == 11:
            self._chunked = True
            self.framing = b"Transfer-Encoding: chunked\r\n"
        else:
            self.endsWithClose = True

    def compress(self, compression: Compression, request: RequestHead, head: ResponseHead) -> None:
        """
        Apply a content coding if the response is fit for it and the client takes it.
        """
        if request.method == b"HEAD" or not compressible(request, head):
            return
        chosen = compression.choose(request)
        if chosen is not None:
            self.coding, self._compressor = chosen
            self._chunked = True
            self.framing = b"Transfer-Encoding: chunked\r\nContent-Encoding: %b\r\n" % self.coding
            etag = head.block.get(b"etag")
            if etag is not None:
                # RFC 9110 8.8.3.3: coded differently, it's equal in meaning only.
                weak = etag if etag.startswith(b"W/") else b"W/" + etag
                self.framing += b"ETag: %b\r\n" % weak
        # For caches the choice counts, whichever it was.
        self.framing += b"Vary: Accept-Encoding\r\n"

    def encode(self, payload: bytes, done: bool) -> bytes:
        """
        What the client is sent for C{payload}; C{done}: nothing follows.
        """
        if not self._chunked:
            return payload
        if self._compressor is not None:
            payload = self._compressor.encode(payload, done)
        framed = encodeChunk(payload) if payload else b""
        if not done:
            return framed
        trailers = () if self._body is None else self._body.trailers
        return framed + (encodeTrailers(trailers) if trailers else LAST_CHUNK)
