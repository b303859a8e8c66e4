"""
A client whose route depends on its hello.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from lbproxy.l4.hellowait import HelloWait
from lbproxy.l4.relayrecord import Refusal
from lbproxy.net.deadlines import Deadlines
from lbproxy.wire.clienthello import ClientHello
from tests.net.faketransport import FakeTransport
from tests.wire.test_clienthello import pythonHello

HELLO = pythonHello("a.example")


class Before:
    """
    The protocol from before.
    """

    lost: Failure | None = None

    def makeConnection(self, transport: Any) -> None:
        """
        Nothing to do.
        """

    def connectionLost(self, reason: Failure) -> None:
        self.lost = reason


class HelloWaitTests(SynchronousTestCase):
    """
    Reading, on a transport in memory. Looking takes sockets: see the integration tests.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.deadlines = Deadlines(self.clock)
        self.deadlines.start()
        self.told: list[tuple[ClientHello | None, Refusal | None, str]] = []
        self.transport, self.before = FakeTransport(), Before()
        self.transport.connect(self.before)
        self.wait = HelloWait(
            self.transport, lambda *what: self.told.append(what), self.deadlines, looks=False
        )
        self.wait.expect(10.0)

    def assertOver(self) -> None:
        """
        The transport is as it was before, and nothing is waited for.
        """
        self.assertIs(self.transport.protocol, self.before)
        self.assertEqual(len(self.deadlines), 0)

    def test_interface(self) -> None:
        """
        It is what its transport expects.
        """
        verifyObject(IHalfCloseableProtocol, self.wait)

    def test_aHelloInPieces(self) -> None:
        """
        It is told once, with reading paused, and all that was read is kept.
        """
        self.transport.receive(HELLO[:10])
        self.assertEqual(self.told, [])
        self.transport.receive(HELLO[10:] + b"more")
        self.assertEqual(self.told, [(ClientHello("a.example", (), False), None, "")])
        self.assertFalse(self.transport.reading)
        self.assertEqual(self.wait.early, HELLO + b"more")
        self.assertOver()

    def test_notTLS(self) -> None:
        """
        Something else is no hello, which is no fault.
        """
        self.transport.receive(b"SSH-2.0")
        self.assertEqual(self.told, [(None, None, "")])
        self.assertEqual(self.wait.early, b"SSH-2.0")

    def test_malformed(self) -> None:
        """
        A broken one is, and it is said what is broken.
        """
        self.transport.receive(b"\x16\x03\x01\0\0")
        self.assertEqual(self.told, [(None, Refusal.BAD_HELLO, "bad record length")])
        self.assertOver()

    def test_silence(self) -> None:
        """
        Nothing at all in time: probably the server is to speak first.
        """
        self.clock.advance(10.2)
        self.assertEqual(self.told, [(None, None, "")])
        self.assertOver()

    def test_tooSlow(self) -> None:
        """
        Half a hello in time is too little; more bytes do not buy more time.
        """
        for _ in range(9):
            self.transport.receive(HELLO[:1] if not self.wait.reader.peeked else b"")
            self.clock.advance(1.0)
        self.clock.advance(1.2)
        self.assertEqual(self.told, [(None, Refusal.HELLO_TIMEOUT, "")])
        self.assertOver()

    def test_theClientEnds(self) -> None:
        """
        An end before the hello's is a client that left.
        """
        self.transport.receive(HELLO[:10])
        self.transport.finish()
        self.assertEqual(self.told, [(None, Refusal.CLIENT_LEFT, "")])
        self.assertOver()

    def test_theClientBreaksOff(self) -> None:
        """
        A lost connection is the protocol's from before.
        """
        self.transport.reset()
        self.assertIsNotNone(self.before.lost)
        self.assertEqual(self.told, [])
        self.assertOver()

    def test_cancel(self) -> None:
        """
        Nobody is told after that.
        """
        self.wait.cancel()
        self.clock.advance(60)
        self.assertEqual(self.told, [])
        self.assertOver()
