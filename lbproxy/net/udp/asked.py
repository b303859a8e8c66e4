"""
Which of our addresses was asked? The kernel's packet information, there and back.

On a wildcard socket the answer must leave from the address that the question came to, or the client
will not take it. C{IP_PKTINFO} and C{IPV6_PKTINFO} tell that address, and set it for the answer.
"""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Final

from lbproxy.net.udp.address import clientText

if TYPE_CHECKING:
    from lbproxy.net.udp.listening import DatagramPort

#: Not in the socket module before Python 3.14; the number is the same on every Linux.
IP_PKTINFO: Final = 8

# struct in_pktinfo: interface, local address (ours even for a broadcast), address in the header.
_INFO4 = struct.Struct("=i4s4s")
# struct in6_pktinfo: address, interface.
_INFO6 = struct.Struct("=16si")

#: Enough for one packet information; what does not fit is left out by the kernel.
ANCILLARY_SPACE: Final = socket.CMSG_SPACE(_INFO6.size) + socket.CMSG_SPACE(_INFO4.size)

# More local addresses than anybody has; on loopback a local user can ask 16 million of them.
_MEMO_LIMIT: Final = 1024


class Asked:
    """
    One of our addresses, as clients ask it: the way back for the answers. The same object for the
    same address (until very many were seen), so that it can be part of a dictionary's key at no
    cost.

    @ivar port: the socket that was asked.
    @ivar host: numeric text, as the configuration would write it.
    @ivar name: C{host}, with the interface's number where the address means nothing without it.
    @ivar ancillary: what C{sendmsg} needs for an answer from there; L{None} where the socket has
        no other address.
    """

    __slots__ = ("ancillary", "host", "name", "port")

    def __init__(
        self,
        port: DatagramPort,
        host: str,
        ancillary: list[tuple[int, int, bytes]] | None = None,
        interface: int = 0,
    ) -> None:
        self.port = port
        self.host = clientText(host)
        self.name = f"{host}%{interface}" if interface else host
        self.ancillary = ancillary

    def __repr__(self) -> str:
        return f"<Asked {self.name}>"


class PacketInformation:
    """
    Reads what C{recvmsg} says beside the data.
    """

    __slots__ = ("_known", "_memo", "_port", "_unknown")

    def __init__(self, port: DatagramPort, sock: socket.socket) -> None:
        """
        Have the kernel tell the asked address with each datagram.
        """
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        self._port = port
        self._unknown = Asked(port, sock.getsockname()[0])
        self._memo: dict[bytes, Asked] = {}  # by what the kernel said, which names the interface
        self._known: dict[str, Asked] = {}  # by address

    def read(self, ancillary: list[tuple[int, int, bytes]]) -> Asked:
        """
        Which address was asked; the wildcard when the kernel did not say.
        """
        for level, kind, data in ancillary:
            asked = self._memo.get(data)
            if asked is not None:
                return asked
            if level == socket.IPPROTO_IP and kind == IP_PKTINFO and len(data) == _INFO4.size:
                return self._keep(data, _asked4(self._port, data))
            if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
                if len(data) == _INFO6.size:
                    return self._keep(data, _asked6(self._port, data))
        return self._unknown

    def _keep(self, data: bytes, asked: Asked) -> Asked:
        if len(self._memo) >= _MEMO_LIMIT:
            self._memo.clear()
            self._known.clear()
        asked = self._memo[data] = self._known.setdefault(asked.name, asked)
        return asked


def _asked4(port: DatagramPort, data: bytes) -> Asked:
    _, local, _ = _INFO4.unpack(data)
    # Without the interface: the routing table finds the way back, as it does for any answer.
    reply = _INFO4.pack(0, local, bytes(4))
    return Asked(port, socket.inet_ntoa(local), [(socket.IPPROTO_IP, IP_PKTINFO, reply)])


def _asked6(port: DatagramPort, data: bytes) -> Asked:
    local, interface = _INFO6.unpack(data)
    host = socket.inet_ntop(socket.AF_INET6, local)
    if local[0] == 0xFF:
        return Asked(port, host, [])  # nobody can answer from a multicast address
    # A link-local address means nothing without its interface.
    linkLocal = local[0] == 0xFE and local[1] & 0xC0 == 0x80
    scope = interface if linkLocal else 0
    reply = _INFO6.pack(local, scope)
    return Asked(port, host, [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, reply)], scope)
