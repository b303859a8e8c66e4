"""
Promises of L{lbproxy.pool.explain}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.pool.affinity.cookie import CookieAffinity, CookieSettings
from lbproxy.pool.backend import AdminState, Health
from lbproxy.pool.explain import explain
from lbproxy.pool.policy import Policy
from lbproxy.pool.registry import Registry
from lbproxy.pool.tiers import Spread
from lbproxy.testing import FakeContext, buildPool, picks, spec

SOMEONE = FakeContext()


class ExplainTests(SynchronousTestCase):
    """
    Who, and why.
    """

    def test_tellsOfEverybody(self) -> None:
        """Candidates, reserve, those who are out, each with the reason, and the choice."""
        pool = buildPool(
            spec("a", 3), "b", "c", "d", spec("e", maxConnections=1), spec("f", priority=1)
        )
        pool.setHealth(pool.backends["c"], Health.DOWN, "HTTP 503, wanted 200-399, 3 in a row")
        pool.setAdmin(pool.backends["d"], AdminState.DRAIN)
        others = [backend for backend in pool.backends.values() if backend.name != "e"]
        pool.acquire(SOMEONE, others)
        self.assertEqual(
            str(explain(pool, SOMEONE)),
            "pool web\n"
            "  a                    candidate 0 active, 60.0% of the work\n"
            "  b                    candidate 0 active, 20.0% of the work\n"
            "  c                    out       0 active, down"
            " (HTTP 503, wanted 200-399, 3 in a row)\n"
            "  d                    out       0 active, draining\n"
            "  e                    candidate 1 active, 20.0% of the work, full\n"
            "  f                    reserve   0 active, priority 1, up\n"
            "  -> a: picked by RoundRobin",
        )

    def test_saysWhereTheClientBelongs(self) -> None:
        """And why it does not go there, if it does not."""
        pool = buildPool("a", "b", affinity=CookieAffinity(CookieSettings(["secret"])))
        client = FakeContext()
        client.keepCookie(pool.acquire(client).setCookie)
        told = explain(pool, client)
        self.assertEqual(
            (told.belongsTo, told.choice, told.reason), ("a", "a", "the client belongs to it")
        )
        pool.setHealth(pool.backends["a"], Health.DOWN)
        told = explain(pool, client)
        self.assertEqual(
            (told.belongsTo, told.choice, told.reason),
            ("a", "b", "picked by RoundRobin, as a is down"),
        )
        self.assertIn("\n  the client belongs to a\n", str(told))

    def test_saysWhyNobody(self) -> None:
        """Without a choice there is the reason."""
        pool = buildPool("a", spec("b", maxConnections=1))
        pool.setHealth(pool.backends["a"], Health.DOWN)
        pool.acquire(SOMEONE)
        told = explain(pool, SOMEONE)
        self.assertIsNone(told.choice)
        self.assertEqual(told.reason, "no backend available: 1 down, 1 full")
        pool.pause()
        self.assertEqual(explain(pool, SOMEONE).reason, "paused")

    def test_retries(self) -> None:
        """Those who were tried are named as such; then the reserve is the choice."""
        pool = buildPool("a", spec("b", priority=1))
        told = explain(pool, SOMEONE, [pool.backends["a"]])
        self.assertEqual(told.verdicts[0].why, "tried")
        self.assertEqual((told.choice, told.reason), ("b", "no candidate is left"))

    def test_panic(self) -> None:
        """When health is not believed that is said."""
        pool = buildPool("a", "b", policy=Policy(spread=Spread(panic=0.6)))
        pool.setHealth(pool.backends["a"], Health.DOWN)
        told = explain(pool, SOMEONE)
        self.assertEqual(told.verdicts[0].place, "candidate")
        self.assertEqual(told.verdicts[0].why, "down, but that is not believed: too many are")

    def test_takesNothingAndWakesNobody(self) -> None:
        """To ask is free: no lease, no count, no hook."""
        pool = buildPool("a")
        explain(pool, SOMEONE)
        self.assertEqual((pool.backends["a"].active, pool.backends["a"].total), (0, 0))
        pool.replaceBackends([])
        pool.admission.wake = self.fail
        self.assertEqual(explain(pool, SOMEONE).reason, "the pool has no backends")

    def test_spillover(self) -> None:
        """Shares are of the whole, over all tiers."""
        pool = buildPool("a", "b", spec("c", priority=1), policy=Policy(spread=Spread(spillover=1)))
        pool.setHealth(pool.backends["a"], Health.DOWN)
        shares = [verdict.share for verdict in explain(pool, SOMEONE).verdicts]
        self.assertEqual(shares, [0, 0.5, 0.5])

    def test_throughTheRegistry(self) -> None:
        """The registry explains any of its pools."""
        registry = Registry()
        registry.addPool(buildPool("a"))
        self.assertEqual(registry.explain("web", SOMEONE).choice, "a")
        self.assertRaises(KeyError, registry.explain, "api", SOMEONE)
        self.assertEqual(picks(registry.pool("web"), 1), "a")
