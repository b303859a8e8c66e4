"""
How do addresses look packed? Both of a header in one family, as its wire forms want them.
"""

from __future__ import annotations

import socket
from typing import Final

from lbproxy.config.address import Address

#: Bytes of a UNIX socket's path on the wire.
UNIX_PATH: Final = 108

_MAPPED: Final = bytes(10) + b"\xff\xff"


def inetFamily(source: str, destination: str) -> tuple[socket.AddressFamily, bytes, bytes] | None:
    """
    Both addresses packed, IPv4 where both are (or are IPv4 in IPv6's clothes: C{::ffff:192.0.2.1}),
    else IPv6.

    @return: L{None} when one of them is no IP address.
    """
    one, other = _packed(source), _packed(destination)
    if one is None or other is None:
        return None
    one, other = _plain(one), _plain(other)
    if len(one) == len(other) == 4:
        return socket.AF_INET, one, other
    return socket.AF_INET6, _wide(one), _wide(other)


def packPath(address: Address) -> bytes:
    """
    A UNIX socket's path in its 108 bytes. One that is too long is left out: half a path would be
    another one's.
    """
    path = address.path.encode("utf-8", "surrogateescape")
    return path.ljust(UNIX_PATH, b"\0") if len(path) <= UNIX_PATH else bytes(UNIX_PATH)


def unpackPath(data: bytes) -> Address:
    """
    The path in 108 bytes; that of an abstract socket begins with a NUL.
    """
    path = data.rstrip(b"\0") if data[0] == 0 else data.partition(b"\0")[0]
    return Address(path=path.decode("utf-8", "surrogateescape"))


def _packed(host: str) -> bytes | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.inet_pton(family, host.partition("%")[0])
    except OSError:
        return None


def _plain(packed: bytes) -> bytes:
    return packed[12:] if packed.startswith(_MAPPED) else packed


def _wide(packed: bytes) -> bytes:
    return _MAPPED + packed if len(packed) == 4 else packed
