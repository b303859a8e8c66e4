"""
Tests for L{lbproxy.net.udp.address}.
"""

from __future__ import annotations

import socket

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address
from lbproxy.net.udp.address import clientText, resolveNow


class ResolveNowTests(SynchronousTestCase):
    """
    Tests for L{resolveNow}.
    """

    def test_numeric(self) -> None:
        """
        Numeric addresses become what C{bind} and C{connect} take.
        """
        self.assertEqual(resolveNow(Address("192.0.2.1", 53)), (socket.AF_INET, ("192.0.2.1", 53)))
        self.assertEqual(resolveNow(Address("::1", 53)), (socket.AF_INET6, ("::1", 53, 0, 0)))

    def test_scoped(self) -> None:
        """
        A link-local address keeps its interface, as a number.
        """
        number = socket.if_nametoindex("lo")
        self.assertEqual(resolveNow(Address("fe80::1%lo", 53))[1], ("fe80::1", 53, 0, number))

    def test_path(self) -> None:
        """
        A UNIX socket's address is its path.
        """
        self.assertEqual(resolveNow(Address(path="/run/x")), (socket.AF_UNIX, "/run/x"))


class ClientTextTests(SynchronousTestCase):
    """
    Tests for L{clientText}.
    """

    def test_plain(self) -> None:
        """
        Addresses are left as they are.
        """
        self.assertEqual(clientText("192.0.2.1"), "192.0.2.1")
        self.assertEqual(clientText("2001:db8::1"), "2001:db8::1")

    def test_mapped(self) -> None:
        """
        An IPv4 client of a dual-stack socket has an IPv4 address.
        """
        self.assertEqual(clientText("::ffff:192.0.2.1"), "192.0.2.1")

    def test_scoped(self) -> None:
        """
        The interface is no part of a client's address.
        """
        self.assertEqual(clientText("fe80::1%eth0"), "fe80::1")
