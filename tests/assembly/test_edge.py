"""
Tests for L{lbproxy.assembly.edge}: how a configuration becomes a running edge.
"""

from __future__ import annotations

import gc
import os
from typing import Any

from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.assembly import buildEdge, edge
from lbproxy.assembly.edge import EdgeBuilder
from lbproxy.config.address import Address
from lbproxy.config.load import parseConfiguration
from lbproxy.health.checks import HealthChecks
from lbproxy.l7.factory import HTTPFactory
from lbproxy.pool.backend import BackendSpec, Health
from lbproxy.services.discovery.following import Following
from lbproxy.services.edge import EdgeService
from lbproxy.services.listener import Listener
from tests.config.certificates import writeCertificates
from tests.services.doubles import FakePort

POOLS = """
pools:
  web: {backends: [{name: b1, address: "192.0.2.1:80"}]}
  dns: {backends: ["192.0.2.1:53"]}
"""


class Upstream:
    """
    Connections to a pool's backends.
    """

    def __init__(self, story: list[str]) -> None:
        self._story = story

    def forget(self, backend: Any) -> None:
        """
        Note it.
        """
        self._story.append(f"forget {backend.name}")

    def stop(self) -> None:
        """
        Note it.
        """
        self._story.append("stop")


class EdgeCase(SynchronousTestCase):
    """
    An edge from YAML, whose ports are none.
    """

    def setUp(self) -> None:
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        self.addCleanup(gc.unfreeze)
        self.folder = os.path.abspath(self.mktemp())
        os.mkdir(self.folder)
        self.clock = Clock()
        self.opened: list[tuple[Address, Any, Any]] = []
        self.patch(edge, "streamOpener", self.opener)
        self.patch(edge, "datagramOpener", self.opener)
        self.patch(edge, "listenStream", self.listen)

    def opener(self, parts: Any, asked: Any, factory: Any, tls: Any = None) -> Any:
        """
        Opens nothing.
        """
        return lambda address: self.listen(None, address, factory, tls)

    def listen(self, reactor: Any, address: Address, factory: Any, tls: Any = None) -> FakePort:
        """
        Note it.
        """
        self.opened.append((address, factory, tls))
        return FakePort(address, [])

    def build(self, text: str, more: str = "") -> EdgeService:
        """
        The service.

        @param more: further pools.
        """
        configuration = parseConfiguration(
            text + POOLS + more, os.path.join(self.folder, "e.yaml"), {}
        )
        self.builder = EdgeBuilder(self.clock, configuration)
        return self.builder.build()

    def listener(self, built: EdgeService, name: str) -> Listener:
        """
        One of them.
        """
        return next(each for each in built.listeners if each.name == name)


