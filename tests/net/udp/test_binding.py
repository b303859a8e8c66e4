"""
Tests for L{lbproxy.net.udp.binding}.
"""

from __future__ import annotations

import socket

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address
from lbproxy.errors import CannotStart
from lbproxy.net.udp import listenDatagrams
from tests.net.udp.loop import Loop
from tests.net.udp.test_listening import Echo


class ListenDatagramsTests(SynchronousTestCase):
    """
    Tests for L{listenDatagrams}.
    """

    def setUp(self) -> None:
        self.loop = Loop()

    def test_host(self) -> None:
        """
        The port tells what it is bound to.
        """
        four = listenDatagrams(self.loop, Address("127.0.0.1", 0), Echo())
        six = listenDatagrams(self.loop, Address("::1", 0), Echo())
        self.addCleanup(four.stopListening)
        self.addCleanup(six.stopListening)
        self.assertEqual(four.getHost(), IPv4Address("UDP", "127.0.0.1", four.getHost().port))
        self.assertEqual(six.getHost(), IPv6Address("UDP", "::1", six.getHost().port))

    def test_inUse(self) -> None:
        """
        An address that is taken is named, with the reason.
        """
        port = listenDatagrams(self.loop, Address("127.0.0.1", 0), Echo())
        self.addCleanup(port.stopListening)
        number = port.getHost().port
        error = self.assertRaises(
            CannotStart, listenDatagrams, self.loop, Address("127.0.0.1", number), Echo()
        )
        self.assertEqual(
            str(error), f"cannot listen on 127.0.0.1:{number} (udp): Address already in use"
        )

    def test_shared(self) -> None:
        """
        Those who all say so may share an address.
        """
        one = listenDatagrams(self.loop, Address("127.0.0.1", 0), Echo(), reusePort=True)
        self.addCleanup(one.stopListening)
        same = Address("127.0.0.1", one.getHost().port)
        self.addCleanup(listenDatagrams(self.loop, same, Echo(), reusePort=True).stopListening)

    def test_options(self) -> None:
        """
        Options are set before binding: an IPv6 wildcard can be kept from IPv4.
        """
        only = [(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)]
        six = listenDatagrams(self.loop, Address("::", 0), Echo(), options=only)
        self.addCleanup(six.stopListening)
        number = six.getHost().port
        four = listenDatagrams(self.loop, Address("0.0.0.0", number), Echo())
        self.addCleanup(four.stopListening)

    def test_path(self) -> None:
        """
        A UNIX socket is refused in words.
        """
        error = self.assertRaises(
            CannotStart, listenDatagrams, self.loop, Address(path="/x"), Echo()
        )
        self.assertIn("needs an IP address", str(error))
