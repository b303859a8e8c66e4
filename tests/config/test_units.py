"""
Tests for L{lbproxy.config.units}.
"""

from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address
from lbproxy.config.kinds import Kind
from lbproxy.config.scalar import Scalar
from lbproxy.config.units import (
    AddressKind,
    DurationKind,
    NetworkKind,
    PeerKind,
    PercentKind,
    SizeKind,
)


class UnitTests(SynchronousTestCase):
    """
    Durations, sizes, percentages, networks, addresses.
    """

    def refused(self, kind: Kind, value: object) -> str:
        return str(self.assertRaises(ValueError, kind.parse, value))

    def test_durations(self) -> None:
        """
        Each unit is what it says; a bare number is seconds.
        """
        wanted: dict[str | float, float] = {
            "250ms": 0.25,
            "2s": 2.0,
            "1.5s": 1.5,
            "5m": 300.0,
            "1h": 3600.0,
            "1d": 86400.0,
        }
        for text, seconds in (wanted | {0: 0.0, 3: 3.0, 0.5: 0.5}).items():
            self.assertEqual(DurationKind().parse(text), seconds)

    def test_whatIsNoDuration(self) -> None:
        """
        Unknown units, several units, signs and words are refused with the forms there are.
        """
        for value in ("2", "2 s", "2S", "1m30s", "-1s", "soon", "", "1e3s", True, None, [1]):
            self.assertIn(
                'is not a duration; wanted "250ms", "2s", "5m", "1h" or a number of seconds',
                self.refused(DurationKind(), value),
            )
        for number in (-1, "99999d", float("inf"), float("nan")):
            self.assertIn("is out of range", self.refused(DurationKind(), number))
        self.assertIn("above 0", self.refused(DurationKind(positive=True), "0s"))

    def test_sizes(self) -> None:
        """
        Binary units and whole bytes only.
        """
        wanted: dict[str | int, int] = {
            "0B": 0,
            "8KiB": 8192,
            "1.5KiB": 1536,
            "1MiB": 1048576,
            "2GiB": 2**31,
        }
        for text, size in (wanted | {0: 0, 100: 100}).items():
            self.assertEqual(SizeKind().parse(text), size)
        for value in ("8KB", "8k", "8", "0.3B", "-1", 1.5, True, None, "big"):
            self.assertIn("is not a size", self.refused(SizeKind(), value))
        self.assertIn("is out of range", self.refused(SizeKind(), -1))
        self.assertIn("at least 64 bytes", self.refused(SizeKind(64), 63))

    def test_percentages(self) -> None:
        """
        With a sign they are shares; 0 needs none; a bare number could mean two things.
        """
        for text, share in {"10%": 0.1, "0%": 0.0, "100%": 1.0, "2.5%": 0.025, 0: 0.0}.items():
            self.assertEqual(PercentKind().parse(text), share)
        for value in (0.1, 1, 10, "10", "10 %", True, None, "half"):
            self.assertIn("is not a percentage", self.refused(PercentKind(), value))
        self.assertIn("is out of range", self.refused(PercentKind(), "101%"))

    def test_percentagesWhereTheKeySaysSo(self) -> None:
        """
        A key called percent takes a number, too.
        """
        self.assertEqual(PercentKind(bare=True).parse(10), 0.1)
        self.assertEqual(PercentKind(bare=True).parse("10%"), 0.1)
        self.assertIn("is out of range", self.refused(PercentKind(bare=True), 101))

    def test_networks(self) -> None:
        """
        CIDRs of both families; an address alone is a network of one.
        """
        for text in ("10.0.0.0/8", "10.0.0.1", "2001:db8::/32", "::1", "0.0.0.0/0"):
            self.assertEqual(NetworkKind().parse(text), ipaddress.ip_network(text))
        self.assertEqual(
            self.refused(NetworkKind(), "10.1.2.3/8"),
            '"10.1.2.3/8" has bits set behind its prefix; wanted "10.0.0.0/8"',
        )
        for value in ("10.0.0.0/33", "010.0.0.1", "10.0.0", "unix", "", "10.0.0.0/8/8"):
            self.assertIn("is not a network", self.refused(NetworkKind(), value))
        self.assertIn("wanted text", self.refused(NetworkKind(), 10))

    def test_peersOverUNIXSockets(self) -> None:
        """
        Who is trusted may also be whoever comes over a UNIX socket.
        """
        self.assertEqual(PeerKind().parse("unix"), "unix")
        self.assertEqual(PeerKind().parse("::1"), ipaddress.ip_network("::1"))

    def test_addressesToConnectTo(self) -> None:
        """
        A name, an IPv4 or a bracketed IPv6 address with a port, or a socket's path.
        """
        for text in ("10.0.0.1:80", "web-1.internal:8080", "[::1]:80", "unix:/run/web.sock"):
            self.assertEqual(str(AddressKind().parse(text)), text)
        self.assertIn("not a port to connect to", self.refused(AddressKind(), "10.0.0.1:0"))
        self.assertIn("can only be bound", self.refused(AddressKind(), "systemd:web"))

    def test_addressesToBind(self) -> None:
        """
        Numeric ones, any port, sockets' paths, and what systemd hands over; never a name.
        """
        for text in ("0.0.0.0:0", "[::]:443", "unix:/run/web.sock", "systemd:web"):
            self.assertEqual(str(AddressKind(bind=True).parse(text)), text)
        self.assertIn("is a name", self.refused(AddressKind(bind=True), "web:80"))

    def test_socketPathsStartAtTheirFile(self) -> None:
        """
        The path of a socket is relative to the file that names it, and not too long for the kernel.
        """
        text = Scalar("unix:run/web.sock", "/etc/lbproxy")
        self.assertEqual(AddressKind().parse(text), Address(path="/etc/lbproxy/run/web.sock"))
        self.assertIn("too long", self.refused(AddressKind(), "unix:/" + "a" * 107))

    @given(
        st.text(max_size=30)
        | st.integers()
        | st.floats()
        | st.booleans()
        | st.none()
        | st.from_regex(r"[0-9.]{1,20}(ms|s|KiB|%|/[0-9]{1,3}|:[0-9]{1,6})?", fullmatch=True)
    )
    def test_anythingElseIsRefusedPolitely(self, value: object) -> None:
        """
        Whatever is given, it is either understood or refused with a sentence.
        """
        for kind in (DurationKind(), SizeKind(), PercentKind(), PeerKind(), AddressKind()):
            try:
                kind.parse(value)
            except ValueError as error:
                self.assertNotEqual(str(error), "")
