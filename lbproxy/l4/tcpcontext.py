"""
Which client wants a backend for its bytes? What a pool may ask about a TCP connection.
"""

from __future__ import annotations

from typing import Any


class TCPContext:
    """
    A L{lbproxy.pool.context.Context}: raw bytes have an address, and perhaps a TLS name.

    @ivar client: the client's transport, for those who tell the backend about it.
    """

    __slots__ = ("client", "clientIP", "path", "secure", "serverName")

    def __init__(self, client: Any) -> None:
        self.client = client
        self.clientIP: str = getattr(client.getPeer(), "host", "")
        self.secure: bool = client.isSecure
        self.serverName: str = client.serverName
        self.path = b""

    def header(self, name: bytes) -> bytes | None:
        """
        Raw bytes have no headers.
        """
        return None

    def cookie(self, name: bytes) -> bytes | None:
        """
        Raw bytes have no cookies.
        """
        return None

    def query(self, name: bytes) -> bytes | None:
        """
        Raw bytes have no query.
        """
        return None

    def connectionID(self) -> bytes:
        """
        TCP has none.
        """
        return b""
