"""
Tests for L{lbproxy.net.proxyprotocol.proxiedsocket}.
"""

from __future__ import annotations

import socket

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address
from lbproxy.net.proxyprotocol import ProxiedSocket
from lbproxy.wire.proxyprotocol import ProxyHeader, Transport
from tests.net.tls.pairs import socketPair


class ProxiedSocketTests(SynchronousTestCase):
    """
    Tests for L{ProxiedSocket}.
    """

    def test_takesOver(self) -> None:
        """
        It is the same connection, non-blocking, under the client's addresses.
        """
        here, there = socketPair()
        self.addCleanup(there.close)
        header = ProxyHeader(
            Transport.STREAM, Address("2001:db8::7", 4000), Address("2001:db8::1", 443)
        )
        proxied = ProxiedSocket(here, header)
        self.addCleanup(proxied.close)
        self.assertEqual(here.fileno(), -1)
        self.assertEqual(proxied.family, socket.AF_INET6)
        self.assertEqual(proxied.getpeername(), ("2001:db8::7", 4000, 0, 0))
        self.assertEqual(proxied.getsockname(), ("2001:db8::1", 443, 0, 0))
        self.assertRaises(BlockingIOError, proxied.recv, 10)
        there.send(b"x")
        self.assertEqual(proxied.recv(10), b"x")
        self.assertEqual(proxied.gettimeout(), 0.0)
