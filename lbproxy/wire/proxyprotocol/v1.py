"""
What does a line of version 1 say, and how is it written? One line of ASCII.
"""

from __future__ import annotations

import socket
from typing import Final

from lbproxy.config.address import Address
from lbproxy.wire.proxyprotocol.addresses import inetFamily
from lbproxy.wire.proxyprotocol.header import BadProxyHeader, ProxyHeader, Transport

PREFIX: Final = b"PROXY "

#: Bytes of the longest line, its CRLF included: UNKNOWN with the longest addresses.
MAX_LINE: Final = 107

_FAMILIES: Final = {b"TCP4": socket.AF_INET, b"TCP6": socket.AF_INET6}
_NAMES: Final = {socket.AF_INET: "TCP4", socket.AF_INET6: "TCP6"}

_UNKNOWN_LINE: Final = b"PROXY UNKNOWN\r\n"
_UNKNOWN: Final = ProxyHeader(transport=Transport.UNSPECIFIED, version=1)


def lineEnd(data: bytes | bytearray) -> int:
    """
    Where the line that C{data} begins with ends.

    @return: the index after its CRLF, 0 when that has not come yet.
    @raise BadProxyHeader: it is too long, or ends in something else.
    """
    # RFC-like leniency has no place here: a lone CR or LF is an error, says the specification.
    end = data.find(b"\n", 0, MAX_LINE)
    first = data.find(b"\r", 0, MAX_LINE)
    if first >= 0 and first + 1 < len(data) and end != first + 1:
        raise BadProxyHeader("CR without LF")
    if end >= 0:
        if first != end - 1:
            raise BadProxyHeader("LF without CR")
        return end + 1
    if len(data) >= MAX_LINE:
        raise BadProxyHeader(f"no CRLF in {MAX_LINE} bytes")
    return 0


def parseV1(line: bytes) -> ProxyHeader:
    """
    @param line: with its CRLF.
    @raise BadProxyHeader: it says nothing or too much.
    """
    words = line[:-2].split(b" ")
    if words[0] != b"PROXY" or len(words) < 2:
        raise BadProxyHeader("no PROXY line")
    if words[1] == b"UNKNOWN":
        return _UNKNOWN  # whatever follows is to be ignored
    family = _FAMILIES.get(words[1])
    if family is None:
        raise BadProxyHeader("unknown protocol")
    if len(words) != 6:
        raise BadProxyHeader("wanted two addresses and two ports, one space between")
    source = Address(_host(family, words[2]), _port(words[4]))
    destination = Address(_host(family, words[3]), _port(words[5]))
    return ProxyHeader(Transport.STREAM, source, destination, version=1)


def encodeV1(header: ProxyHeader) -> bytes:
    """
    The line; what version 1 has no word for (UNIX sockets, UDP, no addresses) is C{UNKNOWN}.
    """
    source, destination = header.source, header.destination
    if source is None or destination is None or header.transport is not Transport.STREAM:
        return _UNKNOWN_LINE
    found = inetFamily(source.host, destination.host)
    if found is None:
        return _UNKNOWN_LINE
    family, *packed = found
    hosts = " ".join(socket.inet_ntop(family, address) for address in packed)
    line = f"PROXY {_NAMES[family]} {hosts} {source.port} {destination.port}\r\n"
    return line.encode("ascii")


def _host(family: socket.AddressFamily, text: bytes) -> str:
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, text.decode("ascii")))
    except (OSError, ValueError) as error:
        raise BadProxyHeader("not an address of that family") from error


def _port(text: bytes) -> int:
    # The digits, not int()'s idea of a number: that takes "+1", "1_0" and " 1".
    if not text.isdigit() or len(text) > 5 or (text[0] == 0x30 and len(text) > 1):
        raise BadProxyHeader("not a port")
    port = int(text)
    if port > 65535:
        raise BadProxyHeader("not a port")
    return port
