"""
Tests for L{lbproxy.assembly.udp}: which udp listeners were asked for?
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.assembly import udp
from lbproxy.assembly.parts import Parts
from lbproxy.assembly.pools import buildPools
from lbproxy.assembly.udp import datagramOpener, udpRelay
from lbproxy.config.address import Address
from lbproxy.config.listener import UDPListener
from tests.assembly.support import Call, partsFor

POOLS = """
pools:
  dns: {backends: ["192.0.2.1:53"]}
  other: {backends: ["192.0.2.2:53"], sendProxyProtocol: v2}
"""


class UDPCase(SynchronousTestCase):
    """
    A relay's arguments, made from YAML.
    """

    def setUp(self) -> None:
        self.made = _Relay()
        self.patch(udp, "UDPRelay", self.made)
        self.log: Any = Call()

    def play(self, listener: str) -> Parts:
        """
        @param listener: keys of the listener, in YAML.
        """
        lines = "".join(f"    {line}\n" for line in listener.splitlines())
        head = 'listeners:\n  u:\n    bind: "127.0.0.1:0"\n    protocol: udp\n'
        parts = partsFor(head + lines + POOLS)
        buildPools(parts)
        udpRelay(parts, "u", self.asked(parts), self.log)
        return parts

    def asked(self, parts: Parts) -> UDPListener:
        """
        The listener's configuration.
        """
        listener = parts.configuration.listeners["u"]
        assert isinstance(listener, UDPListener)
        return listener

    def chosen(self, clientIP: str) -> Any:
        """
        The route of a client.
        """
        return self.made.given[1](SimpleNamespace(clientIP=clientIP))


class _Relay(Call):
    """
    A relay that notes whose headers it expects.
    """

    def __init__(self) -> None:
        super().__init__()
        self.headers: list[Any] = []
        self.opened: list[Any] = []

    def expectHeaders(self, trusted: Any, required: bool) -> None:
        """
        Note it.
        """
        self.headers.append((trusted, required))

    def listen(self, address: Address, **settings: Any) -> str:
        """
        Note it.
        """
        self.opened.append((address, settings))
        return "port"


class RelayTests(UDPCase):
    """
    Settings of the listener.
    """

    def test_settings(self) -> None:
        """
        What was asked for is what there is.
        """
        self.play(
            "pool: dns\nudp: {idleTimeout: 5s, responses: 1, maxSessions: 9, perDatagram: true}"
        )
        settings = self.made.given[2]
        self.assertEqual(
            (settings.idleTimeout, settings.responses, settings.maxSessions, settings.perDatagram),
            (5.0, 1, 9, True),
        )
        self.assertFalse(settings.transparent)
        self.assertEqual(self.made.named["name"], "u")

    def test_admission(self) -> None:
        """
        Who may come, and how often; both count.
        """
        self.play("pool: dns")
        self.assertIsNone(self.made.named["allowed"])
        self.play("pool: dns\nallow: [10.0.0.0/8]")
        self.assertTrue(self.made.named["allowed"]("10.0.0.1"))
        self.assertFalse(self.made.named["allowed"]("11.0.0.1"))
        for allow, expected in (("", [True, False]), ("allow: [10.0.0.0/8]", [True, False])):
            self.play(f"pool: dns\nrateLimit: {{requests: 1, per: 1h, burst: 1}}\n{allow}")
            self.assertEqual([self.made.named["allowed"]("10.0.0.1") for _ in range(2)], expected)
        self.assertFalse(self.made.named["allowed"]("11.0.0.1"))

    def test_log(self) -> None:
        """
        Sessions are recorded where a log is kept.
        """
        self.play("pool: dns")
        self.assertIsNotNone(self.made.named["record"])
        self.log = lambda asked: None
        self.play("pool: dns")
        self.assertIsNone(self.made.named["record"])

    def test_headers(self) -> None:
        """
        PROXY headers are expected from those who were named.
        """
        self.play("pool: dns")
        self.assertEqual(self.made.headers, [])
        self.play("pool: dns\nproxyProtocol: {from: [10.0.0.0/8], required: true}")
        trusted, required = self.made.headers[0]
        self.assertTrue(trusted("10.0.0.1") and not trusted("11.0.0.1"))
        self.assertTrue(required)


class RouteTests(UDPCase):
    """
    Where clients go.
    """

    def test_pool(self) -> None:
        """
        To the one pool.
        """
        parts = self.play("pool: dns")
        route = self.chosen("192.0.2.7")
        self.assertIs(route.pool, parts.registry.pool("dns"))
        self.assertEqual((route.name, route.proxyHeader), ("dns", False))

    def test_bySource(self) -> None:
        """
        By address, the first that fits; to nobody, where none does.
        """
        self.play(
            "routes:\n"
            "  - {match: {source: [10.1.0.0/16]}, pool: other}\n"
            "  - {match: {source: [10.0.0.0/8]}, pool: dns}"
        )
        self.assertEqual(self.chosen("10.1.0.1").pool.name, "other")
        self.assertTrue(self.chosen("10.1.0.1").proxyHeader)
        self.assertEqual(self.chosen("10.2.0.1").pool.name, "dns")
        self.assertIsNone(self.chosen("11.0.0.1"))

    def test_split(self) -> None:
        """
        Over several pools by weight.
        """
        parts = self.play("routes: [{split: [{pool: dns, weight: 3}, {pool: other, weight: 0}]}]")
        names = {self.chosen("10.0.0.1").pool.name for _ in range(20)}
        self.assertEqual(names, {"dns"})
        parts = self.play("routes: [{split: [{pool: dns, weight: 3}, {pool: other, weight: 1}]}]")
        parts.rng.seed(1)
        drawn = [self.chosen("10.0.0.1").pool.name for _ in range(100)]
        self.assertTrue(60 < drawn.count("dns") < 90)


class OpeningTests(UDPCase):
    """
    The listener's socket.
    """

    def test_opened(self) -> None:
        """
        With the address and the options that were asked for.
        """
        parts = self.play("pool: dns\nsocket: {reusePort: true}")
        relay: Any = self.made
        openPort = datagramOpener(parts, self.asked(parts), relay)
        port: Any = openPort(Address("127.0.0.1", 0))
        self.assertEqual(port, "port")
        address, settings = self.made.opened[0]
        self.assertEqual((address.host, settings["reusePort"]), ("127.0.0.1", True))
