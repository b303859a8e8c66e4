"""
Tests for L{lbproxy.net.udp.asked}.
"""

from __future__ import annotations

import socket
import struct
from typing import cast

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.net.udp.asked import IP_PKTINFO, Asked, PacketInformation
from lbproxy.net.udp.listening import DatagramPort

PORT = cast(DatagramPort, object())


def info4(interface: int, local: str) -> list[tuple[int, int, bytes]]:
    packed = socket.inet_aton(local)
    return [(socket.IPPROTO_IP, IP_PKTINFO, struct.pack("=i4s4s", interface, packed, packed))]


def info6(local: str, interface: int) -> list[tuple[int, int, bytes]]:
    packed = socket.inet_pton(socket.AF_INET6, local)
    return [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, struct.pack("=16si", packed, interface))]


class PacketInformationTests(SynchronousTestCase):
    """
    Tests for L{PacketInformation}.
    """

    def setUp(self) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(sock.close)
        self.information = PacketInformation(PORT, sock)

    def read(self, ancillary: list[tuple[int, int, bytes]]) -> Asked:
        return self.information.read(ancillary)

    def test_IPv4(self) -> None:
        """
        The answer is sent from the address that was asked, by whatever interface leads back.
        """
        asked = self.read(info4(2, "192.0.2.7"))
        self.assertEqual(asked.host, "192.0.2.7")
        reply = struct.pack("=i4s4s", 0, socket.inet_aton("192.0.2.7"), bytes(4))
        self.assertEqual(asked.ancillary, [(socket.IPPROTO_IP, IP_PKTINFO, reply)])

    def test_IPv6(self) -> None:
        """
        As with IPv4.
        """
        asked = self.read(info6("2001:db8::7", 2))
        self.assertEqual(asked.host, "2001:db8::7")
        self.assertEqual(asked.ancillary, info6("2001:db8::7", 0))

    def test_linkLocal(self) -> None:
        """
        An answer from a link-local address leaves by the interface that it belongs to, and the
        same address on another interface is another one.
        """
        asked = self.read(info6("fe80::7", 2))
        self.assertEqual((asked.host, asked.name), ("fe80::7", "fe80::7%2"))
        self.assertEqual(asked.ancillary, info6("fe80::7", 2))
        self.assertIsNot(self.read(info6("fe80::7", 3)), asked)

    def test_mapped(self) -> None:
        """
        What IPv4 clients ask of a dual-stack socket is an IPv4 address.
        """
        asked = self.read(info6("::ffff:192.0.2.7", 1))
        self.assertEqual(asked.host, "192.0.2.7")
        self.assertEqual(asked.ancillary, info6("::ffff:192.0.2.7", 0))

    def test_multicast(self) -> None:
        """
        Nobody can answer from a multicast address: the system chooses.
        """
        self.assertEqual(self.read(info6("ff02::fb", 1)).ancillary, [])

    def test_same(self) -> None:
        """
        The same address is the same object, by whichever interface it was asked.
        """
        asked = self.read(info4(1, "192.0.2.7"))
        self.assertIs(self.read(info4(1, "192.0.2.7")), asked)
        self.assertIs(self.read(info4(2, "192.0.2.7")), asked)
        self.assertIsNot(self.read(info4(1, "192.0.2.8")), asked)

    def test_notTold(self) -> None:
        """
        Where the kernel says nothing the system chooses.
        """
        self.assertIsNone(self.read([]).ancillary)
        self.assertIsNone(self.read([(socket.SOL_SOCKET, 1, b"1234")]).ancillary)

    def test_bounded(self) -> None:
        """
        Somebody who asks all of 127.0.0.0/8 does not fill our memory.
        """
        for number in range(5000):
            self.read(info4(1, f"127.0.{number >> 8}.{number & 255}"))
        self.assertLessEqual(len(self.information._memo), 1024)
        self.assertLessEqual(len(self.information._known), 1024)
