"""
Which path does a request mean, when routes are matched?
"""

from __future__ import annotations

import re

from lbproxy.wire.http1.errors import BadMessage

# No escape, no backslash, no empty segment but a last one, no segment like a dot segment: nothing
# to do.
_plain = re.compile(rb"(?:/(?:[^/.%\\]|\.[^/.;%\\])[^/%\\]*+)*+/?+").fullmatch
_twoReadings = re.compile(rb"//|\\|%2F|%5C|/\.\.?;").search
_escaped = re.compile(rb"%([0-9A-Fa-f]{2})")
_unreserved = re.compile(rb"[A-Za-z0-9._~-]").fullmatch
_dotSegment = re.compile(rb"(\.\.?+);[^/]*+").fullmatch

# What two hex digits stand for, both cases; control characters are missing.
_meaning = {
    bytes((high, low)): bytes((byte,))
    for high in b"0123456789abcdefABCDEF"
    for low in b"0123456789abcdefABCDEF"
    if (byte := int(bytes((high, low)), 16)) >= 0x20 and byte != 0x7F
}
_keeping = dict(_meaning)
_KEPT = (b"2F", b"2f", b"5C", b"5c")
_keeping.update({digits: b"%" + digits.upper() for digits in _KEPT})


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
    decoded = _decode(rawPath, _keeping)
    oneReading = not _twoReadings(decoded)
    if b"/." in decoded:
        decoded = _removeDots(decoded)
    if oneReading:
        return PathForm(decoded)
    other = _removeDots(_decode(rawPath, _meaning).replace(b"\\", b"/"), merge=True)
    return PathForm(decoded, other)


def canonicalPath(rawPath: bytes) -> bytes:
    """
    The same path, still encoded (RFC 3986 6.2.2): escapes of unreserved characters decoded, dot
    segments gone.

    @raise BadMessage: 400 C{"badPath"}: dot segments climb above the root.
    """
    return _removeDots(_escaped.sub(_decodeUnreserved, rawPath))


def _decodeUnreserved(found: re.Match[bytes]) -> bytes:
    byte = b"%c" % int(found.group(1), 16)
    return byte if _unreserved(byte) else found.group().upper()


def _decode(path: bytes, table: dict[bytes, bytes]) -> bytes:
    """
    Decode percent escapes, once.
    """
    first, *others = path.split(b"%")
    pieces = [first]
    for part in others:
        digits = part[:2]
        meaning = table.get(digits)
        if meaning is None:
            raise BadMessage(400, "badPath", "a bad escape, or an encoded control character")
        if meaning == b"%" and table is _keeping and part[2:4] in _KEPT:
            # "%252F" means the three characters "%2F": decoding it would make it a kept escape.
            meaning = b"%25"
        pieces.append(meaning + part[2:])
    return b"".join(pieces)


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
