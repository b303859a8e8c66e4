"""
Who is the client really, and what do backends get to hear of it?

C{X-Forwarded-*} and C{Forwarded} (RFC 7239) are believed only when the connection comes from a
trusted proxy, and then read from right to left up to the first address that is not trusted itself.
What a stranger sends is replaced.

One header is read, not both: C{X-Forwarded-For} where there is one, else C{Forwarded}. Backends get
both, made from what was read; the other one was perhaps handed on unseen by the proxies before us.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from lbproxy.wire.http1 import HeaderBlock

_NAMES = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"forwarded", b"via")
# More hops than anybody has; what is further left is not read (a bound on work per request).
_MAX_HOPS = 64
_HOST = re.compile(rb"[0-9A-Za-z._:\[\]%-]{1,255}\Z")

_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# RFC 7239 4, and what senders forget to quote: colons and brackets. Commas and semicolons within
# quotes are not understood: whoever takes them for separators reads something else.
_VALUE = r"[!#$%&'*+.^_`|~0-9A-Za-z:\[\]-]+"
_QUOTED = r'"[ !#-+\--:<-\[\]-~]*"'
_PAIR = rf"({_NAME})=({_VALUE}|{_QUOTED})"
_isElement = re.compile(rf"{_PAIR}(?:;{_PAIR})*").fullmatch
_findPairs = re.compile(_PAIR).findall


@dataclass(slots=True)
class Hop:
    """
    What the connection itself shows of its client side.

    @ivar peer: the peer's address as numeric text; empty over a UNIX socket.
    @ivar parts: of a stranger's lines, what all of his requests have in common.
    """

    peer: str
    secure: bool
    trusted: bool
    parts: tuple[bytes, bytes] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class _Told:
    """
    What the proxies before us say, hop by hop from left to right.

    @ivar nodes: addresses as numeric text, empty for what is none.
    @ivar protos: the schemes, as many as there are nodes if each has its own.
    @ivar hosts: likewise the hosts.
    @ivar elements: the nodes as elements of C{Forwarded}.
    """

    nodes: Sequence[str]
    protos: Sequence[bytes]
    hosts: Sequence[bytes]
    elements: Sequence[bytes]


def clientAddress(hop: Hop, block: HeaderBlock, isTrusted: Callable[[str], bool]) -> str:
    """
    The address of the client: the peer's, or what trusted proxies say of it.
    """
    client = hop.peer
    if hop.trusted:
        for address in reversed(_told(block).nodes):
            if not address:
                break
            client = address
            if not isTrusted(address):
                break
    return client


def forwardedLines(
    hop: Hop,
    block: HeaderBlock,
    host: bytes,
    client: str = "",
    without: Collection[bytes] = (),
) -> bytes:
    """
    The lines C{X-Forwarded-For/-Proto/-Host}, C{Forwarded} and C{Via} for one request.

    @param client: what L{clientAddress} found.
    @param without: lower-case names of lines that are left out.
    """
    if not (hop.trusted or without or host == b"" or block.get(b"via")) and block.version == 11:
        # Of a stranger's header nothing but the host counts.
        before, element = hop.parts or _parts(hop)
        return b"".join((before, host, element, b';host="', host, b'"\r\nVia: 1.1 lbproxy\r\n'))
    peer = hop.peer.encode("ascii") or b"unknown"
    scheme = b"https" if hop.secure else b"http"
    proto, seenHost, before, elements = scheme, host, b"", b""
    if hop.trusted:
        told = _told(block)
        proto = _ofClient(told.protos, told.nodes, client) or scheme
        seenHost = _ofClient(told.hosts, told.nodes, client) or host
        before = b"".join([b"%b, " % (node.encode("ascii") or b"unknown") for node in told.nodes])
        elements = b"".join([b"%b, " % element for element in told.elements])
    lines: tuple[bytes, ...] = (
        b"X-Forwarded-For: %b%b\r\n" % (before, peer),
        b"X-Forwarded-Proto: %b\r\n" % proto,
        b"X-Forwarded-Host: %b\r\n" % seenHost if seenHost else b"",
        b"Forwarded: %bfor=%b;proto=%b%b\r\n"
        % (elements, _node(peer), scheme, b';host="%b"' % host if host else b""),
        _viaLine(block),
    )
    if without:
        lines = tuple(each for each, name in zip(lines, _NAMES, strict=True) if name not in without)
    return b"".join(lines)


def _parts(hop: Hop) -> tuple[bytes, bytes]:
    peer = hop.peer.encode("ascii") or b"unknown"
    scheme = b"https" if hop.secure else b"http"
    hop.parts = (
        b"X-Forwarded-For: %b\r\nX-Forwarded-Proto: %b\r\nX-Forwarded-Host: " % (peer, scheme),
        b"\r\nForwarded: for=%b;proto=%b" % (_node(peer), scheme),
    )
    return hop.parts


def _viaLine(block: HeaderBlock) -> bytes:
    # RFC 9110 7.6.3: a gateway MUST add itself to requests.
    ours = b"1.1 lbproxy" if block.version == 11 else b"1.0 lbproxy"
    return b"Via: %b\r\n" % b", ".join((*block.getAll(b"via"), ours))


def _told(block: HeaderBlock) -> _Told:
    told: _Told | None = block.memo.get(_Told)
    if told is None:
        told = block.memo[_Told] = _read(block)
    return told


def _read(block: HeaderBlock) -> _Told:
    values = block.getAll(b"x-forwarded-for")
    if not values and block.has(b"forwarded"):
        return _toldByElements(_split(block.getAll(b"forwarded")))
    nodes = [_numeric(text) for text in _split(values)]
    return _Told(
        nodes,
        [_scheme(text) for text in _split(block.getAll(b"x-forwarded-proto"))],
        [_host(text) for text in _split(block.getAll(b"x-forwarded-host"))],
        [b"for=" + _node(node.encode("ascii") or b"unknown") for node in nodes],
    )


def _toldByElements(elements: Sequence[str]) -> _Told:
    parsed = [_parameters(element) for element in elements]
    nodes = [_numeric(parameters.get("for", "")) for parameters in parsed]
    return _Told(
        nodes,
        [_scheme(parameters.get("proto", "")) for parameters in parsed],
        [_host(parameters.get("host", "")) for parameters in parsed],
        [
            element.encode("ascii") if parameters else b"for=unknown"
            for element, parameters in zip(elements, parsed, strict=True)
        ],
    )


def _ofClient(values: Sequence[bytes], nodes: Sequence[str], client: str) -> bytes:
    """
    Which of the values is the client's own: the one in its place, else the one nearest to us.
    """
    if len(values) == len(nodes):
        for value, node in zip(reversed(values), reversed(nodes), strict=True):
            if node == client:
                return value
    return values[-1] if values else b""


def _split(values: Sequence[bytes]) -> list[str]:
    parts = b",".join(values).decode("latin-1").split(",")
    return [text for part in parts if (text := part.strip(" \t"))][-_MAX_HOPS:]


def _parameters(element: str) -> dict[str, str]:
    """
    What an element of C{Forwarded} says; nothing if not all of it can be read.
    """
    if not _isElement(element):
        return {}
    return {name.lower(): value.strip('"') for name, value in _findPairs(element)}


def _numeric(text: str) -> str:
    """
    The address in C{text}, which may carry a port (C{1.2.3.4:99}, C{[::1]:99}); empty when it
    holds none.
    """
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        socket.inet_pton(socket.AF_INET, text)
    except (OSError, ValueError):
        return _numericSix(text)
    return text


def _numericSix(text: str) -> str:
    # A zone (C{%eth0}) means nothing on another machine, and is refused here.
    try:
        address = ipaddress.IPv6Address(socket.inet_pton(socket.AF_INET6, text))
    except (OSError, ValueError):
        return ""
    # An IPv4 client of somebody's dual-stack socket: rules for IPv4 are meant for it.
    return str(address.ipv4_mapped or address)


def _node(peer: bytes) -> bytes:
    # RFC 7239 6: an IPv6 address is bracketed and quoted.
    return b'"[%b]"' % peer if b":" in peer else peer


def _scheme(text: str) -> bytes:
    value = text.lower().encode("latin-1")
    return value if value in (b"http", b"https") else b""


def _host(text: str) -> bytes:
    value = text.encode("latin-1")
    return value if _HOST.match(value) else b""
