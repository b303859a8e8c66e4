"""
Who wants a backend? The little that balancing and affinity may ask about a client.
"""

from __future__ import annotations

from typing import Protocol


class Context(Protocol):
    """
    One piece of work that needs a backend: an HTTP exchange, a TCP relay, a UDP session.

    C{clientIP} is numeric text, empty over UNIX sockets; C{secure} says that the client's side is
    TLS; C{path} is raw, without the query; C{serverName} is the SNI, empty when unknown.
    """

    @property
    def clientIP(self) -> str: ...

    @property
    def secure(self) -> bool: ...

    @property
    def path(self) -> bytes: ...

    @property
    def serverName(self) -> str: ...

    def header(self, name: bytes) -> bytes | None:
        """
        The first value of the header whose lower-case name is C{name}.
        """

    def cookie(self, name: bytes) -> bytes | None:
        """
        The value of the first cookie of that name.
        """

    def query(self, name: bytes) -> bytes | None:
        """
        The first value of that query parameter.
        """

    def connectionID(self) -> bytes:
        """
        A QUIC connection's ID, empty where there is none.
        """


class PlainContext:
    """
    A client of which nothing but the address is known: raw TCP and UDP.
    """

    __slots__ = ("clientIP", "path", "secure", "serverName")

    def __init__(self, clientIP: str, secure: bool = False, serverName: str = "") -> None:
        self.clientIP = clientIP
        self.secure = secure
        self.serverName = serverName
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
        Nothing was read, so no connection ID is known.
        """
        return b""
