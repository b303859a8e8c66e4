"""
Which fields does a head have, and what do those that frame the message mean?
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lbproxy.wire.http1.grammar import TOKEN_BYTES, VALUE_BYTES
from lbproxy.wire.http1.memo import Memo

Field = tuple[bytes, bytes, bytes]

_NAME = rb"([" + TOKEN_BYTES + rb"]++)"
_VALUE = rb":[ \t]*+([" + VALUE_BYTES + rb"]*+)"
# RFC 9112 5.1: whitespace before the colon of a response's field has to be removed by a proxy.
_BLANKS = rb"[ \t]*+"

# A block with more unknown lines than this is read in one pass, which costs less than line by line.
_FEW = 6
# Unknown lines that are remembered from one block: learning takes a few blocks, and costs each
# little.
_LEARN = 4

_NO_OPTIONS: frozenset[bytes] = frozenset()


class HeaderBlock:
    """
    The fields of one head, and what they say about the connection and the body.

    Immutable, and shared by all heads that had the same bytes. C{fields} are (lower-case name, name
    as written, value) in the order received, C{repeats} says whether a name occurs more than once;
    C{contentLength} is -1 where absent; C{connection} holds the lower-case connection options;
    C{upgrade} is the Upgrade field where a C{Connection: upgrade} makes it count, else empty.
    C{memo} is for those who read the block: bytes derived from it, under a key of theirs.
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
        "repeats",
        "upgrade",
        "version",
    )

    def __init__(self, version: int, fields: list[Field]) -> None:
        self.version = version
        self.fields = tuple(fields)
        self._index = index = {lower: value for lower, _, value in fields[::-1]}
        self.repeats = len(index) != len(fields)
        # get(lower) -> the first value or None; the map's own method costs no frame of ours.
        self.get: Callable[[bytes], bytes | None] = index.get
        self.contentLength = -1
        self.chunked = False
        self.connection = _NO_OPTIONS
        self.host = b""
        self.upgrade = b""
        self.expectContinue = False
        self.keepAlive = version == 11
        self.memo: dict[object, Any] = {}

    def getAll(self, lower: bytes) -> list[bytes]:
        """
        @return: every value of the field, in order.
        """
        if self.repeats:
            return [value for name, _, value in self.fields if name == lower]
        value = self.get(lower)
        return [] if value is None else [value]

    def has(self, lower: bytes) -> bool:
        """
        Is there such a field?
        """
        return lower in self._index


class FieldSplitter:
    """
    Splits blocks into fields. Blocks differ, but most of their lines have been seen before: those
    are looked up whole.
    """

    __slots__ = ("_findAll", "_get", "_match", "_memo")

    def __init__(self, lenient: bool) -> None:
        """
        @param lenient: allow whitespace between name and colon.
        """
        field = _NAME + (_BLANKS if lenient else b"") + _VALUE
        self._match = re.compile(field).fullmatch
        # A match starts after a LF and ends with the next one, so it is one whole line; as many
        # matches as lines means that every line is good.
        self._findAll = re.compile(rb"(?<=\n)" + field + rb"\r\n").findall
        self._memo: Memo[Field] = Memo(size=256)
        self._get = self._memo.get

    def split(self, text: bytes) -> list[Field] | None:
        """
        @param text: a start line (its end suffices), field lines, an empty line; each with CRLF.
        @return: the fields, or L{None} if a line is not one.
        """
        lines = text.split(b"\r\n")[1:-2]
        fields = list(map(self._get, lines))
        if all(fields):
            return fields  # type: ignore[return-value]
        unknown = [index for index, field in enumerate(fields) if field is None]
        if len(unknown) > _FEW:
            return self._splitAll(text, lines, unknown[:_LEARN])
        for index in unknown:
            found = self._match(lines[index])
            if found is None:
                return None
            name, value = found.groups()
            fields[index] = field = (name.lower(), name, value.rstrip())
            self._memo.offer(lines[index], field)
        return fields  # type: ignore[return-value]

    def _splitAll(self, text: bytes, lines: list[bytes], learn: list[int]) -> list[Field] | None:
        pairs = self._findAll(text)
        if len(pairs) != len(lines):
            return None
        fields = [(name.lower(), name, value.rstrip()) for name, value in pairs]
        for index in learn:
            self._memo.offer(lines[index], fields[index])
        return fields


requestFields = FieldSplitter(lenient=False)
responseFields = FieldSplitter(lenient=True)
