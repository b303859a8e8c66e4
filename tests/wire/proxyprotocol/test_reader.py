"""
Tests for L{lbproxy.wire.proxyprotocol.reader}.
"""

from __future__ import annotations

import ipaddress
import socket
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address
from lbproxy.wire.proxyprotocol import (
    BadProxyHeader,
    HeaderReader,
    ProxyHeader,
    TLSInfo,
    TLVs,
    Transport,
    encodeV1,
    encodeV2,
)
from tests.wire.proxyprotocol.test_v2 import FOUR, SIGNATURE, raw

LINE = b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n"
BINARY = raw(0x11, FOUR + b"\x01\x00\x02h2")


def readAll(data: bytes) -> tuple[ProxyHeader | None, bytes]:
    reader = HeaderReader()
    return reader.feed(data), reader.rest


class HeaderReaderTests(SynchronousTestCase):
    """
    Tests for L{HeaderReader}.
    """

    def test_whole(self) -> None:
        """
        A header in one piece; what follows it is left alone.
        """
        for data in (LINE, BINARY):
            for rest in (b"", b"GET / HTTP/1.1\r\n", SIGNATURE, LINE):
                header, found = readAll(data + rest)
                self.assertIsNotNone(header)
                self.assertEqual(found, rest)

    def test_byteByByte(self) -> None:
        """
        However it is cut, the header is the same, and known with its last byte.
        """
        for data in (LINE, BINARY):
            reader = HeaderReader()
            for byte in data[:-1]:
                self.assertIsNone(reader.feed(bytes((byte,))))
            self.assertEqual(reader.feed(data[-1:]), readAll(data)[0])
            self.assertEqual(reader.rest, b"")

    def test_truncated(self) -> None:
        """
        Cut short at any point there is no header yet.
        """
        for data in (LINE, BINARY):
            for length in range(len(data)):
                self.assertIsNone(readAll(data[:length])[0])

    def test_earlyNo(self) -> None:
        """
        What cannot become a header is refused with the first byte that shows it.
        """
        for wrong in (
            b"G",
            b"\x16",
            b"PROXX",
            b"PROXY\t",
            b"\r\n\r\n\x01",
            b"\r\r",
            SIGNATURE + b"\x11",
            SIGNATURE + b"\x22",
            raw(0x51, FOUR)[:16],
            b"PROXY TCP4 1.1.1.1\n",
            b"PROXY TCP4\rx",
            b"PROXY TCP4 \r\r",
        ):
            reader = HeaderReader()
            for byte in wrong[:-1]:
                self.assertIsNone(reader.feed(bytes((byte,))))
            with self.assertRaises(BadProxyHeader, msg=wrong):
                reader.feed(wrong[-1:])

    def test_longestLine(self) -> None:
        """
        A line may have 107 bytes, its end included, and not one more.
        """
        line = b"PROXY UNKNOWN " + b"f" * 91
        self.assertEqual(len(line), 105)
        self.assertIsNotNone(readAll(line + b"\r\n")[0])
        self.assertRaises(BadProxyHeader, readAll, line + b"f\r\n")
        self.assertIsNone(readAll(line + b"\r")[0])
        self.assertRaises(BadProxyHeader, readAll, line + b"ff")

    def test_limit(self) -> None:
        """
        A binary header that says it is too long is refused before it comes.
        """
        pad = b"\x04" + (4096 - 12 - 3).to_bytes(2, "big") + bytes(4096 - 12 - 3)
        self.assertIsNotNone(readAll(raw(0x11, FOUR + pad))[0])
        for command in (0x20, 0x21):
            head = raw(0x11, bytes(4097), command=command)[:16]
            self.assertRaises(BadProxyHeader, HeaderReader().feed, head)

    def test_inside(self) -> None:
        """
        A whole header that contradicts itself is refused, too.
        """
        self.assertRaises(BadProxyHeader, readAll, raw(0x11, FOUR + b"\x01"))
        self.assertRaises(BadProxyHeader, readAll, b"PROXY TCP4 1.1.1.1 2.2.2.2 1 70000\r\n")


