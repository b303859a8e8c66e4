"""
Tests for L{lbproxy.net.dialnow}.
"""

from __future__ import annotations

import socket

from lbproxy.config.address import Address
from lbproxy.net import dialnow
from lbproxy.net.dialnow import dialNow, nearDestination
from lbproxy.net.resolving import Destination
from tests.net.dialingcase import DialingCase
from tests.net.reactorcase import descriptors


class DialNowTests(DialingCase):
    """
    Connections to this machine.
    """

    def near(self, address: Address) -> Destination:
        found = nearDestination(address)
        assert found is not None
        return found

    def test_whatIsNear(self) -> None:
        """
        Loopback addresses and UNIX sockets; no names, which have to be looked up.
        """
        for text, near in (
            ("127.0.0.1:80", True),
            ("[::1]:80", True),
            ("unix:/run/a", True),
            ("192.0.2.1:80", False),
            ("[fe80::1%lo]:80", False),
            ("localhost:80", False),
        ):
            found = nearDestination(Address.parse(text))
            self.assertEqual(found is not None, near, text)

    def test_connected(self) -> None:
        """
        The transport is there at once, its protocol is told nothing, and what is said before it is
        resumed is kept.
        """
        path = self.mktemp()
        option = (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for listener, address in (
            (skt := self.listener(), Address(*skt.getsockname())),
            (self.listener(path), Address(path=path)),
        ):
            wire = dialNow(self.reactor, self.near(address), self.protocol, [option])
            assert wire is not None
            peer, _ = listener.accept()
            self.addCleanup(peer.close)
            self.assertTrue(wire.getTcpKeepAlive())
            peer.send(b"hello")
            self.turns()
            self.assertEqual((self.protocol.events, self.protocol.data), ([], b""))
            self.assertEqual(self.reactor.getReaders(), list(self.reactor._internalReaders))
            wire.resumeProducing()
            self.until(lambda: self.protocol.data)
            wire.abortConnection()
            self.until(lambda: self.protocol.lost)
            self.protocol.data = b""
            self.protocol.lost = None
            self.protocol.events.clear()

    def test_notConnected(self) -> None:
        """
        Where it is refused, or would have to wait, there is nothing, and nothing stays open.
        """
        refusing, swallowing = self.closedPort(), self.swallowing()
        before = descriptors()
        for address in (
            Address("127.0.0.1", refusing),
            Address("127.0.0.1", swallowing),
            Address(path=self.mktemp()),
        ):
            self.assertIsNone(dialNow(self.reactor, self.near(address), self.protocol))
            self.assertNothingOpened(before)

    def test_noDescriptorLeft(self) -> None:
        """
        Nor is it told here that there can be no socket.
        """

        def fails(*_: object) -> None:
            raise OSError(24, "too many")

        self.patch(dialnow, "newSocket", fails)
        there = self.near(Address("127.0.0.1", 80))
        self.assertIsNone(dialNow(self.reactor, there, self.protocol))

    def test_ownEcho(self) -> None:
        """
        A connection to itself is none.
        """
        port = self.listener().getsockname()[1]
        self.patch(dialnow, "isOwnEcho", lambda skt, target: target[1][1] == port)
        before = descriptors()
        there = self.near(Address("127.0.0.1", port))
        self.assertIsNone(dialNow(self.reactor, there, self.protocol))
        self.assertNothingOpened(before)
