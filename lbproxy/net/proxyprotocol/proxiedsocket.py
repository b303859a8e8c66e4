"""
What does a socket say of itself behind a proxy? What the proxy said of the client's connection.

Whoever is given such a socket, TLS included, sees the client's connection in C{getpeername} and
C{getsockname}, and need not know of headers.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress

from lbproxy.config.address import Address
from lbproxy.net.stream import StreamAddress
from lbproxy.wire.proxyprotocol import ProxyHeader


class ProxiedSocket(socket.socket):
    """
    A connected stream socket.

    @ivar header: what came with it; its TLVs may say more about the client.
    """

    __slots__ = ("_family", "_host", "_peer", "header")

    def __init__(self, sock: socket.socket, header: ProxyHeader) -> None:
        """
        @param sock: taken over, useless from here on.
        @param header: with addresses.
        """
        assert header.source is not None and header.destination is not None
        # With all three given no system call finds them out.
        super().__init__(sock.family, sock.type, sock.proto, sock.detach())
        self.setblocking(False)
        self.header = header
        self._family, self._peer = _name(header.source)
        _, self._host = _name(header.destination)

    @property
    def family(self) -> socket.AddressFamily:
        """
        That of the client's connection, which may be another than this one's.
        """
        return self._family

    def getpeername(self) -> Any:
        """
        The client.
        """
        return self._peer

    def getsockname(self) -> Any:
        """
        What the client connected to.
        """
        return self._host


def streamAddressOf(address: Address) -> StreamAddress:
    """
    As transports tell it.
    """
    family = address.family
    if family == socket.AF_INET:
        return IPv4Address("TCP", address.host, address.port)
    if family == socket.AF_INET6:
        return IPv6Address("TCP", address.host, address.port)
    return UNIXAddress(address.path or None)


def _name(address: Address) -> tuple[socket.AddressFamily, Any]:
    family = address.family
    if family == socket.AF_INET:
        return family, (address.host, address.port)
    if family == socket.AF_INET6:
        return family, (address.host, address.port, 0, 0)
    return socket.AF_UNIX, address.path
