"""
A TLS transport with its protocol; its peer is played by the test.
"""

from __future__ import annotations

import socket
from typing import Any

from OpenSSL import SSL
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IPushProducer,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from lbproxy.net.deadlines import Deadlines
from lbproxy.net.tls.stream import TLSStream
from lbproxy.net.tls.tlssocket import TLSSocket
from tests.net.tls.handreactor import HandReactor
from tests.net.tls.pairs import readAll, serverContext, shakeHands, socketPair

PEER = IPv4Address("TCP", "192.0.2.1", 5)


class Recorder(Protocol):
    """
    Remembers what it hears; does what C{then} says with the next bytes.
    """

    def __init__(self) -> None:
        self.received = b""
        self.deliveries = 0
        self.lost: list[Failure] = []
        self.then: Any = None

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        self.deliveries += 1
        then, self.then = self.then, None
        if then is not None:
            then()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost.append(reason)


@implementer(IHalfCloseableProtocol)
class HalfCloser(Recorder):
    """
    Would like to know about half-closes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.halves: list[str] = []

    def readConnectionLost(self) -> None:
        self.halves.append("read")

    def writeConnectionLost(self) -> None:
        self.halves.append("write")


@implementer(IPushProducer)
class Producer:
    """
    Remembers.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pauseProducing(self) -> None:
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        self.calls.append("resume")

    def stopProducing(self) -> None:
        self.calls.append("stop")


class StreamCase(SynchronousTestCase):
    """
    A transport with its protocol, and its peer.
    """

    protocol: Recorder
    transport: Any = None

    def setUp(self) -> None:
        self.reactor = HandReactor()
        self.deadlines = Deadlines(self.reactor)
        self.deadlines.start()
        self.begin(Recorder())

    def begin(self, protocol: Recorder, room: int = 0) -> None:
        """
        @param room: bytes that may be on their way, roughly.
        """
        if self.transport is not None:
            self.transport.abortConnection()
            self.reactor.settle()
        near, far = socket.socketpair() if room else socketPair()
        self.addCleanup(near.close)
        self.addCleanup(far.close)
        if room:
            near.setblocking(False)
            far.setblocking(False)
            near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room)
        ours = TLSSocket(serverContext(), near, TLSSocket.makeScratch())
        ours.set_accept_state()
        self.far = TLSSocket(SSL.Context(SSL.TLS_CLIENT_METHOD), far, TLSSocket.makeScratch())
        self.far.set_connect_state()
        self.assertEqual(shakeHands(self.far, ours), ("up", "up"))
        readAll(self.far)
        self.protocol = protocol
        self.transport = TLSStream(
            ours, protocol, PEER, self.reactor, self.deadlines, closeTimeout=4.0
        )
        self.transport.begin()

    def wait(self, seconds: float) -> None:
        """
        Let time pass.
        """
        for _ in range(round(seconds * 10)):
            self.reactor.advance(0.1)
            self.reactor.settle()

    def assertGone(self, reason: type[Exception]) -> None:
        """
        The protocol heard once, and nothing is left behind.
        """
        self.assertEqual([f.type for f in self.protocol.lost], [reason])
        self.assertEqual((self.reactor.readers, self.reactor.writers), ({}, {}))
        self.assertEqual(len(self.deadlines), 0)
        self.assertFalse(self.transport.connected)

    def farReads(self) -> bytes:
        """
        All that arrives at the peer.
        """
        found = b""
        while True:
            self.reactor.settle()
            more = readAll(self.far)
            if not more:
                return found
            found += more
