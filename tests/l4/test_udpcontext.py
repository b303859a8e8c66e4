"""
Tests for L{lbproxy.l4.udpcontext}.
"""

from __future__ import annotations

from typing import cast

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l4.udpcontext import UDPContext
from lbproxy.net.udp import Asked
from lbproxy.pool.context import Context


class UDPContextTests(SynchronousTestCase):
    """
    Tests for L{UDPContext}.
    """

    def setUp(self) -> None:
        asked = cast(Asked, object())
        self.client = UDPContext("key", ("192.0.2.1", 4000), asked, "192.0.2.1")
        self.context: Context = self.client

    def test_QUIC(self) -> None:
        """
        A QUIC client is known by the ID it gave its connection.
        """
        self.client.datagram = b"\xc0\0\0\0\1\x04dest\x00" + bytes(20)
        self.assertEqual(self.context.clientIP, "192.0.2.1")
        self.assertEqual(self.context.connectionID(), b"dest")

    def test_others(self) -> None:
        """
        Of others only the address is known.
        """
        self.client.datagram = b"\x12\x34\x01\x00"
        context = self.context
        self.assertEqual(context.connectionID(), b"")
        self.assertEqual((context.secure, context.serverName, context.path), (False, "", b""))
        found = context.header(b"host"), context.cookie(b"a"), context.query(b"b")
        self.assertEqual(found, (None, None, None))
