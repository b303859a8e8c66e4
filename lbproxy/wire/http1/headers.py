"""
Which fields does a head have, and what do those that frame the message mean?
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lbproxy.wire.http1.grammar import TOKEN_BYTES, VALUE_BYTES

Field = tuple[bytes, bytes, bytes]

# One pass finds and checks all field lines. A match starts after a LF and ends with the next one,
# so it is one whole line; as many matches as lines means that every line is good. OWS before the
# value is skipped here.
_NAME = rb"(?<=\n)([" + TOKEN_BYTES + rb"]++)"
_VALUE = rb":[ \t]*+([" + VALUE_BYTES + rb"]*+)\r\n"
_strictFields = re.compile(_NAME + _VALUE).findall
# RFC 9112 5.1: whitespace before the colon of a response's field has to be removed by a proxy.
_lenientFields = re.compile(_NAME + rb"[ \t]*+" + _VALUE).findall


class HeaderBlock:
    """
    The fields of one head, and what they say about the connection and the body.

    Immutable, and shared by all heads that had the same bytes. C{fields} are (lower-case name, name
    as written, value) in the order received; C{contentLength} is -1 where absent; C{connection}
    holds the lower-case connection options; C{upgrade} is the Upgrade field where a C{Connection:
    upgrade} makes it count, else empty. C{memo} is for those who read the block: bytes derived from
    it, under a key of theirs.
    """

    __slots__ = (
        "_index",
        "chunked",
        "connection",
        "contentLength",
        "expectContinue",
        "fields",
        "get",
        "host",
        "keepAlive",
        "memo",
        "upgrade",
        "version",
    )

    def __init__(self, version: int, fields: tuple[Field, ...]) -> None:
        self.version = version
        self.fields = fields
        self._index = index = {lower: value for lower, _, value in reversed(fields)}
        # get(lower) -> the first value or None; the map's own method costs no frame of ours.
        self.get: Callable[[bytes], bytes | None] = index.get
        self.contentLength = -1
        self.chunked = False
        self.connection: frozenset[bytes] = frozenset()
        self.host = b""
        self.upgrade = b""
        self.expectContinue = False
        self.keepAlive = version == 11
        self.memo: dict[object, Any] = {}

    def getAll(self, lower: bytes) -> list[bytes]:
        """
        @return: every value of the field, in order.
        """
        return [value for name, _, value in self.fields if name == lower]

    def has(self, lower: bytes) -> bool:
        """
        Is there such a field?
        """
        return lower in self._index

    @property
    def repeats(self) -> bool:
        """
        Does any field occur more than once?
        """
        return len(self._index) != len(self.fields)


def splitFields(text: bytes, lines: int, lenient: bool) -> tuple[Field, ...] | None:
    """
    @param text: a start line (its end suffices), CRLF, field lines, empty line.
    @param lines: how many LFs in C{text} do not end a field line.
    @return: the fields, or L{None} if a line is not one.
    """
    pairs = _lenientFields(text) if lenient else _strictFields(text)
    if len(pairs) != text.count(b"\n") - lines:
        return None
    if b" \r\n" in text or b"\t\r\n" in text:
        return tuple([(name.lower(), name, value.rstrip()) for name, value in pairs])
    return tuple([(name.lower(), name, value) for name, value in pairs])
