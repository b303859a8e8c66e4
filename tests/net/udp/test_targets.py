"""
Tests for L{lbproxy.net.udp.targets}.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address
from lbproxy.net.udp.targets import Target, Targets

NAME = Address("ns.example", 53)
FOUR: Target = (socket.AF_INET, ("192.0.2.1", 53))


class Resolving(Clock):
    """
    A reactor whose resolver answers when it is told to.
    """

    def __init__(self) -> None:
        super().__init__()
        self.nameResolver = self
        self.asked: list[tuple[str, int]] = []
        self.receivers: list[Any] = []

    def resolveHostName(self, receiver: Any, name: str, port: int, transportSemantics: str) -> None:
        self.asked.append((name, port))
        receiver.resolutionBegan(None)
        self.receivers.append(receiver)

    def answer(self, *addresses: IPv4Address | IPv6Address) -> None:
        receiver = self.receivers.pop(0)
        for address in addresses:
            receiver.addressResolved(address)
        receiver.resolutionComplete()


class TargetsTests(SynchronousTestCase):
    """
    Tests for L{Targets}.
    """

    def setUp(self) -> None:
        self.reactor = Resolving()
        self.targets = Targets(self.reactor, self.reactor.seconds)  # type: ignore[arg-type]
        self.got: list[Target | None] = []

    def test_numeric(self) -> None:
        """
        Numeric and UNIX addresses need nobody.
        """
        self.assertEqual(self.targets.find(Address("192.0.2.1", 53)), FOUR)
        self.assertEqual(self.targets.find(Address(path="/run/x")), (socket.AF_UNIX, "/run/x"))
        self.assertEqual(self.reactor.asked, [])

    def test_name(self) -> None:
        """
        A name is asked for once for all who wait, then remembered.
        """
        self.assertIsNone(self.targets.find(NAME))
        self.targets.resolve(NAME, self.got.append)
        self.targets.resolve(NAME, self.got.append)
        self.reactor.answer(IPv4Address("UDP", "192.0.2.1", 53), IPv4Address("UDP", "9.9.9.9", 53))
        self.assertEqual(self.got, [FOUR, FOUR])
        self.assertEqual(self.targets.find(NAME), FOUR)
        self.assertEqual(self.reactor.asked, [("ns.example", 53)])

    def test_IPv6(self) -> None:
        """
        A name may have an IPv6 address.
        """
        self.targets.resolve(NAME, self.got.append)
        self.reactor.answer(IPv6Address("UDP", "2001:db8::1", 53))
        self.assertEqual(self.got, [(socket.AF_INET6, ("2001:db8::1", 53, 0, 0))])

    def test_unknownName(self) -> None:
        """
        Who waits for a name that does not resolve is told, and the next one asks again.
        """
        self.targets.resolve(NAME, self.got.append)
        self.reactor.answer()
        self.assertEqual(self.got, [None])
        self.targets.resolve(NAME, self.got.append)
        self.assertEqual(len(self.reactor.asked), 2)

    def test_moved(self) -> None:
        """
        After half a minute the name is asked for again, while the old address serves.
        """
        self.targets.resolve(NAME, self.got.append)
        self.reactor.answer(IPv4Address("UDP", "192.0.2.1", 53))
        self.reactor.advance(29)
        self.targets.find(NAME)
        self.assertEqual(len(self.reactor.asked), 1)
        self.reactor.advance(1)
        self.assertEqual(self.targets.find(NAME), FOUR)
        self.assertEqual(self.targets.find(NAME), FOUR)
        self.assertEqual(len(self.reactor.asked), 2)
        self.reactor.answer(IPv4Address("UDP", "192.0.2.2", 53))
        self.assertEqual(self.targets.find(NAME), (socket.AF_INET, ("192.0.2.2", 53)))

    def test_lastGood(self) -> None:
        """
        A name that no longer resolves keeps the address it had.
        """
        self.targets.resolve(NAME, self.got.append)
        self.reactor.answer(IPv4Address("UDP", "192.0.2.1", 53))
        self.reactor.advance(31)
        self.targets.find(NAME)
        self.reactor.answer()
        self.assertEqual(self.targets.find(NAME), FOUR)

    def test_bounded(self) -> None:
        """
        A discovery that invents addresses does not fill our memory.
        """
        for number in range(17_000):
            self.targets.find(Address("127.0.0.1", number))
        self.assertLessEqual(len(self.targets._known), 16_384)
