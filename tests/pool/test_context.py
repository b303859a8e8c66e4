"""
Promises of L{lbproxy.pool.context}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.pool.context import Context, PlainContext


class PlainContextTests(SynchronousTestCase):
    """
    A client of which only the address is known.
    """

    def test_knowsTheAddressAndNothingElse(self) -> None:
        """A raw connection has no headers, cookies, query or path."""
        context: Context = PlainContext("192.0.2.7", secure=True, serverName="a.example")
        self.assertEqual(
            (context.clientIP, context.secure, context.serverName, context.path),
            ("192.0.2.7", True, "a.example", b""),
        )
        self.assertIsNone(context.header(b"host"))
        self.assertIsNone(context.cookie(b"LBID"))
        self.assertIsNone(context.query(b"q"))
        self.assertEqual(context.connectionID(), b"")
