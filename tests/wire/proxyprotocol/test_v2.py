"""
Tests for L{lbproxy.wire.proxyprotocol.v2}.
"""

from __future__ import annotations

import socket

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address
from lbproxy.wire.proxyprotocol import (
    LOCAL,
    BadProxyHeader,
    ProxyHeader,
    TLVs,
    Transport,
    decodeV2,
    encodeV2,
    headerLength,
)

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
FOUR = socket.inet_aton("192.0.2.1") + socket.inet_aton("192.0.2.2") + b"\x10\x00\x01\xbb"
SIX = (
    socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    + socket.inet_pton(socket.AF_INET6, "2001:db8::2")
    + b"\x10\x00\x01\xbb"
)
UNIX = b"/run/client".ljust(108, b"\0") + b"/run/server".ljust(108, b"\0")


def raw(protocol: int, rest: bytes = b"", command: int = 0x21) -> bytes:
    return SIGNATURE + bytes((command, protocol)) + len(rest).to_bytes(2, "big") + rest


class DecodeV2Tests(SynchronousTestCase):
    """
    Tests for L{decodeV2} and L{headerLength}.
    """

    def decode(self, data: bytes) -> ProxyHeader:
        self.assertEqual(headerLength(data + b"and more"), len(data))
        return decodeV2(data)

    def test_inet(self) -> None:
        """
        IPv4 and IPv6, TCP and UDP.
        """
        for protocol, rest, transport, hosts in (
            (0x11, FOUR, Transport.STREAM, ("192.0.2.1", "192.0.2.2")),
            (0x12, FOUR, Transport.DATAGRAM, ("192.0.2.1", "192.0.2.2")),
            (0x21, SIX, Transport.STREAM, ("2001:db8::1", "2001:db8::2")),
            (0x22, SIX, Transport.DATAGRAM, ("2001:db8::1", "2001:db8::2")),
        ):
            header = self.decode(raw(protocol, rest))
            self.assertEqual(header.transport, transport)
            self.assertEqual(header.source, Address(hosts[0], 4096))
            self.assertEqual(header.destination, Address(hosts[1], 443))

    def test_UNIX(self) -> None:
        """
        Paths, for streams and datagrams.
        """
        for protocol, transport in ((0x31, Transport.STREAM), (0x32, Transport.DATAGRAM)):
            header = self.decode(raw(protocol, UNIX))
            self.assertEqual(header.transport, transport)
            self.assertEqual(header.source, Address(path="/run/client"))
            self.assertEqual(header.destination, Address(path="/run/server"))

    def test_oddPaths(self) -> None:
        """
        Sockets without a name, abstract ones, and a path that fills its room.
        """
        long = b"/" + b"x" * 107
        rest = b"\0abstract".ljust(108, b"\0") + long
        header = self.decode(raw(0x31, rest))
        self.assertEqual(header.source, Address(path="\0abstract"))
        self.assertEqual(header.destination, Address(path=long.decode()))
        self.assertEqual(self.decode(raw(0x31, bytes(216))).source, Address(path=""))

    def test_LOCAL(self) -> None:
        """
        The connection's own addresses count; whatever is said with it is skipped by its length.
        """
        for protocol, rest in ((0, b""), (0x11, FOUR), (0xFF, b"junk"), (0x11, b"short")):
            self.assertEqual(self.decode(raw(protocol, rest, command=0x20)), LOCAL)

    def test_unspecified(self) -> None:
        """
        So they do for families and transports that the sender does not know.
        """
        for protocol, rest in ((0, b""), (0, b"whatever"), (0x01, b""), (0x10, b"short"), (2, b"")):
            self.assertIsNone(self.decode(raw(protocol, rest)).source)

    def test_bad(self) -> None:
        """
        Other versions, commands, families and transports are refused, and addresses cut short.
        """
        for data in (
            SIGNATURE[:-1] + b"X" + raw(0x11, FOUR)[12:],
            raw(0x11, FOUR, command=0x11),
            raw(0x11, FOUR, command=0x31),
            raw(0x11, FOUR, command=0x22),
            raw(0x11, FOUR, command=0x2F),
            raw(0x41, FOUR),
            raw(0xF1, FOUR),
            raw(0x13, FOUR),
            raw(0x1F, FOUR),
            raw(0x03),
            raw(0x40),
            raw(0x11, FOUR[:-1]),
            raw(0x21, SIX[:-1]),
            raw(0x31, UNIX[:-1]),
        ):
            with self.assertRaises(BadProxyHeader, msg=data):
                headerLength(data)


class EncodeV2Tests(SynchronousTestCase):
    """
    Tests for L{encodeV2}.
    """

    def test_bytes(self) -> None:
        """
        It writes the bytes that the specification wants.
        """
        four = Address("192.0.2.1", 4096), Address("192.0.2.2", 443)
        six = Address("2001:db8::1", 4096), Address("2001:db8::2", 443)
        paths = Address(path="/run/client"), Address(path="/run/server")
        for transport, addresses, wanted in (
            (Transport.STREAM, four, raw(0x11, FOUR)),
            (Transport.DATAGRAM, four, raw(0x12, FOUR)),
            (Transport.STREAM, six, raw(0x21, SIX)),
            (Transport.DATAGRAM, six, raw(0x22, SIX)),
            (Transport.STREAM, paths, raw(0x31, UNIX)),
            (Transport.DATAGRAM, paths, raw(0x32, UNIX)),
        ):
            self.assertEqual(encodeV2(ProxyHeader(transport, *addresses)), wanted)

    def test_LOCAL(self) -> None:
        """
        Without addresses it is LOCAL, with nothing in it.
        """
        self.assertEqual(encodeV2(LOCAL), raw(0, command=0x20))

    def test_mixed(self) -> None:
        """
        One IPv4 address of two is written as IPv6.
        """
        header = ProxyHeader(Transport.STREAM, Address("192.0.2.1", 1), Address("2001:db8::1", 2))
        self.assertEqual(decodeV2(encodeV2(header)).source, Address("::ffff:192.0.2.1", 1))

    def test_longPath(self) -> None:
        """
        A path that does not fit is left out: half of it would be another one's.
        """
        header = ProxyHeader(Transport.STREAM, Address(path="/" + "x" * 108), Address(path="/b"))
        self.assertEqual(decodeV2(encodeV2(header)).source, Address(path=""))

    def test_tooMuch(self) -> None:
        """
        What no header can say is refused.
        """
        four = Address("192.0.2.1", 1)
        for tlvs in (
            TLVs(alpn=b"x" * 65_536),
            TLVs(alpn=b"x" * 40_000, authority="y" * 40_000),
            TLVs(uniqueID=b"x" * 129),
        ):
            header = ProxyHeader(Transport.STREAM, four, four, tlvs)
            self.assertRaises(ValueError, encodeV2, header)
