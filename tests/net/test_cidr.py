"""
Tests for L{lbproxy.net.cidr}.
"""

from __future__ import annotations

from ipaddress import ip_network

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.net.cidr import CIDRSet


class CIDRSetTests(SynchronousTestCase):
    """
    Addresses are found in networks.
    """

    def setUp(self) -> None:
        texts = ("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "::1/128")
        self.networks = CIDRSet(map(ip_network, texts))

    def test_inside(self) -> None:
        """
        An address of a listed network is in it, at its first and last address too.
        """
        for address in ("10.0.0.0", "10.255.255.255", "192.0.2.7", "2001:db8::5", "::1"):
            self.assertTrue(self.networks.contains(address), address)

    def test_outside(self) -> None:
        """
        Others are not, nor is what is no address.
        """
        for address in ("11.0.0.0", "192.0.2.6", "2001:db9::", "::2", "", "x", "10.0.0", "1:2"):
            self.assertFalse(self.networks.contains(address), address)

    def test_mapped(self) -> None:
        """
        An IPv4 peer of a dual-stack socket counts as what it is.
        """
        self.assertTrue(self.networks.contains("::ffff:10.1.2.3"))
        self.assertFalse(self.networks.contains("::ffff:11.1.2.3"))

    def test_scope(self) -> None:
        """
        A link-local address is found without its interface.
        """
        self.assertTrue(CIDRSet([ip_network("fe80::/10")]).contains("fe80::1%eth0"))

    def test_everything(self) -> None:
        """
        /0 is everybody of its family.
        """
        everybody = CIDRSet([ip_network("0.0.0.0/0")])
        self.assertTrue(everybody.contains("203.0.113.9"))
        self.assertFalse(everybody.contains("2001:db8::1"))

    def test_empty(self) -> None:
        """
        No network holds nobody.
        """
        self.assertFalse(CIDRSet().contains("10.0.0.1"))
        self.assertEqual(len(CIDRSet()), 0)