class BuildTests(EdgeCase):
    """
    Everything that a configuration asks for.
    """

    def test_listeners(self) -> None:
        """
        One of each protocol, with its addresses, in the order written; nothing is open yet.
        """
        built = self.build(
            "listeners:\n"
            '  t: {bind: ["127.0.0.1:1", "127.0.0.1:2"], protocol: tcp, pool: web}\n'
            '  h: {bind: "127.0.0.1:3", protocol: http, pool: web}\n'
            '  u: {bind: "127.0.0.1:4", protocol: udp, pool: dns}\n'
        )
        names = [(each.name, [a.port for a in each.binds]) for each in built.listeners]
        self.assertEqual(names, [("t", [1, 2]), ("h", [3]), ("u", [4])])
        self.assertEqual(self.opened, [])
        self.assertIsNone(built.admin)
        built.startService()
        self.assertEqual([address.port for address, _, _ in self.opened], [1, 2, 3, 4])
        self.assertIsInstance(self.opened[2][1], HTTPFactory)

    def test_datagramsCloseLast(self) -> None:
        """
        A udp listener's socket stays open until its sessions have ended.
        """
        built = self.build('listeners: {u: {bind: "127.0.0.1:4", protocol: udp, pool: dns}}')
        self.assertTrue(built.listeners[0]._datagram)

    def test_checks(self) -> None:
        """
        Pools that want checks have them, for as long as the edge runs.
        """
        web = 'listeners: {h: {bind: "127.0.0.1:3", protocol: http, pool: web}}'
        built = self.build(web)
        self.assertEqual([child for child in built if isinstance(child, HealthChecks)], [])
        built = self.build(web, '  x: {healthCheck: {tcp: {}}, backends: ["192.0.2.1:81"]}\n')
        self.assertEqual(len([child for child in built if isinstance(child, HealthChecks)]), 1)

    def test_discovery(self) -> None:
        """
        Pools that follow a source do so while the edge runs.
        """
        with open(os.path.join(self.folder, "b.yaml"), "w", encoding="utf-8") as file:
            file.write('["192.0.2.9:80"]')
        web = 'listeners: {h: {bind: "127.0.0.1:3", protocol: http, pool: web}}'
        built = self.build(web)
        self.assertEqual([child for child in built if isinstance(child, Following)], [])
        built = self.build(web, "  found: {discover: {file: b.yaml}}\n")
        self.assertEqual(len([child for child in built if isinstance(child, Following)]), 1)

    def test_admin(self) -> None:
        """
        The admin listener has an address of its own.
        """
        built = self.build(
            'admin: {bind: "127.0.0.1:9"}\n'
            'listeners: {h: {bind: "127.0.0.1:3", protocol: http, pool: web}}'
        )
        assert built.admin is not None
        self.assertEqual([address.port for address in built.admin.binds], [9])

    def test_readiness(self) -> None:
        """
        Admin is told of it by the edge itself.
        """
        made: list[Any] = []

        def site(registry: Any, ready: Any, token: str, explainers: Any) -> str:
            made.extend((registry, ready, token, explainers))
            return "site"

        self.patch(edge, "adminSite", site)
        built = self.build(
            'admin: {bind: "127.0.0.1:9", token: secret}\n'
            'listeners: {h: {bind: "127.0.0.1:3", protocol: http, pool: web}}'
        )
        registry, ready, token, explainers = made
        self.assertIs(registry, built.registry)
        self.assertEqual((token, len(explainers)), ("secret", 1))
        self.assertFalse(ready())
        built.startService()
        self.assertTrue(ready())
        self.assertIn("site", [factory for _, factory, _ in self.opened])

    def test_logging(self) -> None:
        """
        How much is logged is for whoever launches.
        """
        built = self.build(
            "logging: {level: warn, format: json}\n"
            'listeners: {h: {bind: "127.0.0.1:3", protocol: http, pool: web}}'
        )
        self.assertEqual((built.logging.level, built.logging.format), ("warn", "json"))

    def test_buildEdge(self) -> None:
        """
        For whoever embeds it, it is one call.
        """
        text = 'listeners: {h: {bind: "127.0.0.1:3", protocol: http, pool: web}}' + POOLS
        built = buildEdge(self.clock, parseConfiguration(text, "/e.yaml", {}))
        self.assertEqual([each.name for each in built.listeners], ["h"])


class TLSTests(EdgeCase):
    """
    Who ends TLS.
    """

    def setUp(self) -> None:
        super().setUp()
        writeCertificates(self.folder)
        self.renewed: list[Any] = []

        def renewing(tls: Any) -> Any:
            return lambda: self.renewed.append(tls)

        self.patch(edge, "renewing", renewing)

    def test_ports(self) -> None:
        """
        Ports do, but for relays that let some names pass: those look first.
        """
        tls = "tls: {certificates: [{cert: good.pem, key: good.key}]}"
        built = self.build(
            "listeners:\n"
            f'  h: {{bind: "127.0.0.1:1", protocol: http, pool: web, {tls}}}\n'
            f'  t: {{bind: "127.0.0.1:2", protocol: tcp, pool: web, {tls}}}\n'
            f'  p: {{bind: "127.0.0.1:3", protocol: tcp, {tls}, routes: ['
            "{match: {serverName: a.example}, passthrough: true, pool: web}, {pool: web}]}\n"
            '  n: {bind: "127.0.0.1:4", protocol: http, pool: web}\n'
        )
        built.startService()
        self.assertEqual([tls is not None for _, _, tls in self.opened], [True, True, False, False])

    def test_renewed(self) -> None:
        """
        Certificate files are looked at now and then, each listener's.
        """
        tls = "tls: {certificates: [{cert: good.pem, key: good.key}]}"
        built = self.build(
            "listeners:\n"
            f'  h: {{bind: "127.0.0.1:1", protocol: http, pool: web, {tls}}}\n'
            f'  t: {{bind: "127.0.0.1:2", protocol: tcp, pool: web, {tls}}}\n'
        )
        built.startService()
        self.clock.pump([1] * 9)
        self.assertEqual(self.renewed, [])
        self.clock.pump([1] * 2)
        self.assertEqual(len(self.renewed), 2)


