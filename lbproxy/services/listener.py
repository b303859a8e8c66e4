"""
When does a listener open its ports, and how does it end?
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred, succeed

from lbproxy.config.address import Address


class Port(Protocol):
    """
    A bound address.
    """

    def getHost(self) -> object: ...

    def stopListening(self) -> Deferred[None] | None: ...


class Relaying(Protocol):
    """
    What serves a listener's traffic: an HTTP factory, a TCP or a UDP relay.
    """

    def drain(self) -> Deferred[None]:
        """
        Take nothing new; fires when all work in hand has ended.
        """

    def abortAll(self) -> None:
        """
        End the work in hand at once.
        """


class Listener:
    """
    One listener of the configuration with all its addresses.

    @ivar ports: what is open.
    """

    def __init__(
        self,
        name: str,
        binds: Sequence[Address],
        openPort: Callable[[Address], Port],
        relaying: Relaying,
        *,
        datagram: bool = False,
    ) -> None:
        """
        @param datagram: sessions answer from the listener's own socket, so that it stays open
            until they have ended.
        """
        self.name = name
        self.binds = binds
        self.relaying = relaying
        self.ports: list[Port] = []
        self._openPort = openPort
        self._datagram = datagram

    def open(self) -> None:
        """
        @raise CannotStart: an address cannot be bound.
        """
        for address in self.binds:
            self.ports.append(self._openPort(address))

    def close(self) -> Deferred[None]:
        """
        Give the addresses back. New connections are refused from here on.
        """
        ports, self.ports = self.ports, []
        closing = [maybeDeferred(port.stopListening) for port in ports]
        return gatherResults(closing).addCallback(lambda _: None) if closing else succeed(None)

    def drain(self) -> Deferred[None]:
        """
        Stop accepting, and let work in hand end.
        """
        if self._datagram:
            return self.relaying.drain().addCallback(lambda _: self.close())
        closed = self.close()
        drained = self.relaying.drain()
        both = gatherResults([closed, drained], consumeErrors=True)
        return both.addCallback(lambda _: None)
