"""
The protocols of C{bench.reactorserver}: as small as can be, to see what is around them.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.protocol import ClientFactory, Factory, Protocol

from lbproxy.config.address import Address
from lbproxy.net.dialing import dial


class Echo(Protocol):
    """
    Sends back what it gets.
    """

    @classmethod
    def factory(cls) -> Factory:
        """
        One for all connections.
        """
        kind: Any = cls
        return Factory.forProtocol(kind)

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)


class End(Protocol):
    """
    One end of a relayed connection.
    """

    other: End | None = None

    def dataReceived(self, data: bytes) -> None:
        assert self.other is not None and self.other.transport is not None
        self.other.transport.write(data)

    def connectionLost(self, reason: Any = None) -> None:
        if self.other is not None:
            other, self.other = self.other, None
            if other.other is not None:
                other.other = None
                assert other.transport is not None
                other.transport.loseConnection()


class Outgoing(End):
    """
    The end at the backend.
    """

    def __init__(self, client: Relay) -> None:
        self.client = client

    def connectionMade(self) -> None:
        self.other, self.client.other = self.client, self
        transport: Any = self.client.transport
        transport.resumeProducing()

    def connectFailed(self, failure: Any) -> None:
        """
        As C{dial} wants it.
        """
        raise failure.value


class Relay(End):
    """
    The end at the client.
    """

    reactor: Any
    backend: tuple[str, int]
    streams: bool

    @classmethod
    def factory(cls, reactor: Any, backend: tuple[str, int], streams: bool) -> Factory:
        """
        @param streams: use our own transports.
        """
        cls.reactor, cls.backend, cls.streams = reactor, backend, streams
        kind: Any = cls
        return Factory.forProtocol(kind)

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.pauseProducing()
        if self.streams:
            dial(self.reactor, Address(*self.backend), Outgoing(self), timeout=5.0)
        else:
            factory = ClientFactory()
            factory.noisy = False
            factory.buildProtocol = lambda address: Outgoing(self)  # type: ignore
            self.reactor.connectTCP(*self.backend, factory)
