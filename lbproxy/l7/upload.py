"""
How does a request body travel, and could it be sent again?

What was read is decoded, counted, and framed anew for the backend. A bounded beginning of it is
kept so that a request can move to another backend; once more than that has been sent, it can't.
"""

from __future__ import annotations

from lbproxy.errors import DownstreamError
from lbproxy.wire.http1 import LAST_CHUNK, ChunkedBody, LengthBody, encodeChunk, encodeTrailers

# What HAProxy can repeat is bounded by its 16 KiB buffer; ours by one full read.
HOLD_LIMIT = 64 * 1024


class Upload:
    """
    The body of one request on its way.

    @ivar received: payload bytes read so far.
    @ivar done: the whole body has been read.
    @ivar intact: all that was read is still held, so the request can be sent again.
    @ivar flowing: a backend is there to take it; until then nothing may be forgotten, and the
        client is paused.
    """

    __slots__ = (
        "_body",
        "_chunked",
        "_held",
        "_heldSize",
        "_limit",
        "flowing",
        "holdLimit",
        "intact",
        "received",
    )

    def __init__(
        self, body: LengthBody | ChunkedBody, limit: int, holdLimit: int = HOLD_LIMIT
    ) -> None:
        """
        @param limit: the most payload bytes accepted; 0 for no limit.
        @param holdLimit: bytes held so that the request can be sent again.
        @raise DownstreamError: 413 for a declared length over C{limit}.
        """
        self._body = body
        self._chunked = body.remaining < 0
        self._held: list[bytes] = []
        self._heldSize = 0
        self._limit = limit
        self.holdLimit = holdLimit
        self.intact = True
        self.flowing = False
        self.received = 0
        self._check(body.remaining)

    @property
    def done(self) -> bool:
        return self._body.done

    @property
    def rest(self) -> bytes:
        """
        What followed the body in the data it was fed.
        """
        return self._body.rest

    def feed(self, data: bytes) -> bytes:
        """
        Take bytes from the client and give what the backend is to be sent for them.

        @raise BadMessage: the framing is broken.
        @raise DownstreamError: 413, the body grew over its limit.
        """
        payload = self._body.feed(data)
        self.received += len(payload)
        self._check(self.received)
        framed = self._frame(payload)
        self._hold(framed)
        return framed

    def held(self) -> bytes:
        """
        All that was read so far, framed; only meaningful while C{intact}.
        """
        return b"".join(self._held)

    def _frame(self, payload: bytes) -> bytes:
        if not self._chunked:
            return payload
        framed = encodeChunk(payload) if payload else b""
        if not self._body.done:
            return framed
        trailers = self._body.trailers
        return framed + (encodeTrailers(trailers) if trailers else LAST_CHUNK)

    def _hold(self, framed: bytes) -> None:
        if not self.intact:
            return
        self._heldSize += len(framed)
        if self.flowing and self._heldSize > self.holdLimit:
            self.intact = False
            self._held.clear()
        else:
            self._held.append(framed)

    def _check(self, size: int) -> None:
        if self._limit and size > self._limit:
            raise DownstreamError(413, "bodyTooLarge", f"more than {self._limit} bytes")
