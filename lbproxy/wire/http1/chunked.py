"""
Where are the chunks of a chunked body (RFC 9112 7.1), and what came as trailers?
"""

from __future__ import annotations

import re
from functools import lru_cache

from lbproxy.wire.http1.errors import BadMessage
from lbproxy.wire.http1.framing import SIZE_LIMIT
from lbproxy.wire.http1.grammar import TOKEN_BYTES
from lbproxy.wire.http1.headers import requestFields, responseFields
from lbproxy.wire.http1.limits import HeadLimits
from lbproxy.wire.http1.scanner import HeadKind, HeadScanner

# Bytes of extensions: of one chunk, and of a whole body (Node stops at 16 KiB too). Nothing in use
# needs more.
EXTENSION_LIMIT = 1024
EXTENSIONS_LIMIT = 16384

# Sixteen digits, the longest extension and the CRLF.
_LINE_ROOM = 16 + EXTENSION_LIMIT + 2

_TOKEN = rb"[" + TOKEN_BYTES + rb"]++"
_QUOTED = rb'"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*+"'
_EXTENSION = (
    rb"[ \t]*+;[ \t]*+" + _TOKEN + rb"(?:[ \t]*+=[ \t]*+(?:" + _TOKEN + rb"|" + _QUOTED + rb"))?+"
)
_SIZE = rb"([0-9A-Fa-f]{1,16}+)"
_plainLine = re.compile(_SIZE + rb"\r\n").match
_oddLine = re.compile(_SIZE + rb"((?:" + _EXTENSION + rb")*+)\r\n").fullmatch
_lineStart = re.compile(_SIZE + rb"(?:[ \t;\r]|\Z)").match
_badByte = re.compile(rb"[^\t\x20-\x7e\x80-\xff\r\n]|\r(?=[^\n])|(?<!\r)\n").search

# RFC 9110 6.5.1: what frames or routes a message can't come after it. Trying is an attack.
_FORBIDDEN = frozenset((b"content-length", b"host", b"transfer-encoding"))
# These are left out: fields of one hop, and fields that control what has happened already when
# trailers arrive.
_DROPPED = frozenset(
    b"connection keep-alive proxy-connection te trailer upgrade http2-settings authorization"
    b" cache-control content-encoding content-range content-type cookie expect forwarded"
    b" max-forwards proxy-authenticate proxy-authorization range set-cookie www-authenticate age"
    b" date expires location retry-after vary via x-forwarded-for x-forwarded-host"
    b" x-forwarded-proto".split()
)


@lru_cache(64)
def _trailerKind(limits: HeadLimits, status: int) -> HeadKind:
    longStatus = 431 if status == 400 else 502
    return HeadKind(limits, status, field="Trailer", longFieldsStatus=longStatus)


