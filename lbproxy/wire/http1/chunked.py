"""
Where are the chunks of a chunked body (RFC 9112 7.1), and what came as trailers?
"""

from __future__ import annotations

import re

from lbproxy.wire.http1.errors import BadMessage
from lbproxy.wire.http1.framing import SIZE_LIMIT
from lbproxy.wire.http1.grammar import TOKEN_BYTES
from lbproxy.wire.http1.headers import splitFields
from lbproxy.wire.http1.limits import HeadLimits
from lbproxy.wire.http1.scanner import HeadKind, HeadScanner

# Bytes of extensions: of one chunk, and of a whole body (Node stops at 16 KiB too). Nothing in use
# needs more.
EXTENSION_LIMIT = 1024
EXTENSIONS_LIMIT = 16384

# Sixteen digits, the CRLF and the longest extension.
_LINE_ROOM = 16 + EXTENSION_LIMIT + 2

_TOKEN = rb"[" + TOKEN_BYTES + rb"]++"
_QUOTED = rb'"(?:[\t\x20\x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*+"'
_EXTENSION = (
    rb"[ \t]*+;[ \t]*+" + _TOKEN + rb"(?:[ \t]*+=[ \t]*+(?:" + _TOKEN + rb"|" + _QUOTED + rb"))?+"
)
# A plain size line, with the CRLF of the chunk before it where there is one.
_plainLine = re.compile(rb"([0-9A-Fa-f]{1,16}+)\r\n").match
_line = re.compile(rb"([0-9A-Fa-f]{1,16}+)((?:" + _EXTENSION + rb")*+)\r\n").fullmatch
_badByte = re.compile(rb"[^\t\x20-\x7e\x80-\xff\r\n]|\r(?=[^\n])|(?<!\r)\n").search

# RFC 9110 6.5.1: what frames or routes a message can't come after it. Trying is an attack.
_FORBIDDEN = frozenset((b"content-length", b"host", b"transfer-encoding"))
# These are left out: fields of one hop, and fields which control what has happened already when
# trailers arrive.
_DROPPED = frozenset(
    b"connection keep-alive proxy-connection te trailer upgrade authorization cache-control"
    b" content-encoding content-range content-type cookie expect forwarded max-forwards"
    b" proxy-authenticate proxy-authorization range set-cookie www-authenticate age date expires"
    b" location retry-after vary via x-forwarded-for x-forwarded-host x-forwarded-proto".split()
)


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
        if self._left > len(data) + 2:  # amid a large chunk
            self._left -= len(data)
            return data
        parts: list[bytes] = []
        at, end = 0, len(data)
        while at < end and not self.done:
            if self._trailerScanner is not None:
                self._readTrailers(self._trailerScanner, data[at:])
                break
            if self._left:
                at = self._readData(data, at, parts)
            else:
                at = self._readSize(data, at)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _readData(self, data: bytes, at: int, parts: list[bytes]) -> int:
        left = self._left
        if left > 2:
            piece = data[at : at + left - 2]
            parts.append(piece)
            self._left = left = left - len(piece)
            at += len(piece)
        wanted = b"\r\n"[2 - left :] if left <= 2 else b""
        given = data[at : at + len(wanted)]
        if not wanted.startswith(given):
            raise BadMessage(self._status, "badChunk", "a chunk does not end where it should")
        self._left -= len(given)
        return at + len(given)

    def _readSize(self, data: bytes, at: int) -> int:
        if not self._line and (plain := _plainLine(data, at)) is not None:
            self._startChunk(plain.group(1))
            return plain.end()
        return self._readOddSize(data, at)

    def _readOddSize(self, data: bytes, at: int) -> int:
        """
        A size line in pieces, with extensions, or bad.
        """
        known = len(self._line)
        newline = data.find(b"\n", at, at + _LINE_ROOM - known + 1)
        stop = newline + 1 or min(len(data), at + _LINE_ROOM - known + 1)
        self._line += data[at:stop]
        line = self._line
        if _badByte(line, max(known - 1, 0), _LINE_ROOM):
            raise BadMessage(self._status, "badChunk", "a byte that does not belong in a size line")
        if len(line) > _LINE_ROOM:
            raise BadMessage(self._status, "longChunkExtension", f"over {EXTENSION_LIMIT} bytes")
        if newline >= 0:
            self._line = b""
            self._endSizeLine(line)
        return stop

    def _endSizeLine(self, line: bytes) -> None:
        found = _line(line)
        if found is None:
            raise BadMessage(self._status, "badChunk", "not a chunk size")
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
        longStatus = 431 if self._status == 400 else 502
        kind = HeadKind(
            self._limits, self._status, None, field="Trailer", longFieldsStatus=longStatus
        )
        self._trailerScanner = HeadScanner(kind)

    def _readTrailers(self, scanner: HeadScanner, data: bytes) -> None:
        if not scanner.feed(data):
            return
        self.done = True
        self.rest = scanner.rest
        if scanner.text != b"\r\n":
            self.trailers = self._keepTrailers(scanner.text)

    def _keepTrailers(self, text: bytes) -> tuple[tuple[bytes, bytes], ...]:
        fields = splitFields(b"\n" + text, 2, lenient=self._status != 400)
        assert fields is not None, "the scanner passes what the fields' grammar refuses"
        kept = []
        for lower, name, value in fields:
            if lower in _FORBIDDEN:
                raise BadMessage(
                    self._status, "badTrailer", f"{lower.decode()} does not belong in a trailer"
                )
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
