"""
Tests for L{lbproxy.wire.quic}.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.wire.quic import LongHeader, readLongHeader, shortDestination

V1 = b"\x00\x00\x00\x01"
V2 = b"\x6b\x33\x43\xcf"

#: The client's Initial of RFC 9001, appendix A.2, and the server's of A.3.
CLIENT = bytes.fromhex("c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11")
SERVER = bytes.fromhex("cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a")


def longPacket(destination: bytes, source: bytes, version: bytes = V1, first: int = 0xC3) -> bytes:
    ids = bytes((len(destination),)) + destination + bytes((len(source),)) + source
    return bytes((first,)) + version + ids + b"\x00\x41\x00" + bytes(60)


class ReadLongHeaderTests(SynchronousTestCase):
    """
    Tests for L{readLongHeader}.
    """

    def test_RFC(self) -> None:
        """
        The packets of the RFC's example.
        """
        self.assertEqual(readLongHeader(CLIENT), LongHeader(bytes.fromhex("8394c8f03e515708"), b""))
        self.assertEqual(readLongHeader(SERVER), LongHeader(b"", bytes.fromhex("f067a5502a4262b5")))

    def test_version2(self) -> None:
        """
        QUIC 2, also with the fixed bit greased.
        """
        packet = longPacket(b"dest", b"source", V2, first=0x83)
        self.assertEqual(readLongHeader(packet), LongHeader(b"dest", b"source"))

    def test_truncated(self) -> None:
        """
        Cut before the end of the IDs there are none.
        """
        whole = longPacket(b"destination", b"source")
        end = 1 + 4 + 1 + 11 + 1 + 6
        for length in range(end):
            self.assertIsNone(readLongHeader(whole[:length]))
        self.assertIsNotNone(readLongHeader(whole[:end]))

    def test_somethingElse(self) -> None:
        """
        Short headers, other versions, version negotiation, IDs that are too long, other protocols.
        """
        for datagram in (
            b"",
            longPacket(b"dest", b"source", first=0x43),
            longPacket(b"dest", b"source", version=b"\x00\x00\x00\x00"),
            longPacket(b"dest", b"source", version=b"\x0a\x0a\x0a\x0a"),
            longPacket(b"d" * 21, b"source"),
            longPacket(b"dest", b"s" * 21),
            # A DNS answer whose ID begins with a set bit.
            bytes.fromhex("c3aa81800001000100000000") + bytes(40),
        ):
            self.assertIsNone(readLongHeader(datagram))

    @given(st.binary(max_size=60), st.sampled_from((b"", b"\xc0" + V1, b"\xc0" + V2)))
    def test_anything(self, data: bytes, start: bytes) -> None:
        """
        Whatever comes, it is read or not, and nothing is made up.
        """
        header = readLongHeader(start + data)
        if header is not None:
            self.assertIn(header.destination, start + data)
            self.assertIn(header.source, start + data)


class ShortDestinationTests(SynchronousTestCase):
    """
    Tests for L{shortDestination}.
    """

    def test_short(self) -> None:
        """
        The ID follows the first byte.
        """
        self.assertEqual(shortDestination(b"\x41abcdefghpayload", 8), b"abcdefgh")
        self.assertEqual(shortDestination(b"\x01abcdefghpayload", 8), b"abcdefgh")

    def test_notShort(self) -> None:
        """
        Long headers, and what is too short to have one.
        """
        self.assertEqual(shortDestination(CLIENT, 8), b"")
        self.assertEqual(shortDestination(b"\x41abcdefg", 8), b"")
        self.assertEqual(shortDestination(b"", 0), b"")
