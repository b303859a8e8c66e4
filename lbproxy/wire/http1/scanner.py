"""
Where does this head end, or which byte makes it hopeless?

The readers take a whole, good head in one step. Everything else comes here: heads in pieces and
heads with a fault. Lines are checked in order and a line's bytes before its grammar, so the verdict
depends on the bytes alone, never on how they were cut, and it falls as soon as the offending byte
is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lbproxy.wire.http1.errors import BadMessage
from lbproxy.wire.http1.grammar import TOKEN_BYTES
from lbproxy.wire.http1.limits import HeadLimits

# RFC 9112 2.2: a CR without its LF and a LF without its CR end nothing, anywhere. A CR that is the
# last byte so far is not judged yet.
_BARE = rb"|\r(?=[^\n])|(?<!\r)\n"
_badFieldByte = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]" + _BARE).search
_badRequestByte = re.compile(rb"[^\x20-\x7e\r\n]" + _BARE).search
_strictName = re.compile(rb"[" + TOKEN_BYTES + rb"]++:").match
_lenientName = re.compile(rb"[" + TOKEN_BYTES + rb"]++[ \t]*+:").match


@dataclass(frozen=True, slots=True)
class HeadKind:
    """
    How one kind of head is read, and what is said when it is bad.

    C{checkLine} takes the start line without CRLF and raises L{BadMessage}; a trailer section has
    no start line and L{None} here. C{what} names the start line in codes and C{field} the field
    lines.
    """

    limits: HeadLimits
    status: int
    checkLine: Callable[[bytes], Any] | None = None
    what: str = ""
    field: str = "Header"
    longLineStatus: int = 502
    longFieldsStatus: int = 502
    # RFC 9112 2.2: a server ignores at least one empty line before a request line. We ignore one.
    leadingLine: bool = False
    prefix: bytes = b""


class HeadScanner:
    """
    Collects one head from pieces. Bytes are looked at once.

    C{startLine} is what C{checkLine} made of it; after C{feed} said C{True}, C{text} is the whole
    head with its empty line and C{rest} what came after it.
    """

    __slots__ = (
        "_buffer",
        "_checked",
        "_count",
        "_fieldsStart",
        "_kind",
        "_lineStart",
        "_skipped",
        "rest",
        "startLine",
        "text",
    )

    def __init__(self, kind: HeadKind) -> None:
        self._kind = kind
        self._buffer = bytearray()
        self._checked = 0
        self._lineStart = 0
        self._fieldsStart = 0 if kind.checkLine is None else -1
        self._count = 0
        self._skipped = not kind.leadingLine
        self.startLine: Any = None
        self.text = b""
        self.rest = b""

    @property
    def pending(self) -> bool:
        """
        Is there a part of a head? The empty line that may come before one is none.
        """
        return bool(self._buffer)

    def feed(self, data: bytes) -> bool:
        """
        @return: is the head complete?
        @raise BadMessage: it can't become a good one any more.
        """
        buffer = self._buffer
        buffer += data
        while True:
            end = buffer.find(b"\n", self._checked)
            stop = end + 1 or len(buffer)
            self._checkBytes(stop)
            self._checked = stop
            if end < 0:
                return False
            if self._endLine(bytes(buffer[self._lineStart : end - 1])):
                self.text = bytes(buffer[:stop])
                self.rest = bytes(buffer[stop:])
                return True

    def _checkBytes(self, stop: int) -> None:
        """
        Check the new bytes of the current line, up to C{stop}. Those over the limit aren't looked
        at, so that it doesn't matter how many of them are here already.
        """
        kind, buffer, start = self._kind, self._buffer, self._lineStart
        inFields = self._fieldsStart >= 0
        if inFields:
            room = self._fieldsStart + kind.limits.headers
            search = _badFieldByte
        else:
            room = start + kind.limits.line + 2
            search = _badRequestByte if kind.status == 400 else _badFieldByte
            given = bytes(buffer[start : start + len(kind.prefix)])
            if not kind.prefix.startswith(given):
                raise BadMessage(kind.status, f"bad{kind.what}", "this is not HTTP")
        found = search(buffer, max(start, self._checked - 1), min(stop, room))
        if found is not None:
            self._refuseByte(found.group(), kind.field if inFields else kind.what)
        if stop > room:
            self._refuseSize(inFields)

    def _refuseByte(self, byte: bytes, where: str) -> None:
        if byte in b"\r\n":
            raise BadMessage(self._kind.status, "badLineEnd", "a CR or LF on its own")
        raise BadMessage(self._kind.status, f"bad{where}", f"byte 0x{byte[0]:02x}")

    def _refuseSize(self, inFields: bool) -> None:
        kind = self._kind
        if inFields:
            raise BadMessage(
                kind.longFieldsStatus, f"long{kind.field}s", f"over {kind.limits.headers} bytes"
            )
        raise BadMessage(kind.longLineStatus, f"long{kind.what}", f"over {kind.limits.line} bytes")

    def _endLine(self, line: bytes) -> bool:
        """
        @return: was this the empty line that ends the head?
        """
        if self._fieldsStart >= 0:
            if not line:
                return True
            self._checkField(line)
        elif not line and not self._skipped:
            self._skipped = True
            del self._buffer[: self._checked]
            self._checked = 0
        else:
            assert self._kind.checkLine is not None
            self.startLine = self._kind.checkLine(line)
            self._fieldsStart = self._checked
        self._lineStart = self._checked
        return False

    def _checkField(self, line: bytes) -> None:
        kind = self._kind
        self._count += 1
        if self._count > kind.limits.count:
            raise BadMessage(
                kind.longFieldsStatus, f"many{kind.field}s", f"over {kind.limits.count} fields"
            )
        if line[0] in b" \t":
            # RFC 9112 5.2: obs-fold may be refused; whoever still joins lines reads another
            # message.
            raise BadMessage(kind.status, f"bad{kind.field}", "a line continues the one before it")
        if not (_strictName(line) if kind.status == 400 else _lenientName(line)):
            raise BadMessage(kind.status, f"bad{kind.field}", "the name is not a token and a colon")
