"""
Tests for L{lbproxy.net.resolving}: dialing names.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionRefusedError, DNSLookupError, TimeoutError
from twisted.internet.task import Clock

from lbproxy.config.address import Address
from lbproxy.net.deadlines import Deadlines
from tests.net.dialingcase import DialingCase
from tests.net.reactorcase import Recorder, descriptors


class Names:
    """
    Resolves each name to what it was told, when C{answer} is called.
    """

    def __init__(self, reactor: Any, **known: list[IPv4Address]) -> None:
        self.reactor, self.known = reactor, known
        self.asked: list[tuple[Any, str]] = []

    def resolveHostName(self, receiver: Any, hostName: str, portNumber: int = 0) -> Any:
        receiver.resolutionBegan(self)
        self.asked.append((receiver, hostName))
        self.reactor.callLater(0, self.answer, receiver, hostName)
        return self

    def answer(self, receiver: Any, hostName: str) -> None:
        for address in self.known.get(hostName, []):
            receiver.addressResolved(address)
        receiver.resolutionComplete()


class DialingNamesTests(DialingCase):
    """
    Tests for L{dial} with names.
    """

    def names(self, **known: list[IPv4Address]) -> Names:
        names = Names(self.reactor, **known)
        self.reactor.installNameResolver(names)
        return names

    def here(self, port: int, host: str = "127.0.0.1") -> IPv4Address:
        return IPv4Address("TCP", host, port)

    def test_name(self) -> None:
        """
        A name is looked up and connected to.
        """
        port = self.listener().getsockname()[1]
        names = self.names(backend=[self.here(port)])
        self.dial(Address("backend", port))
        self.until(lambda: self.protocol.events)
        self.assertEqual(["backend"], [name for _, name in names.asked])
        self.assertEqual(self.here(port), self.protocol.wire.getPeer())

    def test_nextAddress(self) -> None:
        """
        When a name's first address refuses, the next one is tried.
        """
        port = self.listener(("127.0.0.5", 0)).getsockname()[1]
        self.names(backend=[self.here(port), self.here(port), self.here(port, "127.0.0.5")])
        self.dial(Address("backend", port))
        self.until(lambda: self.protocol.events)
        self.assertEqual("127.0.0.5", self.protocol.wire.getPeer().host)

    def test_swallowingAddressLeavesTimeForTheNext(self) -> None:
        """
        An address that never answers uses up its share of the time only.
        """
        clock = Clock()
        wheel = Deadlines(clock)
        wheel.start()
        port = self.swallowing()
        self.listener(("127.0.0.5", port))
        self.names(backend=[self.here(port), self.here(port, "127.0.0.5")])
        self.dial(Address("backend", port), timeout=4.0, deadlines=wheel)
        self.turns(5)
        for _ in range(11):
            clock.advance(0.2)
        self.until(lambda: self.protocol.events)
        self.assertEqual("127.0.0.5", self.protocol.wire.getPeer().host)
        self.assertEqual(0, len(wheel))

    def test_allRefuse(self) -> None:
        """
        When all addresses refuse, that is told.
        """
        port = self.closedPort()
        self.names(backend=[self.here(port), self.here(port, "127.0.0.5")])
        self.dial(Address("backend", port))
        self.assertIsInstance(self.failure(), ConnectionRefusedError)

    def test_noAddress(self) -> None:
        """
        A name without an address is told as such; so are names that cannot be.
        """
        self.names()
        self.dial(Address("nowhere", 80))
        self.assertIsInstance(self.failure(), DNSLookupError)
        for impossible in ("a..b", "x" * 80, "fe80::1%nowhere0"):
            self.protocol = Recorder()
            self.dial(Address(impossible, 80))
            self.assertIsInstance(self.failure(), DNSLookupError)

    def test_cancelledLookup(self) -> None:
        """
        A dial that is cancelled during the lookup ignores the answer.
        """
        port = self.listener().getsockname()[1]
        self.names(backend=[self.here(port)])
        before = descriptors()
        self.dial(Address("backend", port)).cancel()
        self.turns()
        self.assertEqual([], self.protocol.events)
        self.assertNothingOpened(before)

    def test_lookupTakesTooLong(self) -> None:
        """
        The time limit includes the lookup; an answer that comes afterwards changes nothing.
        """
        names = self.names(backend=[self.here(80)])
        waiting: list[tuple[Any, ...]] = []
        names.answer = lambda *answer: waiting.append(answer)  # type: ignore[method-assign]
        clock = Clock()
        wheel = Deadlines(clock)
        wheel.start()
        self.dial(Address("backend", 80), timeout=1.0, deadlines=wheel)
        self.turns()
        clock.advance(2)
        self.assertIsInstance(self.failure(), TimeoutError)
        Names.answer(names, *waiting[0])
        self.turns()
        self.assertEqual(["failed"], self.protocol.events)
