"""
Tests for L{lbproxy.wire.proxyprotocol.addresses}.
"""

from __future__ import annotations

import socket

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address
from lbproxy.wire.proxyprotocol.addresses import inetFamily, packPath, unpackPath


class InetFamilyTests(SynchronousTestCase):
    """
    Tests for L{inetFamily}.
    """

    def test_same(self) -> None:
        """
        Two of one family stay in it.
        """
        self.assertEqual(
            inetFamily("1.2.3.4", "5.6.7.8"),
            (socket.AF_INET, b"\x01\x02\x03\x04", b"\x05\x06\x07\x08"),
        )
        self.assertEqual(inetFamily("::1", "::2"), (socket.AF_INET6, _six(1), _six(2)))

    def test_mapped(self) -> None:
        """
        IPv4 in IPv6's clothes is IPv4, if the other one can be, too.
        """
        four = (socket.AF_INET, b"\x01\x02\x03\x04", b"\x05\x06\x07\x08")
        self.assertEqual(inetFamily("::ffff:1.2.3.4", "5.6.7.8"), four)
        self.assertEqual(inetFamily("::ffff:1.2.3.4", "::ffff:5.6.7.8"), four)
        mapped = bytes(10) + b"\xff\xff\x01\x02\x03\x04"
        self.assertEqual(inetFamily("1.2.3.4", "::2"), (socket.AF_INET6, mapped, _six(2)))

    def test_none(self) -> None:
        """
        Names and paths have no family.
        """
        self.assertIsNone(inetFamily("localhost", "1.2.3.4"))
        self.assertIsNone(inetFamily("", ""))


class PathTests(SynchronousTestCase):
    """
    Tests for L{packPath} and L{unpackPath}.
    """

    def test_roundTrip(self) -> None:
        """
        Any path of at most 108 bytes comes back, also bytes that are no text.
        """
        for path in ("", "/run/x", "\0abstract", "/" + "x" * 107, "/\udcff"):
            packed = packPath(Address(path=path))
            self.assertEqual(len(packed), 108)
            self.assertEqual(unpackPath(packed).path, path)

    def test_rubbishBehind(self) -> None:
        """
        What stands behind a path's end is not part of it.
        """
        self.assertEqual(unpackPath(b"/a\0junk".ljust(108, b"x")).path, "/a")


def _six(last: int) -> bytes:
    return bytes(15) + bytes((last,))
