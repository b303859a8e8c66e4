"""
Promises of L{lbproxy.testing}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.errors import ConfigError, NoBackendAvailable
from lbproxy.pool.backend import Health
from lbproxy.testing import FakeContext, buildPool, fail, loadPools, picks, shares, spec, turn

EDGE = """
listeners:
  edge: {bind: "127.0.0.1:0", protocol: http, pool: shop}
pools:
  shop:
    balance: leastConnections
    affinity: {cookie: {secret: "${SECRET}"}}
    outlierDetection: {consecutiveFailures: 3, ejectFor: 30s}
    backends:
      - {name: b1, address: "10.0.0.1:80"}
      - {name: b2, address: "10.0.0.2:80"}
      - {name: spare, address: "10.0.0.3:80", priority: 1}
"""


class LoadPoolsTests(SynchronousTestCase):
    """
    A user's own configuration, tested in memory.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.registry = loadPools(self.write(EDGE), self.clock, environ={"SECRET": "s"})
        self.shop = self.registry.pool("shop")

    def write(self, text: str) -> str:
        path: str = self.mktemp()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_failover(self) -> None:
        """When one is down the other serves, when both are the spare does."""
        self.assertEqual(set(picks(self.shop, 6)), {"b1", "b2"})
        self.shop.setHealth(self.shop.backends["b1"], Health.DOWN)
        self.assertEqual(set(picks(self.shop, 6)), {"b2"})
        self.shop.setHealth(self.shop.backends["b2"], Health.DOWN)
        self.assertEqual(set(picks(self.shop, 6)), {"spare"})

    def test_ejectionAndReturn(self) -> None:
        """Three failed connects eject; thirty seconds later it is back."""
        fail(self.shop, "b1", 3)
        self.assertEqual(set(picks(self.shop, 6)), {"b2"})
        turn(self.clock, self.registry, 29)
        self.assertTrue(self.shop.backends["b1"].ejected)
        turn(self.clock, self.registry, 1.5)
        self.assertEqual(set(picks(self.shop, 6)), {"b1", "b2"})

    def test_stickiness(self) -> None:
        """A browser that keeps its cookie stays."""
        browser = FakeContext()
        browser.keepCookie(self.shop.acquire(browser).setCookie)
        self.assertEqual(len({self.shop.acquire(browser).backend for _ in range(5)}), 1)

    def test_mistakesAreTold(self) -> None:
        """A configuration that cannot be used is an error here, too."""
        with self.assertRaises(ConfigError):
            loadPools(self.write("pools: {shop: {balance: rr}}"), self.clock)


class BuilderTests(SynchronousTestCase):
    """
    Pools without a configuration.
    """

    def test_buildPool(self) -> None:
        """Names are enough; what is known of them can be said."""
        self.assertEqual(picks(buildPool("a", "b"), 4), "abab")
        self.assertEqual(picks(buildPool("b1", "b2"), 2), ["b1", "b2"])
        down = buildPool("a", health=Health.DOWN)
        self.assertRaises(NoBackendAvailable, down.acquire, FakeContext())

    def test_shares(self) -> None:
        """Which part each has, those that have none included."""
        self.assertEqual(
            shares(buildPool(spec("a", 3), "b", spec("c", 0)), 8),
            {"a": 0.75, "b": 0.25, "c": 0.0},
        )
