"""
Tests for L{lbproxy.config.address}.
"""

from __future__ import annotations

import socket

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address


class AddressTests(SynchronousTestCase):
    """
    L{Address}.
    """

    def test_formsAndFamilies(self) -> None:
        """
        Each form is parsed, knows its family, and is written as it was read.
        """
        for text, address, family in (
            ("10.0.0.1:80", Address("10.0.0.1", 80), socket.AF_INET),
            ("[::1]:80", Address("::1", 80), socket.AF_INET6),
            ("[fe80::1%eth0]:80", Address("fe80::1%eth0", 80), socket.AF_INET6),
            ("web_1.internal.:80", Address("web_1.internal.", 80), None),
            ("localhost:0", Address("localhost", 0), None),
            ("a:65535", Address("a", 65535), None),
            ("a." * 126 + "a:1", Address("a." * 126 + "a", 1), None),
            ("systemd:x", Address(systemd="x"), None),
            ("unix:/run/a.sock", Address(path="/run/a.sock"), socket.AF_UNIX),
            ("systemd:web", Address(systemd="web"), None),
        ):
            self.assertEqual(Address.parse(text), address)
            self.assertEqual((str(address), address.family), (text, family))

    def test_whatIsNoAddress(self) -> None:
        """
        Each slip has its own sentence.
        """
        for text, message in {
            "10.0.0.1": 'no port in "10.0.0.1"; wanted "host:port", "[::1]:port" or "unix:/path"',
            ":80": 'no host in ":80"; to bind every address write "0.0.0.0:80"',
            "a:http": '"http" is not a port; wanted a number from 0 to 65535',
            "a:65536": '"65536" is not a port; wanted a number from 0 to 65535',
            "a:\u0665": '"\u0665" is not a port; wanted a number from 0 to 65535',
            "::1:80": 'an IPv6 address takes brackets; wanted "[::1]:80"',
            "[::g]:80": '"::g" is not an IPv6 address; wanted one such as "[::1]:80"',
            "[10.0.0.1]:80": '"10.0.0.1" is not an IPv6 address; wanted one such as "[::1]:80"',
            "10.0.0.256:80": '"10.0.0.256" is not an IPv4 address; wanted four numbers up to 255',
            "1.2.3:80": '"1.2.3" is not an IPv4 address; wanted four numbers up to 255',
            "http://a:80": '"http://a" begins like a URL; wanted "host:port" alone',
            "a b:80": '"a b" is not a host; wanted a name or an IP address',
            "-a:80": '"-a" is not a host; wanted a name or an IP address',
            "a..b:80": '"a..b" is not a host; wanted a name or an IP address',
            "a]:80": '"a]" is not a host; wanted a name or an IP address',
            "[::1:80": '"[::1" is not a host; wanted a name or an IP address',
            "a." * 126 + "ab:80": f'"{"a." * 30}" is not a host; wanted a name or an IP address',
            "unix:": 'wanted a path after "unix:"',
            "systemd:": 'wanted the name of a socket after "systemd:"',
        }.items():
            error = self.assertRaises(ValueError, Address.parse, text)
            self.assertEqual(str(error), message)
