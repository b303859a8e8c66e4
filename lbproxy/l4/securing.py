"""
How does TLS start on a connection that is there already? Its socket goes to a new transport.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.main import CONNECTION_DONE
from twisted.python.failure import Failure

_DONE = Failure(CONNECTION_DONE)


class Secured(Protocol):
    """
    Who wants TLS. Exactly one of the two is called, unless it is cancelled.
    """

    def tlsStarted(self, transport: Any) -> None:
        """
        The handshake is over; this is the transport now, paused.
        """

    def tlsFailed(self, reason: str) -> None:
        """
        There is no TLS, and no connection any more.
        """


class Securing:
    """
    One handshake as the server: the protocol of the transport to be.
    """

    __slots__ = ("_accepted", "_wanted")

    def __init__(self, transport: Any, tls: Any, reactor: Any, wanted: Secured) -> None:
        """
        @param transport: a plain L{lbproxy.net.stream.StreamServer}, of no use from here on. What
            the client has said must still be in the socket.
        @param tls: a L{lbproxy.net.tls.server.ServerTLS}.
        """
        self._wanted: Secured | None = wanted
        peer, server = transport.getPeer(), transport.server
        skt = takeSocket(transport)
        self._accepted = tls.serverTransport(skt, self, peer, server, reactor)
        self._accepted.begin()

    def cancel(self) -> None:
        """
        Close it; nobody is told.
        """
        self._wanted = None
        self._accepted.abortConnection()

    def makeConnection(self, transport: Any) -> None:
        """
        TLS is up.
        """
        wanted, self._wanted = self._wanted, None
        transport.pauseProducing()
        if wanted is not None:
            wanted.tlsStarted(transport)

    def handshakeFailed(self, failure: Failure) -> None:
        """
        TLS did not come up, and the socket is closed.
        """
        wanted, self._wanted = self._wanted, None
        if wanted is not None:
            wanted.tlsFailed(failure.getErrorMessage())


class _Nothing:
    """
    What is left of a connection whose socket was taken: its protocol and its socket.
    """

    def connectionLost(self, reason: Failure) -> None:
        """
        Nothing was lost.
        """

    def close(self) -> None:
        """
        Nothing is closed.
        """


def takeSocket(transport: Any) -> Any:
    """
    Take the socket out of a plain L{lbproxy.net.directstream.DirectStream}, which ends without its
    protocol being told.
    """
    transport.stopReading()
    taken = transport.socket
    transport.protocol = transport.socket = _Nothing()
    transport.connectionLost(_DONE)
    return taken
