"""
Who asks? What a pool may know about the client of a UDP session.
"""

from __future__ import annotations

from lbproxy.pool.context import PlainContext
from lbproxy.wire.quic import readLongHeader


class UDPContext(PlainContext):
    """
    A client's address and its first datagram.
    """

    __slots__ = ("_datagram",)

    def __init__(self, clientIP: str, datagram: bytes) -> None:
        super().__init__(clientIP)
        self._datagram = datagram

    def connectionID(self) -> bytes:
        """
        The ID that a QUIC client gave its connection, in a datagram that opens one.
        """
        header = readLongHeader(self._datagram)
        return b"" if header is None else header.destination