class ChunkedBody:
    """
    Decodes a chunked body and drops what only concerns this hop.

    C{trailers} holds (name, value) of those trailers that may be passed on, once C{done}.
    C{remaining} is -1: nobody knows.
    """

    __slots__ = (
        "_connection",
        "_extensions",
        "_left",
        "_limits",
        "_line",
        "_status",
        "_trailerScanner",
        "done",
        "rest",
        "trailers",
    )

    remaining = -1

    def __init__(self, limits: HeadLimits, status: int, connection: frozenset[bytes]) -> None:
        """
        @param status: 400 for a request's body, 502 for a response's.
        @param connection: the head's connection options; trailers of these names are dropped.
        """
        self.done = False
        self.rest = b""
        self.trailers: tuple[tuple[bytes, bytes], ...] = ()
        self._limits = limits
        self._status = status
        self._connection = connection
        self._extensions = 0
        # Bytes to come of the current chunk, its CRLF included; 0 while its size line is read.
        self._left = 0
        # The part of a size line that is here already.
        self._line = b""
        self._trailerScanner: HeadScanner | None = None

    def feed(self, data: bytes) -> bytes:
        """
        @return: the payload in C{data}.
        @raise BadMessage: the coding is broken, or larger than its limits.
        """
        if self._left > len(data) + 1:  # amid a large chunk
            self._left -= len(data)
            return data
        parts: list[bytes] = []
        at, end = 0, len(data)
        while at < end:
            left = self._left
            if left:
                at = self._readChunk(data, at, left, parts)
            elif self._trailerScanner is not None or self.done:
                self._readTrailers(data[at:])
                break
            elif not self._line and data.startswith(b"0\r\n\r\n", at):  # how nearly all bodies end
                self.done = True
                self.rest = data[at + 5 :]
                break
            else:
                at = self._readSize(data, at)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _readChunk(self, data: bytes, at: int, left: int, parts: list[bytes]) -> int:
        stop = at + left
        if left > 1 and data.startswith(b"\r\n", stop - 2):
            parts.append(data[at : stop - 2])
            self._left = 0
            return stop
        if left > 2:
            piece = data[at : stop - 2]
            parts.append(piece)
            at += len(piece)
            left -= len(piece)
        if left <= 2:
            wanted = b"\r\n"[2 - left :]
            given = data[at : at + left]
            if not wanted.startswith(given):
                raise BadMessage(self._status, "badChunk", "a chunk does not end where it should")
            at += len(given)
            left -= len(given)
        self._left = left
        return at

    def _readSize(self, data: bytes, at: int) -> int:
        if self._line or (plain := _plainLine(data, at)) is None:
            return self._readOddSize(data, at)
        self._startChunk(plain.group(1))
        return plain.end()

    def _readOddSize(self, data: bytes, at: int) -> int:
        """
        A size line in pieces, with extensions, or bad.
        """
        known = len(self._line)
        room = at + _LINE_ROOM - known + 1
        newline = data.find(b"\n", at, room)
        stop = newline + 1 or min(len(data), room)
        line = self._line = self._line + data[at:stop]
        if not _lineStart(line) or _badByte(line, max(known - 1, 0), _LINE_ROOM):
            raise BadMessage(self._status, "badChunk", "not a chunk size")
        if len(line) > _LINE_ROOM:
            raise BadMessage(self._status, "longChunkExtension", f"over {EXTENSION_LIMIT} bytes")
        if newline >= 0:
            self._line = b""
            self._endSizeLine(line)
        return stop

    def _endSizeLine(self, line: bytes) -> None:
        found = _oddLine(line)
        if found is None:
            raise BadMessage(self._status, "badChunk", "not a chunk size with extensions")
        size, extension = found.groups()
        self._extensions += len(extension)
        if len(extension) > EXTENSION_LIMIT or self._extensions > EXTENSIONS_LIMIT:
            raise BadMessage(self._status, "longChunkExtension", "too many chunk extensions")
        self._startChunk(size)

    def _startChunk(self, digits: bytes) -> None:
        size = int(digits, 16)
        if size >= SIZE_LIMIT:
            raise BadMessage(self._status, "badChunk", "a chunk of 2**63 bytes or more")
        if size:
            self._left = size + 2
            return
        self._trailerScanner = HeadScanner(_trailerKind(self._limits, self._status))

    def _readTrailers(self, data: bytes) -> None:
        scanner = self._trailerScanner
        if self.done or scanner is None:
            self.rest += data
            return
        if not scanner.feed(data):
            return
        self.done = True
        self.rest = scanner.rest
        if scanner.text != b"\r\n":
            self.trailers = self._keepTrailers(scanner.text)

    def _keepTrailers(self, text: bytes) -> tuple[tuple[bytes, bytes], ...]:
        splitter = requestFields if self._status == 400 else responseFields
        fields = splitter.split(b"\r\n" + text)
        assert fields is not None, "the scanner passes what the fields' grammar refuses"
        kept = []
        for lower, name, value in fields:
            if lower in _FORBIDDEN:
                raise BadMessage(self._status, "badTrailer", f"{lower.decode()} as a trailer")
            if lower not in _DROPPED and lower not in self._connection:
                kept.append((name, value))
        return tuple(kept)

    def eof(self) -> None:
        """
        The peer sends no more.

        @raise BadMessage: the last chunk or the end of the trailers is missing.
        """
        if not self.done:
            raise BadMessage(self._status, "shortBody", "the last chunk is missing")
