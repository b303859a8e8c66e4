"""
TLS on a connection that is there already.
"""

from __future__ import annotations

from typing import Any

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l4.securing import Securing, takeSocket
from lbproxy.net.tls.handshake import HandshakeFailed
from tests.net.faketransport import FakeTransport
from tests.net.streamcase import StreamCase


class TakeSocketTests(StreamCase):
    """
    A connection loses its socket.
    """

    def test_theSocketLivesOn(self) -> None:
        """
        The socket is whole, with what was not read yet; its old transport and protocol are done.
        """
        server, peer = self.connect()
        server.wire.pauseProducing()
        peer.sendall(b"unread")
        skt = takeSocket(server.wire)
        self.addCleanup(skt.close)
        self.turns()
        self.assertEqual(server.events, ["made"])
        self.assertEqual(self.received(skt, 6), b"unread")
        skt.send(b"answer")
        self.assertEqual(self.received(peer, 6), b"answer")
        self.assertEqual(self.reactor.getReaders(), list(self.reactor._internalReaders))


class Wanting:
    """
    Keeps what it is told.
    """

    def __init__(self) -> None:
        self.told: list[object] = []

    def tlsStarted(self, transport: Any) -> None:
        self.told.append(transport)

    def tlsFailed(self, reason: str) -> None:
        self.told.append(reason)


class FakeTLS:
    """
    A listener's TLS whose handshakes wait for the test.
    """

    begun = aborted = False
    protocol: Any = None

    def serverTransport(self, skt: Any, protocol: Any, peer: Any, server: Any, reactor: Any) -> Any:
        self.protocol = protocol
        return self

    def begin(self) -> None:
        self.begun = True

    def abortConnection(self) -> None:
        self.aborted = True


class SecuringTests(SynchronousTestCase):
    """
    What comes of the handshake.
    """

    def setUp(self) -> None:
        plain: Any = FakeTransport()
        plain.server = plain.socket = None
        plain.stopReading = plain.pauseProducing
        plain.connectionLost = lambda reason: None
        self.tls, self.wanting = FakeTLS(), Wanting()
        self.securing = Securing(plain, self.tls, None, self.wanting)

    def test_started(self) -> None:
        """
        The new transport comes paused.
        """
        self.assertTrue(self.tls.begun)
        transport = FakeTransport(isSecure=True)
        transport.connect(self.tls.protocol)
        self.assertEqual(self.wanting.told, [transport])
        self.assertFalse(transport.reading)

    def test_failed(self) -> None:
        """
        The reason is told in the handshake's words.
        """
        self.tls.protocol.handshakeFailed(Failure(HandshakeFailed("no shared cipher")))
        self.assertEqual(self.wanting.told, ["TLS: no shared cipher"])

    def test_cancelled(self) -> None:
        """
        Nobody is told.
        """
        self.securing.cancel()
        self.assertTrue(self.tls.aborted)
        self.tls.protocol.handshakeFailed(Failure(HandshakeFailed("late")))
        self.assertEqual(self.wanting.told, [])
