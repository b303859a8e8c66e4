"""
Tests for L{lbproxy.assembly.tcp}: which tcp listeners were asked for?
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.assembly import tcp
from lbproxy.assembly.parts import Parts
from lbproxy.assembly.pools import buildPools
from lbproxy.assembly.tcp import limiter, tcpRelay
from lbproxy.config.limits import RateLimit
from lbproxy.config.listener import TCPListener
from lbproxy.l4.splittarget import SplitTarget
from lbproxy.l4.tcproutes import TCPRoute
from lbproxy.net.connector import Connector
from tests.assembly.support import Call, partsFor

POOLS = """
pools:
  web: {backends: ["192.0.2.1:80"], retries: {attempts: 7}}
  other: {backends: ["192.0.2.2:80"]}
"""


class Dialer(Call):
    """
    Stands for what makes dialers, and for what it makes.
    """

    now = "at once"


class TCPCase(SynchronousTestCase):
    """
    A relay's arguments, made from YAML.
    """

    def setUp(self) -> None:
        self.made, self.dialer = Call(), Dialer()
        self.patch(tcp, "TCPRelay", self.made)
        self.patch(tcp, "dialer", self.dialer)
        self.log: Any = Call()

    def play(self, listener: str) -> Parts:
        """
        @param listener: keys of the listener, in YAML.
        """
        lines = "".join(f"    {line}\n" for line in listener.splitlines())
        head = 'listeners:\n  t:\n    bind: "127.0.0.1:0"\n    protocol: tcp\n'
        parts = partsFor(head + lines + POOLS)
        buildPools(parts)
        asked = parts.configuration.listeners["t"]
        assert isinstance(asked, TCPListener)
        tcpRelay(parts, "t", asked, self.log, None)
        return parts

    def routes(self) -> list[TCPRoute]:
        """
        The routes of the relay.
        """
        routes: list[TCPRoute] = self.made.given[1]
        return routes


class RelayTests(TCPCase):
    """
    Settings of the listener.
    """

    def test_defaults(self) -> None:
        """
        Nothing that was not asked for is switched on.
        """
        self.play("pool: web")
        named = self.made.named
        self.assertEqual(self.made.given[0], "t")
        self.assertIsNone(named["allowed"])
        self.assertIsNone(named["limited"])
        settings = self.made.given[3]
        self.assertEqual((settings.maxAge, settings.maxConnections), (0, 0))
        self.assertEqual((settings.up, settings.down, settings.totalUp), (0, 0, 0))

    def test_everything(self) -> None:
        """
        What was asked for is what there is.
        """
        self.play(
            "pool: web\ntimeouts: {idle: 1m, tlsHandshake: 2s, connect: 4s}\nmaxAge: 1h\n"
            "maxConnections: 5\nmaxConnectionsPerIP: 6\nbandwidth: {up: 7, down: 8}\n"
            "totalBandwidth: {up: 9, down: 10}"
        )
        settings = self.made.given[3]
        self.assertEqual((settings.idleTimeout, settings.helloTimeout), (60.0, 2.0))
        self.assertEqual((settings.maxAge, settings.maxConnections), (3600.0, 5))
        self.assertEqual(settings.maxConnectionsPerIP, 6)
        bandwidths = (settings.up, settings.down, settings.totalUp, settings.totalDown)
        self.assertEqual(bandwidths, (7, 8, 9, 10))
        self.assertEqual(self.dialer.given[2], 4.0)

    def test_admission(self) -> None:
        """
        Who may come, and how often.
        """
        self.play("pool: web\nallow: [10.0.0.0/8]\nrateLimit: {requests: 1, per: 10s, burst: 1}")
        named = self.made.named
        self.assertTrue(named["allowed"]("10.0.0.1"))
        self.assertFalse(named["allowed"]("11.0.0.1"))
        self.assertEqual([named["limited"]("10.0.0.1") for _ in range(2)], [False, True])

    def test_log(self) -> None:
        """
        The log is the one that was asked for.
        """
        self.play("pool: web\naccessLog: {format: json, file: /tmp/x.log}")
        self.assertEqual(self.log.given[0].format, "json")
        self.assertIs(self.made.named["log"], self.log)

    def test_shared(self) -> None:
        """
        Deadlines, kernel pipes and chance are the process's.
        """
        parts = self.play("pool: web")
        self.assertIs(self.made.given[2], parts.deadlines)
        self.assertIs(self.made.named["kernelPipes"], parts.kernelPipes)
        self.assertIs(self.made.named["rng"], parts.rng)


class RouteTests(TCPCase):
    """
    Where connections go.
    """

    def test_pool(self) -> None:
        """
        To the pool, as often as its retries say.
        """
        parts = self.play("pool: web")
        (route,) = self.routes()
        assert isinstance(route.target, Connector)
        self.assertIs(route.target.dial, self.dialer)
        self.assertEqual(route.target._now, "at once")
        self.assertEqual((route.name, route.passthrough), ("web", False))
        self.assertEqual(list(parts.registry.pools), ["web", "other"])

    def test_conditions(self) -> None:
        """
        By name, by protocol and by source.
        """
        self.play(
            "routes:\n"
            '  - {match: {serverName: ["*.A.example", b.example], alpn: [h2]}, pool: web}\n'
            "  - {match: {source: [10.0.0.0/8]}, pool: other}\n"
            "  - {pool: web, name: last}"
        )
        named, source, last = self.routes()
        self.assertEqual(list(named.match.serverNames), ["*.a.example", "b.example"])
        self.assertEqual(named.match.alpn, {b"h2"})
        self.assertIsNone(named.match.source)
        assert source.match.source is not None
        self.assertTrue(source.match.source("10.0.0.1"))
        self.assertFalse(source.match.source("11.0.0.1"))
        self.assertEqual((last.name, last.match.source), ("last", None))

    def test_split(self) -> None:
        """
        Over several pools by weight.
        """
        self.play("routes: [{split: [{pool: web, weight: 3}, {pool: other}]}]")
        self.assertIsInstance(self.routes()[0].target, SplitTarget)


class LimiterTests(SynchronousTestCase):
    """
    Who comes too often.
    """

    def test_none(self) -> None:
        """
        Without a limit nothing is counted.
        """
        self.assertIsNone(limiter(partsFor(POOLS), None))

    def test_byTheReactorsClock(self) -> None:
        """
        Each address by itself, and time heals.
        """
        parts = partsFor(POOLS)
        limited = limiter(parts, RateLimit(requests=1, per=10, burst=2))
        assert limited is not None
        self.assertEqual([limited("a") for _ in range(3)], [False, False, True])
        self.assertFalse(limited("b"))
        parts.reactor.advance(10)
        self.assertFalse(limited("a"))
