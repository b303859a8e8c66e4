"""
Which header fields go on to the other side, and how do they read there?

A renderer turns a parsed L{HeaderBlock} into the bytes that we send on. What it makes depends on
the block and on the route's edits alone, so it is kept in the block's C{memo}: a client or backend
that repeats itself costs one lookup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from email.utils import formatdate
from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING

from lbproxy.l7.templates import Template
from lbproxy.wire.http1 import HeaderBlock

if TYPE_CHECKING:
    from lbproxy.l7.exchange import Exchange

NOTHING: Mapping[str, str] = MappingProxyType({})
# Hyphens in a name up to which all ways to write it are covered; names of ours have four at most.
_MAX_HYPHENS = 8


def withTwins(names: Iterable[bytes]) -> frozenset[bytes]:
    """
    The names, and the same with underscores for hyphens: behind CGI and WSGI C{X_Forwarded_For}
    cannot be told from C{X-Forwarded-For}, so a client could say what only we may.
    """
    return frozenset(twin for name in names for twin in _writtenOtherwise(name))


def _writtenOtherwise(name: bytes) -> Iterable[bytes]:
    first, *others = name.split(b"-")
    if len(others) > _MAX_HYPHENS:
        return name, name.replace(b"-", b"_")
    return (
        first + b"".join(mark + part for mark, part in zip(marks, others, strict=True))
        for marks in product((b"-", b"_"), repeat=len(others))
    )


# RFC 9110 7.6.1: fields for one hop only, whether Connection names them or not. The proxy's own
# credentials (11.7) end at the proxy that they were meant for.
HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"transfer-encoding",
        b"upgrade",
    )
)
# Written anew by us from what we understood, never copied.
_REQUEST_OWN = withTwins(
    HOP_BY_HOP
    | {
        b"host",
        b"content-length",
        b"forwarded",
        b"max-forwards",
        b"via",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"x-request-id",
    }
)
_RESPONSE_OWN = HOP_BY_HOP | {b"content-length"}
# What no longer holds for a body that we compress.
RANGED = frozenset((b"accept-ranges", b"etag"))


class HeaderEdits:
    """
    What a route changes in a set of header fields: C{remove} first, then C{set} (replaces), then
    C{add}.

    @ivar dropped: the lower-case names of which no incoming field survives.
    @ivar lines: the fields put in that are the same for every request, ready to send.
    """

    __slots__ = ("_varying", "dropped", "lines")

    def __init__(
        self,
        set: Mapping[str, str] = NOTHING,
        add: Mapping[str, str] = NOTHING,
        remove: Iterable[str] = (),
    ) -> None:
        """
        @param set: names to values, which may hold placeholders.
        """
        self.dropped = frozenset(name.lower().encode("ascii") for name in (*remove, *set))
        pairs = [
            (name.encode("ascii"), Template(text)) for name, text in (*set.items(), *add.items())
        ]
        self.lines = b"".join(
            b"%b: %b\r\n" % (name, value.fixed) for name, value in pairs if value.fixed is not None
        )
        self._varying = tuple(pair for pair in pairs if pair[1].fixed is None)

    @property
    def varies(self) -> bool:
        """
        Whether L{varying} gives anything at all.
        """
        return bool(self._varying)

    def varying(self, exchange: Exchange) -> bytes:
        """
        The fields put in that differ from request to request.
        """
        if not self._varying:
            return b""
        return b"".join(
            b"%b: %b\r\n" % (name, value.expand(exchange)) for name, value in self._varying
        )


NO_EDITS = HeaderEdits()


class RequestRenderer:
    """
    Request fields towards the backends of one route, without what depends on the client's address
    and without the request's ID.
    """

    __slots__ = ("_cookies", "_drop", "_lines", "_setsHost")

    def __init__(
        self, edits: HeaderEdits = NO_EDITS, cookies: Callable[[bytes], bytes] | None = None
    ) -> None:
        """
        @param cookies: what becomes of a Cookie field's value; empty: the field goes.
        """
        self._cookies = cookies
        self._drop = _REQUEST_OWN | withTwins(edits.dropped)
        if cookies is not None:
            self._drop |= {b"cookie"}
        self._lines = edits.lines
        self._setsHost = b"host" in edits.dropped

    def render(self, block: HeaderBlock, host: bytes) -> bytes:
        """
        @param host: the authority that counts; an absolute-form target's beats the Host field (RFC
            9112 3.2.2).
        @return: lines with C{Host} first and the framing that we understood.
        """
        # RFC 9110 10.1.1: what HTTP/1.0 expects is to be ignored, by everybody.
        drop = self._drop if block.version == 11 else self._drop | {b"expect"}
        named = block.connection
        lines = [] if self._setsHost else [b"Host: %b\r\n" % host]
        lines += [
            b"%b: %b\r\n" % (name, value)
            for lower, name, value in block.fields
            if lower not in drop and lower not in named
        ]
        lines.append(self._lines)
        if self._cookies is not None:
            kept = filter(None, map(self._cookies, block.getAll(b"cookie")))
            lines += [b"Cookie: %b\r\n" % value for value in kept]
        hop = []
        if b"te" in named and _acceptsTrailers(block):
            lines.append(b"TE: trailers\r\n")
            hop.append(b"TE")
        upgrade = upgradeOf(block)
        if upgrade:
            lines.append(b"Upgrade: %b\r\n" % upgrade)
            hop.append(b"Upgrade")
        if hop:
            lines.append(b"Connection: %b\r\n" % b", ".join(hop))
        lines.append(framingLine(block))
        return b"".join(lines)


class ResponseRenderer:
    """
    Response fields towards the clients of one route, without framing and without the affinity
    cookie.
    """

    __slots__ = ("_drop", "_lines", "_setsDate")

    def __init__(
        self, edits: HeaderEdits = NO_EDITS, dropped: frozenset[bytes] = frozenset()
    ) -> None:
        """
        @param dropped: further fields, in lower case, that end here.
        """
        self._drop = _RESPONSE_OWN | edits.dropped | dropped
        self._lines = edits.lines
        self._setsDate = b"date" in edits.dropped

    def render(self, block: HeaderBlock) -> tuple[bytes, bool]:
        """
        @return: the lines, and whether a C{Date} has to be added (RFC 9110 6.6.1).
        """
        drop = self._drop
        named = block.connection
        lines = [
            b"%b: %b\r\n" % (name, value)
            for lower, name, value in block.fields
            if lower not in drop and lower not in named
        ]
        lines.append(self._lines)
        return b"".join(lines), not (self._setsDate or block.has(b"date"))


def framingLine(block: HeaderBlock) -> bytes:
    """
    The one line that says where a body ends, from what was understood of it; empty where there is
    none to say.
    """
    if block.chunked:
        return b"Transfer-Encoding: chunked\r\n"
    if block.contentLength >= 0:
        return b"Content-Length: %d\r\n" % block.contentLength
    return b""


def upgradeOf(block: HeaderBlock) -> bytes:
    """
    The protocols that a request may be upgraded to; empty for none.

    h2c isn't passed on: behind it a client would speak to the backend as if we weren't there. Nor
    is an upgrade behind a body, or one that HTTP/1.0 asks for (RFC 9110 7.8).
    """
    if block.version != 11 or block.chunked or block.contentLength > 0:
        return b""
    return b"" if b"h2c" in block.upgrade.lower() else block.upgrade


def isInvited(given: bytes, wanted: bytes) -> bool:
    """
    Whether a 101 switches to one of the protocols that were asked for.
    """
    asked = {each.strip().lower() for each in wanted.split(b",")}
    return given != b"" and asked.issuperset(each.strip().lower() for each in given.split(b","))


def _acceptsTrailers(block: HeaderBlock) -> bool:
    # RFC 9110 10.1.4: "trailers" is the one member that can be passed on without understanding
    # codings.
    return any(
        item.strip(b" \t").lower() == b"trailers"
        for value in block.getAll(b"te")
        for item in value.split(b",")
    )


class DateLine:
    """
    The C{Date} field, made once a second.
    """

    __slots__ = ("_line", "_second")

    def __init__(self) -> None:
        self._second = -1
        self._line = b""

    def line(self, now: float) -> bytes:
        """
        @param now: seconds since the epoch.
        """
        second = int(now)
        if second != self._second:
            self._second = second
            self._line = b"Date: %b\r\n" % formatdate(second, usegmt=True).encode("ascii")
        return self._line
