"""
Tests for L{lbproxy.services.listener}: when a listener opens its ports, and how it ends.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address
from lbproxy.errors import CannotStart
from lbproxy.services.listener import Listener
from tests.services.doubles import FakePort, FakeRelaying

BINDS = [Address("127.0.0.1", 1), Address("127.0.0.1", 2)]


class ListenerTests(SynchronousTestCase):
    """
    One listener with two addresses.
    """

    def setUp(self) -> None:
        self.opened: list[FakePort] = []
        self.story: list[str] = []
        self.relaying = FakeRelaying(self.story)

    def listener(self, datagram: bool = False) -> Listener:
        """
        One whose ports tell the story.
        """

        def openPort(address: Address) -> FakePort:
            if address.port == 99:
                raise CannotStart("99 is taken")
            port = FakePort(address, self.story)
            self.opened.append(port)
            return port

        return Listener("web", BINDS, openPort, self.relaying, datagram=datagram)

    def test_open(self) -> None:
        """
        All of its addresses, in their order.
        """
        listener = self.listener()
        self.assertEqual(listener.ports, [])
        listener.open()
        self.assertEqual([port.address for port in self.opened], BINDS)
        self.assertEqual(listener.ports, self.opened)

    def test_cannotOpen(self) -> None:
        """
        When one can't be opened, those before it can still be closed.
        """
        listener = self.listener()
        listener.binds = [BINDS[0], Address("127.0.0.1", 99)]
        self.assertRaises(CannotStart, listener.open)
        self.successResultOf(listener.close())
        self.assertTrue(self.opened[0].closed)

    def test_close(self) -> None:
        """
        Closing waits until every address is free, and can be repeated.
        """
        listener = self.listener()
        self.successResultOf(listener.close())
        listener.open()
        later: Deferred[None] = Deferred()
        self.opened[1].answer = later
        closing = listener.close()
        self.assertNoResult(closing)
        later.callback(None)
        self.successResultOf(closing)
        self.assertTrue(all(port.closed == 1 for port in self.opened))
        self.successResultOf(listener.close())
        self.assertTrue(all(port.closed == 1 for port in self.opened))

    def test_drainOfStreams(self) -> None:
        """
        Nobody new comes in, then work in hand ends.
        """
        listener = self.listener()
        listener.open()
        draining = listener.drain()
        self.assertEqual(self.story, ["close 1", "close 2", "drain"])
        self.assertNoResult(draining)
        self.relaying.drained.callback(None)
        self.successResultOf(draining)

    def test_drainOfDatagrams(self) -> None:
        """
        Sessions answer from the listener's own socket: it closes when they have ended.
        """
        listener = self.listener(datagram=True)
        listener.open()
        draining = listener.drain()
        self.assertEqual(self.story, ["drain"])
        self.relaying.drained.callback(None)
        self.assertEqual(self.story, ["drain", "close 1", "close 2"])
        self.successResultOf(draining)
