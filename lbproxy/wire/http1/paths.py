"""
Which path does a request mean, when routes are matched?
"""

from __future__ import annotations

import re

from lbproxy.wire.http1.errors import BadMessage

# No escape, no backslash, no empty segment but a last one, no segment that starts with a dot:
# nothing to do.
_plain = re.compile(rb"(?:/[^/.%\\][^/%\\]*+)*+/?+").fullmatch
_escape = re.compile(rb"%([0-9A-Fa-f]{2})?+")
_dotSegment = re.compile(rb"(\.\.?+);[^/]*+").fullmatch


class PathForm:
    """
    A path as routes see it.

    C{decoded}: percent escapes decoded once, dot segments gone; an encoded slash or backslash stays
    encoded, in upper case. C{ambiguous} is L{None} for a path that everybody reads alike; otherwise
    it is the other way to read it (slashes and backslashes decoded, empty segments merged, C{..;x}
    taken for C{..}), and a router has to refuse the request if that one would get another route.
    """

    __slots__ = ("ambiguous", "decoded")

    def __init__(self, decoded: bytes, ambiguous: bytes | None = None) -> None:
        self.decoded = decoded
        self.ambiguous = ambiguous

    def __repr__(self) -> str:
        return f"<PathForm {self.decoded!r} ambiguous={self.ambiguous!r}>"


def normalizePath(rawPath: bytes) -> PathForm:
    """
    @param rawPath: of a request's target, without the query.
    @raise BadMessage: 400 C{"badPath"}: an escape that is none, a control character, or dot
        segments that climb above the root.
    """
    if _plain(rawPath) or rawPath == b"*":
        return PathForm(rawPath)
    kept = _escape.sub(_decode, rawPath)
    decoded = _removeDots(kept)
    other = kept.replace(b"%2F", b"/").replace(b"%5C", b"/").replace(b"\\", b"/")
    other = _removeDots(other, merge=True)
    return PathForm(decoded, None if other == decoded else other)


def _decode(found: re.Match[bytes]) -> bytes:
    digits = found.group(1)
    if digits is None:
        raise BadMessage(400, "badPath", "a percent sign without two hex digits")
    byte = int(digits, 16)
    if byte < 0x20 or byte == 0x7F:
        raise BadMessage(400, "badPath", "an encoded control character")
    if byte in b"/\\":
        return b"%%%02X" % byte
    return b"%c" % byte


def _removeDots(path: bytes, merge: bool = False) -> bytes:
    """
    RFC 3986 5.2.4, but climbing above the root is an error.
    """
    kept: list[bytes] = []
    segments = path.split(b"/")[1:]
    last = len(segments) - 1
    for index, segment in enumerate(segments):
        if merge and (odd := _dotSegment(segment)):
            segment = odd.group(1)
        if segment == b"..":
            if not kept:
                raise BadMessage(400, "badPath", "dot segments climb above the root")
            kept.pop()
        if segment == b".." or segment == b".":
            if index == last:
                kept.append(b"")
        elif segment or not merge or index == last:
            kept.append(segment)
    return b"/" + b"/".join(kept)
