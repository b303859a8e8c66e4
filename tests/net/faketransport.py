"""
A stream transport in memory: what a relay did to it can be looked at, what a peer does be played.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.python.failure import Failure


class FakeTransport:
    """
    Nothing happens by itself: a connection that is being closed is lost on L{settle}.
    """

    negotiatedProtocol: bytes | None = None
    serverName = ""

    def __init__(self, isSecure: bool = False, host: str = "192.0.2.1") -> None:
        self.isSecure = isSecure
        self.protocol: Any = None
        self.producer: Any = None
        self.written = b""
        self.reading = True
        self.connected = True
        self.losing = False
        self.halfClosed = False
        self.aborted = False
        self.full = False
        self.queued = 0
        self._peer = IPv4Address("TCP", host, 40000)

    def connect(self, protocol: Any) -> None:
        """
        Play an accept or the end of a dial.
        """
        self.protocol = protocol
        protocol.makeConnection(self)

    # What a protocol may call

    def getPeer(self) -> IPv4Address:
        return self._peer

    def write(self, data: bytes) -> None:
        if self.connected and not self.halfClosed:
            self.written += data
            if self.full:
                self.stall()

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        if self.connected and not self.losing:
            self.reading = True

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert self.producer is None and streaming
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def loseConnection(self) -> None:
        if self.connected:
            assert self.producer is None, "would never close"
            self.losing = True
            self.reading = False

    def loseWriteConnection(self) -> None:
        self.halfClosed = True

    def abortConnection(self) -> None:
        if self.connected:
            self.aborted = True
            self.reading = False

    # What a peer does

    def receive(self, data: bytes) -> None:
        """
        Bytes arrive.
        """
        assert self.reading and self.connected
        self.protocol.dataReceived(data)

    def stall(self) -> None:
        """
        The peer takes nothing for a while.
        """
        self.queued = 100_000
        self.producer.pauseProducing()

    def drain(self) -> None:
        """
        The peer takes all.
        """
        self.queued = 0
        if self.producer is not None:
            self.producer.resumeProducing()

    def finish(self) -> None:
        """
        The peer ends in peace.
        """
        half = IHalfCloseableProtocol(self.protocol, None)
        if half is None or self.isSecure:
            self._lost(ConnectionDone())
        else:
            self.reading = False
            half.readConnectionLost()

    def reset(self) -> None:
        """
        The peer sends a reset.
        """
        self._lost(ConnectionLost())

    @property
    def ending(self) -> bool:
        """
        It was told to end, or is told that nothing more comes.
        """
        return self.losing or self.halfClosed

    def settle(self) -> None:
        """
        What was asked for comes about, when all is written: the connection ends; a peer that is
        told of the end ends as well.
        """
        if self.connected and self.halfClosed and self.reading and not self.queued:
            self.finish()
        if self.connected and self.aborted:
            self._lost(ConnectionAborted())
        elif self.connected and self.losing and not self.queued:
            self._lost(ConnectionDone())

    def _lost(self, reason: Exception) -> None:
        self.connected = False
        self.reading = False
        producer, self.producer = self.producer, None
        if producer is not None:
            producer.stopProducing()
        self.protocol.connectionLost(Failure(reason))


def settle(*transports: FakeTransport) -> None:
    """
    Let everything that is closing close.
    """
    for _ in range(3):
        for transport in transports:
            transport.settle()
