"""
Tests for L{lbproxy.l4.udpcontext}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l4.udpcontext import UDPContext


class UDPContextTests(SynchronousTestCase):
    """
    Tests for L{UDPContext}.
    """

    def test_QUIC(self) -> None:
        """
        A QUIC client is known by the ID it gave its connection.
        """
        context = UDPContext("192.0.2.1", b"\xc0\0\0\0\1\x04dest\x00" + bytes(20))
        self.assertEqual((context.clientIP, context.connectionID()), ("192.0.2.1", b"dest"))

    def test_others(self) -> None:
        """
        Of others only the address is known.
        """
        context = UDPContext("192.0.2.1", b"\x12\x34\x01\x00")
        self.assertEqual(context.connectionID(), b"")
        self.assertIsNone(context.header(b"host"))