class LogTests(EdgeCase):
    """
    Log files.
    """

    TEXT = (
        "listeners:\n"
        '  a: {bind: "127.0.0.1:1", protocol: http, pool: web, accessLog: {file: a.log}}\n'
        '  b: {bind: "127.0.0.1:2", protocol: tcp, pool: web, accessLog: {file: a.log}}\n'
        '  c: {bind: "127.0.0.1:3", protocol: udp, pool: dns, accessLog: {file: c.log}}\n'
        '  d: {bind: "127.0.0.1:4", protocol: tcp, pool: web, accessLog: off}\n'
    )

    def test_oneForEachPath(self) -> None:
        """
        Listeners that name one file share it.
        """
        self.build(self.TEXT)
        self.assertEqual(
            sorted(map(os.path.basename, self.builder._logs)),
            ["a.log", "c.log"],
        )

    def test_reopenAndClose(self) -> None:
        """
        All are opened anew when that is asked for, and closed at the end.
        """
        built = self.build(self.TEXT)
        built.startService()
        for name in ("a.log", "c.log"):
            os.rename(os.path.join(self.folder, name), os.path.join(self.folder, name + ".1"))
        built.reopen()
        self.assertTrue(os.path.exists(os.path.join(self.folder, "a.log")))
        self.assertTrue(os.path.exists(os.path.join(self.folder, "c.log")))
        built.stopService()
        self.assertEqual([log._fd for log in self.builder._logs.values()], [-1, -1])


class EventTests(EdgeCase):
    """
    What happens to backends.
    """

    def setUp(self) -> None:
        super().setUp()
        self.built = self.build('listeners: {h: {bind: "127.0.0.1:3", protocol: http, pool: web}}')
        self.story: list[str] = []
        upstream: Any = Upstream(self.story)
        self.builder._http.upstreams["web"] = upstream
        self.pool = self.built.registry.pool("web")
        self.said: list[str] = []

        def note(event: dict[str, Any]) -> None:
            if str(event.get("log_namespace")).startswith("lbproxy.assembly.edge"):
                self.said.append(event["log_format"].format(**event))

        observer: Any = note
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def test_down(self) -> None:
        """
        Connections that wait for a backend which is down are closed; coming up closes none.
        """
        backend = self.pool.backends["b1"]
        self.pool.setHealth(backend, Health.UP, "checked")
        self.assertEqual(self.story, [])
        self.pool.setHealth(backend, Health.DOWN, "checked")
        self.assertEqual(self.story, ["forget b1"])
        self.assertEqual(self.said, [])

    def test_left(self) -> None:
        """
        So are those to one that has left.
        """
        self.pool.replaceBackends([BackendSpec("b2", Address("192.0.2.2", 80))])
        self.assertEqual(self.story, ["forget b1"])
        self.assertEqual(len(self.said), 2)

    def test_otherPools(self) -> None:
        """
        A pool that no http listener uses has none to close.
        """
        dns = self.built.registry.pool("dns")
        dns.setHealth(next(iter(dns.backends.values())), Health.DOWN, "x")
        self.assertEqual(self.story, [])

    def test_told(self) -> None:
        """
        What operators and detectors do is in the log; health is told by whoever checks it.
        """
        backend = self.pool.backends["b1"]
        self.pool.setEjected(backend, True, "5 failures in a row")
        self.assertEqual(len(self.said), 1)
        self.assertIn("5 failures in a row", self.said[0])

    def test_ticks(self) -> None:
        """
        Pools' own time goes on while the edge runs.
        """
        ticks: list[int] = []
        self.patch(type(self.pool), "tick", lambda pool: ticks.append(1))
        self.built.startService()
        self.clock.pump([0.25] * 4)
        self.assertEqual(len(ticks), 4 * len(self.built.registry.pools))