ports = st.integers(0, 65535)
fours = st.ip_addresses(v=4).map(str)
# IPv4 in IPv6's clothes is written as what it is.
sixes = (
    st.ip_addresses(v=6)
    .map(lambda ip: socket.inet_ntop(socket.AF_INET6, ip.packed))
    .filter(lambda ip: not ip.startswith("::ffff:"))
)
names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
paths = names.map(lambda name: Address(path=f"/{name}"))
ascii_ = st.text(st.characters(codec="ascii"), max_size=20)
others = st.lists(st.tuples(st.integers(0xE0, 0xFF), st.binary(max_size=40)), max_size=3).map(tuple)
tlsInfos = st.builds(
    TLSInfo,
    secure=st.booleans(),
    certificateShown=st.booleans(),
    certificateInSession=st.booleans(),
    verify=st.integers(0, 2**32 - 1),
    version=names,
    commonName=names,
    cipher=names,
    signatureAlgorithm=names,
    keyAlgorithm=names,
    group=names,
    signatureScheme=names,
    certificate=st.binary(max_size=60),
)
tlvs = st.builds(
    TLVs,
    alpn=st.binary(max_size=20),
    authority=names,
    uniqueID=st.binary(max_size=128),
    tls=st.none() | tlsInfos,
    networkNamespace=ascii_,
    others=others,
)


def pairs(hosts: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[Address, Address]]:
    address = st.builds(Address, hosts, ports)
    return st.tuples(address, address)


def fed(data: bytes, cuts: list[int]) -> tuple[ProxyHeader | None, bytes]:
    """
    What a reader makes of C{data} when it is cut at C{cuts}.
    """
    reader = HeaderReader()
    bounds = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, end in pairwise(bounds):
        header = reader.feed(data[start:end])
        if header is not None:
            return header, reader.rest + data[end:]
    return None, b""


class RoundTripTests(SynchronousTestCase):
    """
    What is written is read again.
    """

    @given(
        st.sampled_from((Transport.STREAM, Transport.DATAGRAM)),
        pairs(fours) | pairs(sixes) | st.tuples(paths, paths),
        tlvs,
        st.booleans(),
        st.lists(st.integers(0, 500), max_size=4),
        st.binary(max_size=20),
    )
    def test_v2(
        self,
        transport: Transport,
        addresses: tuple[Address, Address],
        parts: TLVs,
        checksum: bool,
        cuts: list[int],
        rest: bytes,
    ) -> None:
        """
        Any header of version 2, in any pieces, with anything after it.
        """
        header = ProxyHeader(transport, *addresses, parts)
        self.assertEqual(fed(encodeV2(header, checksum=checksum) + rest, cuts), (header, rest))

    @given(
        pairs(fours) | pairs(sixes),
        st.lists(st.integers(0, 120), max_size=4),
        st.binary(max_size=20),
    )
    def test_v1(self, addresses: tuple[Address, Address], cuts: list[int], rest: bytes) -> None:
        """
        Any line of version 1, in any pieces, with anything after it.
        """
        header = ProxyHeader(Transport.STREAM, *addresses, version=1)
        self.assertEqual(fed(encodeV1(header) + rest, cuts), (header, rest))

    @given(
        st.binary(max_size=300), st.sampled_from((b"", SIGNATURE, SIGNATURE + b"\x21", b"PROXY "))
    )
    def test_anything(self, data: bytes, start: bytes) -> None:
        """
        Whatever comes, the answer is one of three: a header, not yet, no.
        """
        try:
            header, rest = readAll(start + data)
        except BadProxyHeader:
            return
        if header is not None:
            self.assertTrue((start + data).endswith(rest))
            for address in (header.source, header.destination):
                if address is not None and address.host:
                    ipaddress.ip_address(address.host)
