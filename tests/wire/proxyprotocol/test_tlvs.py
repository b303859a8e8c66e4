"""
Tests for L{lbproxy.wire.proxyprotocol.tlvs}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address
from lbproxy.wire.proxyprotocol import (
    BadProxyHeader,
    ProxyHeader,
    TLSInfo,
    TLVs,
    Transport,
    decodeV2,
    encodeV2,
)
from lbproxy.wire.proxyprotocol.crc32c import crc32c
from tests.wire.proxyprotocol.test_v2 import FOUR, raw

PAIR = Address("192.0.2.1", 4096), Address("192.0.2.2", 443)


def tlv(kind: int, value: bytes) -> bytes:
    return bytes((kind,)) + len(value).to_bytes(2, "big") + value


def parse(*tlvs: bytes) -> TLVs:
    return decodeV2(raw(0x11, FOUR + b"".join(tlvs))).tlvs


class ParseTLVsTests(SynchronousTestCase):
    """
    Tests for what version 2 says beside addresses.
    """

    def test_each(self) -> None:
        """
        Each has its name.
        """
        found = parse(
            tlv(0x01, b"h2"),
            tlv(0x02, "bücher.example".encode()),
            tlv(0x05, b"\x00id"),
            tlv(0x30, b"blue"),
        )
        self.assertEqual(found.alpn, b"h2")
        self.assertEqual(found.authority, "bücher.example")
        self.assertEqual(found.uniqueID, b"\x00id")
        self.assertEqual(found.networkNamespace, "blue")
        self.assertIsNone(found.tls)

    def test_TLS(self) -> None:
        """
        A TLS client with a certificate, as HAProxy describes it.
        """
        value = b"\x07\x00\x00\x00\x00" + b"".join(
            (
                tlv(0x21, b"TLSv1.3"),
                tlv(0x22, b"Jane"),
                tlv(0x23, b"TLS_AES_128_GCM_SHA256"),
                tlv(0x24, b"RSA-SHA256"),
                tlv(0x25, b"EC256"),
                tlv(0x26, b"X25519"),
                tlv(0x27, b"ecdsa_secp256r1_sha256"),
                tlv(0x28, b"\x30\x82"),
                tlv(0x2F, b"to come"),
            )
        )
        self.assertEqual(
            parse(tlv(0x20, value)).tls,
            TLSInfo(
                secure=True,
                certificateShown=True,
                certificateInSession=True,
                verify=0,
                version="TLSv1.3",
                commonName="Jane",
                cipher="TLS_AES_128_GCM_SHA256",
                signatureAlgorithm="RSA-SHA256",
                keyAlgorithm="EC256",
                group="X25519",
                signatureScheme="ecdsa_secp256r1_sha256",
                certificate=b"\x30\x82",
            ),
        )

    def test_notTLS(self) -> None:
        """
        The part may also say that the client did not use TLS.
        """
        found = parse(tlv(0x20, b"\x00\x00\x00\x00\x01")).tls
        self.assertEqual(found, TLSInfo(secure=False, verify=1))

    def test_others(self) -> None:
        """
        Padding is skipped; what has no name here is kept in order, also twice.
        """
        found = parse(tlv(4, b"pad"), tlv(0xE1, b"b"), tlv(4, b""), tlv(0xE0, b"a"), tlv(0xE1, b""))
        self.assertEqual(found.others, ((0xE1, b"b"), (0xE0, b"a"), (0xE1, b"")))

    def test_checksum(self) -> None:
        """
        A right checksum passes wherever it stands; one flipped bit in what it covers does not.
        """
        data = raw(0x11, FOUR + tlv(3, bytes(4)) + tlv(1, b"h2"))
        right = data.replace(bytes(4), crc32c(data).to_bytes(4, "big"))
        self.assertEqual(decodeV2(right).tlvs.alpn, b"h2")
        kind = 16 + len(FOUR)  # a flip there would make it something else than a checksum
        for position in {*range(16, len(right))} - {kind}:
            wrong = bytearray(right)
            wrong[position] ^= 0x10
            self.assertRaises(BadProxyHeader, decodeV2, bytes(wrong))

    def test_bad(self) -> None:
        """
        Parts that do not fit, say two things at once, or are no text where text belongs.
        """
        for tlvs in (
            b"\x01",
            b"\x01\x00",
            b"\x01\x00\x01",
            b"\x01\xff\xffh2",
            tlv(1, b"h2") + b"\x00",
            tlv(1, b"h2") + tlv(1, b"h3"),
            tlv(2, b"a") + tlv(2, b"a"),
            tlv(2, b"\xff\xfe"),
            tlv(3, b"\x00\x00\x00\x00"),
            tlv(3, b"abc"),
            tlv(3, b""),
            tlv(5, b"x" * 129),
            tlv(0x20, b"\x01\x00\x00\x00"),
            tlv(0x20, b"\x01\x00\x00\x00\x00\x21"),
            tlv(0x20, b"\x01\x00\x00\x00\x00\x21\x00\x09TLSv1.3"),
            tlv(0x20, b"\x01\x00\x00\x00\x00" + tlv(0x22, b"\xff")),
            tlv(0x30, "blü".encode()),
        ):
            with self.assertRaises(BadProxyHeader, msg=tlvs):
                parse(tlvs)


class EncodeTLVsTests(SynchronousTestCase):
    """
    Tests for L{encodeV2} with more than addresses.
    """

    def test_bytes(self) -> None:
        """
        Types, lengths and bits are the specification's.
        """
        tlvs = TLVs(alpn=b"h2", tls=TLSInfo(certificateShown=True, verify=0, version="TLSv1.2"))
        wanted = tlv(1, b"h2") + tlv(0x20, b"\x03\x00\x00\x00\x00" + tlv(0x21, b"TLSv1.2"))
        self.assertEqual(
            encodeV2(ProxyHeader(Transport.STREAM, *PAIR, tlvs)), raw(0x11, FOUR + wanted)
        )

    def test_checksum(self) -> None:
        """
        A checksum is over everything, with zeros in its own place.
        """
        data = encodeV2(ProxyHeader(Transport.STREAM, *PAIR), checksum=True)
        zeroed = data[:-4] + bytes(4)
        self.assertEqual(data[-7:], tlv(3, crc32c(zeroed).to_bytes(4, "big")))
        decodeV2(data)
