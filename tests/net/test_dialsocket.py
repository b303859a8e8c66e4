"""
Tests for L{lbproxy.net.dialsocket} and L{lbproxy.net.resolving}.
"""

from __future__ import annotations

import socket
from errno import EADDRNOTAVAIL, ECONNREFUSED, ETIMEDOUT

from twisted.internet.address import IPv6Address
from twisted.internet.error import ConnectBindError, ConnectionRefusedError, TCPTimedOutError
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address
from lbproxy.net.dialsocket import connectFailure, isLoopback, isOwnEcho
from lbproxy.net.resolving import (
    Destination,
    Target,
    numericDestination,
    numericTarget,
)


def target(text: str) -> Target:
    """
    As L{numericTarget}, from text.
    """
    found = numericTarget(Address.parse(text))
    assert found is not None
    return found


class DialSocketTests(SynchronousTestCase):
    """
    Tests for the parts of dialing.
    """

    def test_whoseFault(self) -> None:
        """
        Running out of local ports is our fault; other failures are the way's or the backend's.
        """
        for code, kind in (
            (EADDRNOTAVAIL, ConnectBindError),
            (ECONNREFUSED, ConnectionRefusedError),
            (ETIMEDOUT, TCPTimedOutError),
        ):
            self.assertIs(kind, connectFailure(code).type)

    def test_loopback(self) -> None:
        """
        Loopback is known by its address.
        """
        for text, expected in (
            ("127.0.0.1:80", True),
            ("127.9.9.9:80", True),
            ("[::1]:80", True),
            ("192.0.2.1:80", False),
            ("[2001:db8::1]:80", False),
            ("unix:/127.0.0.1", False),
        ):
            self.assertEqual(expected, isLoopback(target(text)), text)

    def test_ownEcho(self) -> None:
        """
        A socket that TCP connected to itself is no backend.
        """
        with socket.socket() as skt:
            skt.bind(("127.0.0.1", 0))
            name = skt.getsockname()
            skt.connect(name)
            self.assertTrue(isOwnEcho(skt, (socket.AF_INET, name)))
            self.assertFalse(isOwnEcho(skt, target(f"127.0.0.2:{name[1]}")))
            self.assertFalse(isOwnEcho(skt, target("127.0.0.1:80")))
            self.assertFalse(isOwnEcho(skt, target("unix:/run/backend")))

    def test_targets(self) -> None:
        """
        Numeric addresses need no lookup, names do.
        """
        index, name = socket.if_nameindex()[0]
        for text, family, connectable in (
            ("192.0.2.1:80", socket.AF_INET, ("192.0.2.1", 80)),
            ("[2001:db8::1]:80", socket.AF_INET6, ("2001:db8::1", 80, 0, 0)),
            ("unix:/run/a", socket.AF_UNIX, "/run/a"),
        ):
            found = target(text)
            self.assertEqual((family, connectable), found)
            known = numericDestination(Address.parse(text))
            self.assertIs(known, numericDestination(Address.parse(text)))
            self.assertEqual(Destination.of(found), known)
        scoped = target(f"[fe80::1%{name}]:80")
        self.assertEqual(index, scoped[1][3])
        peer = IPv6Address("TCP", f"fe80::1%{name}", 80, 0, index)
        self.assertEqual(peer, Destination.of(scoped).peer)
        for lookUp in numericTarget, numericDestination:
            self.assertIsNone(lookUp(Address("localhost", 80)))
