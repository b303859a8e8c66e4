"""
Feeds whole messages, in any pieces, to the codec and says what came out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from lbproxy.wire.http1 import (
    BadMessage,
    ChunkedBody,
    CloseBody,
    HeadLimits,
    LengthBody,
    RequestHead,
    RequestReader,
    ResponseHead,
    ResponseReader,
    encodeChunk,
    encodeFields,
    encodeTrailers,
    requestBody,
    responseBody,
)
from lbproxy.wire.http1.limits import DEFAULT_LIMITS
from lbproxy.wire.http1.memo import Memo

Body = LengthBody | ChunkedBody | CloseBody | None
Meaning = tuple[object, ...]


@dataclass(slots=True)
class Reading:
    """
    What was understood of a stream that holds one message. C{status} is not 0 for a refusal.

    Two readings are equal where the same was understood; of a refused stream only the refusal
    counts.
    """

    status: int = 0
    code: str = ""
    head: RequestHead | ResponseHead | None = None
    payload: bytes = b""
    trailers: tuple[tuple[bytes, bytes], ...] = ()
    rest: bytes = b""
    complete: bool = False
    hasBody: bool = False

    def meaning(self) -> Meaning:
        """
        Everything that has to be the same however the bytes came.
        """
        if self.status:
            return (self.status, self.code)
        head = headMeaning(self.head) if self.head is not None else ()
        return (head, self.payload, self.trailers, self.rest, self.complete)


def headMeaning(head: RequestHead | ResponseHead) -> Meaning:
    """
    A head and its block as plain values.
    """
    block = head.block
    understood = (
        block.fields,
        block.contentLength,
        block.chunked,
        block.connection,
        block.host,
        block.upgrade,
        block.expectContinue,
    )
    if isinstance(head, RequestHead):
        line = (head.method, head.target, head.form, head.path, head.query, head.host)
        return (*line, head.version, head.keepAlive, head.hasBody, understood)
    return (head.status, head.reason, head.version, head.keepAlive, understood)


def readRequest(pieces: Iterable[bytes], limits: HeadLimits = DEFAULT_LIMITS) -> Reading:
    """
    Read one request.
    """
    reading = Reading()
    # A memo of its own: what was read before must not decide.
    reader = RequestReader(limits, Memo(2))
    try:
        _drive(reading, reader, pieces, lambda head: requestBody(head, limits))
    except BadMessage as error:
        reading.status, reading.code = error.status, error.code
    return reading


def readResponse(
    pieces: Iterable[bytes],
    method: bytes = b"GET",
    eof: bool = False,
    limits: HeadLimits = DEFAULT_LIMITS,
) -> Reading:
    """
    Read the response to a request with C{method}.
    """
    reading = Reading()
    reader = ResponseReader(limits, Memo(2))
    try:
        body = _drive(reading, reader, pieces, lambda head: responseBody(head, method, limits))
        if eof and body is not None:
            body.eof()
            reading.complete = body.done
    except BadMessage as error:
        reading.status, reading.code = error.status, error.code
    return reading


def byteByByte(data: bytes) -> list[bytes]:
    """
    Cut C{data} into its bytes.
    """
    return [data[at : at + 1] for at in range(len(data))]


def inPieces(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """
    Cut C{data} at the given places.
    """
    places = sorted({0, len(data), *(cut for cut in cuts if 0 < cut < len(data))})
    return [data[start:stop] for start, stop in pairwise(places)]


def _drive(
    reading: Reading,
    reader: RequestReader | ResponseReader,
    pieces: Iterable[bytes],
    bodyOf: Callable[[Any], Body],
) -> Body:
    body: Body = None
    for piece in pieces:
        data = piece
        if reading.head is None:
            head = reading.head = reader.feed(data)
            if head is None:
                continue
            data = reader.rest
            body = bodyOf(head)
            reading.hasBody = body is not None
            reading.complete = body is None or body.done
        if body is None or body.done:
            reading.rest += data
            continue
        reading.payload += body.feed(data)
        if body.done:
            reading.complete = True
            reading.trailers = body.trailers
            reading.rest += body.rest
    return body


def writeRequest(reading: Reading) -> bytes:
    """
    Write a request anew from what was understood of it.
    """
    head = reading.head
    assert isinstance(head, RequestHead)
    version = b"1.1" if head.version == 11 else b"1.0"
    line = b"%b %b HTTP/%b\r\n" % (head.method, head.target, version)
    return line + _writeRest(reading)


def writeResponse(reading: Reading) -> bytes:
    """
    Write a response anew from what was understood of it.
    """
    head = reading.head
    assert isinstance(head, ResponseHead)
    version = b"1.1" if head.version == 11 else b"1.0"
    line = b"HTTP/%b %d %b\r\n" % (version, head.status, head.reason)
    return line + _writeRest(reading)


def _writeRest(reading: Reading) -> bytes:
    head = reading.head
    assert head is not None
    fields = encodeFields((name, value) for _, name, value in head.block.fields) + b"\r\n"
    if head.block.chunked and reading.complete and reading.hasBody:
        return fields + encodeChunk(reading.payload) + encodeTrailers(reading.trailers)
    return fields + reading.payload
