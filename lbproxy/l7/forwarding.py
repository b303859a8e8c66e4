"""
Who is the client really, and what do backends get to hear of it?

C{X-Forwarded-*} and C{Forwarded} (RFC 7239) are believed only when the connection comes from a
trusted proxy, and then read from right to left up to the first address that is not trusted itself.
What a stranger sends is replaced.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass

from lbproxy.wire.http1 import HeaderBlock

_PSEUDONYM = b"lbproxy"
# More hops than anybody has; what is further left is not read (a bound on work per request).
_MAX_HOPS = 64
_HOST = re.compile(rb"[0-9A-Za-z._:\[\]%-]{1,255}\Z")


@dataclass(frozen=True, slots=True)
class Hop:
    """
    What the connection itself shows of its client side.

    @ivar peer: the peer's address as numeric text; empty over a UNIX socket.
    """

    peer: str
    secure: bool
    trusted: bool


def clientAddress(hop: Hop, block: HeaderBlock, isTrusted: Callable[[str], bool]) -> str:
    """
    The address of the client: the peer's, or what trusted proxies say of it.
    """
    if not hop.trusted:
        return hop.peer
    client = hop.peer
    for text in reversed(_chain(block)[-_MAX_HOPS:]):
        address = _numeric(text)
        if not address:
            break
        client = address
        if not isTrusted(address):
            break
    return client


def forwardedLines(hop: Hop, block: HeaderBlock, host: bytes, version: int) -> bytes:
    """
    The lines C{X-Forwarded-For/-Proto/-Host}, C{Forwarded} and C{Via} for one request.
    """
    peer = hop.peer.encode("ascii") or b"unknown"
    scheme = b"https" if hop.secure else b"http"
    chain, proto, seenHost, element = [peer], scheme, host, b""
    if hop.trusted:
        chain = [text.encode("ascii", "replace") for text in _chain(block)] + [peer]
        proto = _firstScheme(block) or scheme
        seenHost = _firstHost(block) or host
        nodes = block.getAll(b"forwarded") or [b"for=" + _node(each) for each in chain[:-1]]
        element = b"".join(b"%b, " % node for node in nodes)
    return b"".join(
        (
            b"X-Forwarded-For: %b\r\n" % b", ".join(chain),
            b"X-Forwarded-Proto: %b\r\n" % proto,
            b"X-Forwarded-Host: %b\r\n" % seenHost if seenHost else b"",
            b"Forwarded: %bfor=%b;proto=%b%b\r\n"
            % (element, _node(peer), scheme, b';host="%b"' % host if host else b""),
            _viaLine(block, version),
        )
    )


def _viaLine(block: HeaderBlock, version: int) -> bytes:
    # RFC 9110 7.6.3: a gateway MUST add itself to requests.
    received = b"1.1" if version == 11 else b"1.0"
    return b"Via: %b\r\n" % b", ".join((*block.getAll(b"via"), b"%b %b" % (received, _PSEUDONYM)))


def _chain(block: HeaderBlock) -> list[str]:
    """
    The addresses trusted proxies passed on, left to right: X-Forwarded-For where there is one,
    else Forwarded.
    """
    values = block.getAll(b"x-forwarded-for")
    if values:
        return [
            part.strip() for part in b",".join(values).decode("latin-1").split(",") if part.strip()
        ]
    elements = b",".join(block.getAll(b"forwarded")).decode("latin-1").split(",")
    return [node for node in map(_forNode, elements) if node]


def _forNode(element: str) -> str:
    for pair in element.split(";"):
        name, _, value = pair.strip().partition("=")
        if name.lower() == "for":
            return value.strip().strip('"')
    return ""


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
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def _node(peer: bytes) -> bytes:
    # RFC 7239 6: an IPv6 address is bracketed and quoted.
    return b'"[%b]"' % peer if b":" in peer else peer


def _firstScheme(block: HeaderBlock) -> bytes:
    value = (block.get(b"x-forwarded-proto") or b"").partition(b",")[0].strip().lower()
    return value if value in (b"http", b"https") else b""


def _firstHost(block: HeaderBlock) -> bytes:
    value = (block.get(b"x-forwarded-host") or b"").partition(b",")[0].strip()
    return value if _HOST.match(value) else b""
