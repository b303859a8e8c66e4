"""
Tests for L{lbproxy.l4.connectionids}.
"""

from __future__ import annotations

from typing import cast

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l4.connectionids import ConnectionIDs
from lbproxy.l4.udpsession import UDPSession
from tests.wire.test_quic import longPacket


class FakeSession:
    """
    Only its identity matters.
    """


def session() -> UDPSession:
    return cast(UDPSession, FakeSession())


class ConnectionIDsTests(SynchronousTestCase):
    """
    Tests for L{ConnectionIDs}.
    """

    def setUp(self) -> None:
        self.table = ConnectionIDs()
        self.session = session()

    def test_shortHeader(self) -> None:
        """
        A short header with an ID that a server chose belongs to that server's session.
        """
        self.table.learn(self.session, longPacket(b"client", b"server"))
        self.assertIs(self.table.find(b"\x41server and more"), self.session)
        self.assertIsNone(self.table.find(b"\x41client and more"))
        self.assertIsNone(self.table.find(b""))

    def test_longHeader(self) -> None:
        """
        So does a long one.
        """
        self.table.learn(self.session, longPacket(b"client", b"server"))
        self.assertIs(self.table.find(longPacket(b"server", b"client")), self.session)
        self.assertIsNone(self.table.find(longPacket(b"other", b"client")))

    def test_severalLengths(self) -> None:
        """
        Servers may choose IDs of different lengths.
        """
        other = session()
        self.table.learn(self.session, longPacket(b"", b"four"))
        self.table.learn(other, longPacket(b"", b"four and twenty"))
        self.assertIs(self.table.find(b"\x41four and more" + bytes(9)), self.session)
        self.table.forget(self.session)
        self.assertIs(self.table.find(b"\x41four and twenty blackbirds"), other)

    def test_tooShort(self) -> None:
        """
        IDs that other protocols' datagrams would meet by chance are not believed.
        """
        self.table.learn(self.session, longPacket(b"client", b"abc"))
        self.table.learn(self.session, longPacket(b"client", b""))
        self.table.learn(self.session, b"\x41no long header")
        self.assertEqual(len(self.table.sessions), 0)

    def test_bounded(self) -> None:
        """
        A session has two IDs at most, however many its backend names.
        """
        for number in range(10):
            self.table.learn(self.session, longPacket(b"", b"server%d" % number))
        self.assertEqual(len(self.table.sessions), 2)
        self.assertIs(self.table.find(b"\x41server1 more"), self.session)

    def test_forget(self) -> None:
        """
        With the session its IDs are forgotten, and their lengths.
        """
        self.table.learn(self.session, longPacket(b"", b"server"))
        self.table.learn(self.session, longPacket(b"", b"server"))
        self.table.forget(self.session)
        table = self.table
        self.assertEqual((table.sessions, table._ids, table._lengths), ({}, {}, {}))
        self.assertIsNone(self.table.find(b"\x41server and more"))

    def test_move(self) -> None:
        """
        When a connection goes on in another session, that one has its IDs; the old one's end does
        not matter to them.
        """
        new = session()
        self.table.learn(self.session, longPacket(b"", b"server"))
        self.table.move(self.session, new)
        self.table.forget(self.session)
        self.assertIs(self.table.find(b"\x41server and more"), new)

    def test_takenOver(self) -> None:
        """
        An ID that another server chooses anew is that one's.
        """
        new = session()
        self.table.learn(self.session, longPacket(b"", b"server"))
        self.table.learn(new, longPacket(b"", b"server"))
        self.table.forget(self.session)
        self.assertIs(self.table.find(b"\x41server and more"), new)
