"""
What a pool may ask about a TCP connection.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l4.tcpcontext import TCPContext
from lbproxy.pool.context import Context
from tests.net.faketransport import FakeTransport


class TCPContextTests(SynchronousTestCase):
    """
    Its address, and what TLS told.
    """

    def test_addressAndName(self) -> None:
        """
        The client's address, whether it speaks TLS, and whom it asked for.
        """
        client = FakeTransport(isSecure=True, host="192.0.2.7")
        client.serverName = "a.example"
        context: Context = TCPContext(client)
        self.assertEqual(
            (context.clientIP, context.secure, context.serverName, context.path),
            ("192.0.2.7", True, "a.example", b""),
        )

    def test_unix(self) -> None:
        """
        Clients of a UNIX socket have no address.
        """
        client: Any = FakeTransport()
        client._peer = UNIXAddress(None)
        self.assertEqual(TCPContext(client).clientIP, "")

    def test_nothingElse(self) -> None:
        """
        Whoever asks for more is told that there is none.
        """
        context = TCPContext(FakeTransport())
        answers = context.header(b"x"), context.cookie(b"x"), context.query(b"x")
        self.assertEqual((*answers, context.connectionID()), (None, None, None, b""))
