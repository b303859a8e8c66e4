"""
Tests for L{lbproxy.net.cidr}.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.net.cidr import CIDRSet


def of(*networks: str) -> CIDRSet:
    return CIDRSet(map(ip_network, networks))


@st.composite
def networks(draw: st.DrawFn) -> str:
    """
    Networks in a corner of the address space, so that they meet addresses.
    """
    if draw(st.booleans()):
        number, length = draw(st.integers(0, 0x3FF)), draw(st.integers(0, 32))
        return str(ip_network((0x0A000000 | number, length), strict=False))
    number, length = draw(st.integers(0, 0x3FF)), draw(st.integers(0, 128))
    return str(ip_network((0x20010DB8 << 96 | number, length), strict=False))


addresses = st.one_of(
    st.integers(0, 0x3FF).map(lambda number: str(ip_address(0x0A000000 | number))),
    st.integers(0, 0x3FF).map(lambda number: str(ip_address(0x20010DB8 << 96 | number))),
)


class CIDRSetTests(SynchronousTestCase):
    """
    Tests for L{CIDRSet}.
    """

    def test_IPv4(self) -> None:
        """
        Networks and single addresses, from the first to the last.
        """
        found = of("10.0.0.0/8", "192.0.2.7/32", "198.51.100.0/25")
        for address in ("10.0.0.0", "10.255.255.255", "192.0.2.7", "198.51.100.127"):
            self.assertTrue(found.contains(address), address)
        for address in ("9.255.255.255", "11.0.0.0", "192.0.2.8", "198.51.100.128"):
            self.assertFalse(found.contains(address), address)

    def test_IPv6(self) -> None:
        """
        As with IPv4; the interface of a link-local address does not matter.
        """
        found = of("2001:db8::/32", "fe80::/10", "::1/128")
        for address in ("2001:db8:ffff::1", "fe80::1", "fe80::1%eth0", "::1"):
            self.assertTrue(found.contains(address), address)
        for address in ("2001:db9::", "fec0::1", "::2", "::"):
            self.assertFalse(found.contains(address), address)

    def test_everything(self) -> None:
        """
        Everything of one family is not everything of the other.
        """
        self.assertTrue(of("0.0.0.0/0").contains("255.255.255.255"))
        self.assertFalse(of("0.0.0.0/0").contains("::1"))
        self.assertTrue(of("::/0").contains("2001:db8::1"))

    def test_dualStack(self) -> None:
        """
        IPv4 clients of a dual-stack socket are IPv4 clients, and networks written in that way hold
        IPv4 clients.
        """
        self.assertTrue(of("10.0.0.0/8").contains("::ffff:10.1.2.3"))
        self.assertFalse(of("10.0.0.0/8").contains("::ffff:11.1.2.3"))
        self.assertTrue(of("::ffff:10.0.0.0/104").contains("10.1.2.3"))
        self.assertTrue(of("::ffff:10.0.0.0/104").contains("::ffff:10.1.2.3"))
        self.assertFalse(of("::ffff:10.0.0.0/104").contains("11.1.2.3"))
        self.assertTrue(of("::ffff:0.0.0.0/96").contains("11.1.2.3"))
        self.assertTrue(of("::/0").contains("::ffff:11.1.2.3"))

    def test_noAddress(self) -> None:
        """
        What is no address belongs to no set.
        """
        found = of("0.0.0.0/0", "::/0")
        for text in ("", "localhost", "10.0.0", "010.0.0.1", "1.2.3.4:80", "::g", "/run/x", "\0"):
            self.assertFalse(found.contains(text), text)

    def test_empty(self) -> None:
        """
        An empty set is false, and contains nobody.
        """
        self.assertFalse(of())
        self.assertFalse(of().contains("10.0.0.1"))
        self.assertTrue(of("10.0.0.0/8"))
        self.assertIn("10.0.0.1", of("10.0.0.0/8"))
        self.assertIn("1 networks", repr(of("10.0.0.0/8")))

    @given(st.lists(networks(), max_size=20), addresses)
    def test_asOneByOne(self, texts: list[str], address: str) -> None:
        """
        It finds what looking at each network in turn finds.
        """
        # Across families nothing matches but what test_dualStack says.
        wanted = any(ip_address(address) in ip_network(text) for text in texts)
        if ip_address(address).version == 4:
            wanted = wanted or any(
                ip_address(f"::ffff:{address}") in ip_network(text) for text in texts
            )
        self.assertEqual(of(*texts).contains(address), wanted)

    def test_large(self) -> None:
        """
        A hundred thousand networks cost a look-up no more than few do: none is looked at in turn.
        """
        found = CIDRSet(ip_network((number << 8, 24)) for number in range(100_000))
        self.assertEqual((len(found), len(found._four)), (100_000, 1))
        self.assertTrue(found.contains("1.134.159.255"))
        self.assertFalse(found.contains("1.134.160.0"))
