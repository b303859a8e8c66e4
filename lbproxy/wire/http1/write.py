"""
How are fields and chunks written, so that nothing else can be read into them?
"""

from __future__ import annotations

from collections.abc import Iterable

from lbproxy.wire.http1.grammar import isFieldValue, isToken

LAST_CHUNK = b"0\r\n\r\n"


def encodeChunk(payload: bytes) -> bytes:
    """
    @return: one chunk; nothing for no payload, since an empty chunk would end the body.
    """
    return b"%x\r\n%b\r\n" % (len(payload), payload) if payload else b""


def encodeFields(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """
    @return: a line for each (name, value).
    @raise ValueError: a name that is no token, or a value with a control character: whatever its
        source, it can't end its line.
    """
    lines = []
    for name, value in fields:
        if not isToken(name) or not isFieldValue(value):
            raise ValueError(f"not a header field: {name!r}: {value!r}")
        lines.append(b"%b: %b\r\n" % (name, value))
    return b"".join(lines)


def encodeTrailers(trailers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """
    @return: the last chunk with these trailers.
    @raise ValueError: as L{encodeFields}.
    """
    return b"0\r\n%b\r\n" % encodeFields(trailers)
