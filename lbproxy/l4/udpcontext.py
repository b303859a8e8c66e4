"""
Who asks? The client of a UDP session: what a pool may know of it, and the way back to it.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

from lbproxy.net.udp import Asked, ClientAddress
from lbproxy.wire.quic import readLongHeader

if TYPE_CHECKING:
    from lbproxy.wire.proxyprotocol import ProxyHeader


class UDPContext:
    """
    One object for all that is known of a client, since every new client needs one. A
    L{lbproxy.pool.context.Context}.

    @ivar clientIP: the client's own address, numeric text.
    @ivar key: what makes it the same client.
    @ivar address: where answers are sent: the client, or the proxy in front of us.
    @ivar asked: the address of ours that answers leave from.
    @ivar origin: what a proxy in front of us said of the client.
    @ivar datagram: its first, while a backend is being looked for.
    """

    __slots__ = ("address", "asked", "clientIP", "datagram", "key", "origin")

    secure = False
    serverName = ""
    path = b""

    def __init__(
        self,
        key: Hashable,
        address: ClientAddress,
        asked: Asked,
        clientIP: str,
        origin: ProxyHeader | None = None,
    ) -> None:
        self.key = key
        self.address = address
        self.asked = asked
        self.clientIP = clientIP
        self.origin = origin
        self.datagram = b""

    def header(self, name: bytes) -> bytes | None:
        """
        Datagrams have no headers.
        """
        return None

    def cookie(self, name: bytes) -> bytes | None:
        """
        Datagrams have no cookies.
        """
        return None

    def query(self, name: bytes) -> bytes | None:
        """
        Datagrams have no query.
        """
        return None

    def connectionID(self) -> bytes:
        """
        The ID that a QUIC client gave its connection, in a datagram that opens one.
        """
        header = readLongHeader(self.datagram)
        return b"" if header is None else header.destination
