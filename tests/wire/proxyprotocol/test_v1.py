"""
Tests for L{lbproxy.wire.proxyprotocol.v1}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address
from lbproxy.wire.proxyprotocol import LOCAL, BadProxyHeader, ProxyHeader, Transport, encodeV1
from lbproxy.wire.proxyprotocol.v1 import parseV1

BAD = (
    b"PROXY",
    b"PROXY ",
    b"PROXY TCP5 1.1.1.1 2.2.2.2 1 2",
    b"PROXY tcp4 1.1.1.1 2.2.2.2 1 2",
    b"PROXY UDP4 1.1.1.1 2.2.2.2 1 2",
    b"PROXY UNKNOWNS",
    b"PROXY  TCP4 1.1.1.1 2.2.2.2 1 2",
    b"PROXY TCP4  1.1.1.1 2.2.2.2 1 2",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 ",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3",
    b"PROXY TCP4 1.1.1.1\t2.2.2.2 1 2",
    b"PROXY TCP4 1.1.1 2.2.2.2 1 2",
    b"PROXY TCP4 01.1.1.1 2.2.2.2 1 2",
    b"PROXY TCP4 1.1.1.256 2.2.2.2 1 2",
    b"PROXY TCP4 ::1 ::1 1 2",
    b"PROXY TCP4 <script> 2.2.2.2 1 2",
    b"PROXY TCP6 1.1.1.1 2.2.2.2 1 2",
    b"PROXY TCP6 ::1%lo ::1 1 2",
    b"PROXY TCP6 [::1] ::1 1 2",
    b"PROXY TCP6 ::1 ::g 1 2",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 01 2",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 00 2",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 65536 2",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1 99999",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 -1 2",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 +1 2",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1_0 2",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 abc 2",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 \xb2 2",
    b"PROXY TCP4 1.1.1.\xb2 2.2.2.2 1 2",
)


class ParseV1Tests(SynchronousTestCase):
    """
    Tests for L{parseV1}.
    """

    def test_TCP4(self) -> None:
        """
        The specification's own example.
        """
        header = parseV1(b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n")
        self.assertEqual(header.transport, Transport.STREAM)
        self.assertEqual(header.source, Address("192.168.0.1", 56324))
        self.assertEqual(header.destination, Address("192.168.0.11", 443))
        self.assertEqual(header.version, 1)

    def test_TCP6(self) -> None:
        """
        Addresses are told in their canonical form, however they were written.
        """
        header = parseV1(b"PROXY TCP6 2001:DB8:0:0::1 ::ffff:192.0.2.1 0 65535\r\n")
        self.assertEqual(header.source, Address("2001:db8::1", 0))
        self.assertEqual(header.destination, Address("::ffff:192.0.2.1", 65535))

    def test_UNKNOWN(self) -> None:
        """
        The connection's own addresses count, whatever else the line says.
        """
        for line in (b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ffff::1 x \x00 9999999\r\n"):
            self.assertIsNone(parseV1(line).source)

    def test_bad(self) -> None:
        """
        What is not exactly such a line is refused.
        """
        for line in BAD:
            with self.assertRaises(BadProxyHeader, msg=line):
                parseV1(line + b"\r\n")


class EncodeV1Tests(SynchronousTestCase):
    """
    Tests for L{encodeV1}.
    """

    def encode(self, source: str, destination: str) -> bytes:
        return encodeV1(
            ProxyHeader(Transport.STREAM, Address(source, 56324), Address(destination, 443))
        )

    def test_TCP4(self) -> None:
        """
        One line.
        """
        self.assertEqual(
            self.encode("192.168.0.1", "192.168.0.11"),
            b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n",
        )

    def test_TCP6(self) -> None:
        """
        One line; interfaces are nobody else's business.
        """
        self.assertEqual(
            self.encode("fe80::1%eth0", "2001:db8::1"),
            b"PROXY TCP6 fe80::1 2001:db8::1 56324 443\r\n",
        )

    def test_dualStack(self) -> None:
        """
        IPv4 addresses as an IPv6 socket shows them are IPv4 addresses.
        """
        self.assertEqual(
            self.encode("::ffff:192.0.2.1", "192.0.2.2"),
            b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n",
        )

    def test_mixed(self) -> None:
        """
        Where only one is IPv4 both are written as IPv6.
        """
        self.assertEqual(
            self.encode("192.0.2.1", "2001:db8::1"),
            b"PROXY TCP6 ::ffff:192.0.2.1 2001:db8::1 56324 443\r\n",
        )

    def test_unknown(self) -> None:
        """
        What the version has no word for is UNKNOWN.
        """
        four = Address("192.0.2.1", 1)
        for header in (
            LOCAL,
            ProxyHeader(Transport.STREAM, Address(path="/a"), Address(path="/b")),
            ProxyHeader(Transport.DATAGRAM, four, four),
            ProxyHeader(Transport.STREAM, four, Address("a.name", 1)),
        ):
            self.assertEqual(encodeV1(header), b"PROXY UNKNOWN\r\n")
