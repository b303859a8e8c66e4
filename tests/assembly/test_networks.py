"""
Tests for L{lbproxy.assembly.networks}: who is meant by a list of networks?
"""

from __future__ import annotations

from ipaddress import ip_network

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.assembly.networks import admission, networkSet

TEN = ip_network("10.0.0.0/8")
PART = ip_network("10.1.0.0/16")
SIX = ip_network("2001:db8::/32")


class NetworkSetTests(SynchronousTestCase):
    """
    Sets of networks.
    """

    def test_addresses(self) -> None:
        """
        Addresses of both families, nothing else.
        """
        contains = networkSet([TEN, SIX])
        for address, expected in (
            ("10.1.2.3", True),
            ("2001:db8::1", True),
            ("11.1.2.3", False),
            ("::1", False),
            ("", False),
        ):
            self.assertIs(contains(address), expected, address)

    def test_unix(self) -> None:
        """
        Peers over UNIX sockets have no address: they are meant by their own word only.
        """
        contains = networkSet(["unix", TEN])
        self.assertTrue(contains(""))
        self.assertTrue(contains("10.0.0.1"))
        self.assertFalse(contains("11.0.0.1"))

    def test_nobody(self) -> None:
        """
        An empty list means nobody.
        """
        self.assertFalse(networkSet([])("10.0.0.1"))


class AdmissionTests(SynchronousTestCase):
    """
    C{allow} and C{deny}.
    """

    def test_everybody(self) -> None:
        """
        Where nothing is said nothing is asked.
        """
        self.assertIsNone(admission([], []))

    def test_both(self) -> None:
        """
        Deny beats allow; where something is allowed all others are not.
        """
        for allow, deny, inside, outside in (
            ([TEN], [], ["10.0.0.1", "10.1.0.1"], ["11.0.0.1", ""]),
            ([], [TEN], ["11.0.0.1", "::1"], ["10.0.0.1"]),
            ([TEN], [PART], ["10.0.0.1"], ["10.1.0.1", "11.0.0.1"]),
            ([PART], [TEN], [], ["10.1.0.1", "10.0.0.1", "11.0.0.1"]),
        ):
            admits = admission(allow, deny)
            assert admits is not None
            self.assertEqual([a for a in inside if not admits(a)], [])
            self.assertEqual([a for a in outside if admits(a)], [])
