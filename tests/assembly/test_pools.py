"""
Tests for L{lbproxy.assembly.pools}: which pools were asked for?
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.assembly.pools import buildPools
from lbproxy.errors import Outcome
from lbproxy.pool.affinity.table import TableAffinity
from lbproxy.pool.backend import Health
from lbproxy.pool.balancers.first import First
from lbproxy.pool.balancers.hashed import Hashed
from lbproxy.pool.balancers.leastconnections import LeastConnections
from lbproxy.pool.balancers.leasttime import LeastTime
from lbproxy.pool.balancers.randomchoice import RandomChoice
from lbproxy.pool.balancers.roundrobin import RoundRobin
from lbproxy.pool.pool import Pool
from lbproxy.testing import FakeContext
from tests.assembly.support import partsFor

SECRET = "0123456789abcdef0123456789abcdef"


def build(settings: str, backends: str = '["192.0.2.1:80", "192.0.2.2:80"]') -> Pool:
    """
    The pool of that YAML.
    """
    parts = partsFor(f"pools:\n  web: {{{settings}{', ' if settings else ''}backends: {backends}}}")
    buildPools(parts)
    return parts.registry.pool("web")


class BackendTests(SynchronousTestCase):
    """
    Backends as they were written.
    """

    def test_everything(self) -> None:
        """
        Name, address, weight, priority, limit and zone.
        """
        pool = build(
            "",
            '[{name: b1, address: "192.0.2.1:81", weight: 3, priority: 1, maxConnections: 7, '
            'zone: a}, "192.0.2.2:80"]',
        )
        b1, b2 = pool.backends.values()
        self.assertEqual(
            (b1.name, str(b1.address), b1.weight, b1.priority, b1.maxConnections, b1.zone),
            ("b1", "192.0.2.1:81", 3, 1, 7, "a"),
        )
        self.assertEqual((b2.name, b2.weight, b2.priority, b2.zone), ("192.0.2.2:80", 1, 0, ""))

    def test_allInTheRegistry(self) -> None:
        """
        Every pool is found by its name.
        """
        parts = partsFor('pools: {a: {backends: ["192.0.2.1:1"]}, b: {backends: ["192.0.2.1:2"]}}')
        buildPools(parts)
        self.assertEqual(list(parts.registry.pools), ["a", "b"])


class BalancerTests(SynchronousTestCase):
    """
    C{balance}.
    """

    def test_names(self) -> None:
        """
        Each word makes its balancer; none makes roundRobin.
        """
        for word, kind in (
            ("", RoundRobin),
            ("balance: roundRobin", RoundRobin),
            ("balance: leastConnections", LeastConnections),
            ("balance: leastTime", LeastTime),
            ("balance: random", RandomChoice),
            ("balance: first", First),
            ("balance: sourceHash", Hashed),
            ("balance: ringHash", Hashed),
            ("balance: maglev", Hashed),
        ):
            self.assertIsInstance(build(word).balancer, kind, word)

    def spread(self, balance: str) -> list[int]:
        """
        How many backends serve each of three users, who come from everywhere and don't leave.
        """
        pool = build(
            f'balance: {{{balance}, key: "header:X-User"}}',
            str([f"192.0.2.{at}:80" for at in range(1, 9)]).replace("'", '"'),
        )
        counts = []
        for user in ("a", "b", "c"):
            clients = [FakeContext(f"192.0.2.{at}", headers={"X-User": user}) for at in range(20)]
            counts.append(len({pool.acquire(client).backend for client in clients}))
        return counts

    def test_key(self) -> None:
        """
        What is hashed is what was asked for: one user has one backend, whatever the address.
        """
        self.assertEqual(self.spread("name: maglev"), [1, 1, 1])
        self.assertEqual(self.spread("name: ringHash, loadFactor: 0"), [1, 1, 1])

    def test_loadFactor(self) -> None:
        """
        But for what one backend may bear over the others.
        """
        self.assertGreater(min(self.spread("name: ringHash, loadFactor: 1.25")), 1)

    def test_tableSize(self) -> None:
        """
        A table of another size places clients otherwise.
        """
        backends = str([f"192.0.2.{at}:80" for at in range(1, 9)]).replace("'", '"')
        places = []
        for size in (13, 65537):
            pool = build(f"balance: {{name: maglev, tableSize: {size}}}", backends)
            places.append(
                [pool.acquire(FakeContext(f"192.0.2.{at}")).backend.name for at in range(50)]
            )
        self.assertNotEqual(*places)


class AffinityTests(SynchronousTestCase):
    """
    C{affinity}.
    """

    def test_none(self) -> None:
        """
        Unless asked for there is none.
        """
        self.assertIsNone(build("").affinity)

    def test_cookie(self) -> None:
        """
        A cookie with its name and attributes brings the client back.
        """
        pool = build(
            f'affinity: {{cookie: {{name: LB, secret: "{SECRET}", path: /x, domain: a.example, '
            "maxAge: 60, sameSite: Strict, httpOnly: false}}"
        )
        client = FakeContext(secure=True)
        lease = pool.acquire(client)
        cookie = (lease.setCookie or b"").decode()
        self.assertTrue(cookie.startswith("LB="))
        for part in ("Path=/x", "Domain=a.example", "Max-Age=60", "SameSite=Strict", "Secure"):
            self.assertIn(f"; {part}", cookie)
        self.assertNotIn("HttpOnly", cookie)
        client.keepCookie(lease.setCookie)
        again = [pool.acquire(client) for _ in range(4)]
        self.assertEqual({each.backend for each in again}, {lease.backend})
        self.assertEqual({each.setCookie for each in again}, {None})

    def test_secureCookies(self) -> None:
        """
        C{secure} is as the client came, unless it is said.
        """
        for asked, secure, expected in (
            ("auto", True, True),
            ("auto", False, False),
            ("true", False, True),
            ("false", True, False),
        ):
            pool = build(f'affinity: {{cookie: {{secret: "{SECRET}", secure: {asked}}}}}')
            cookie = pool.acquire(FakeContext(secure=secure)).setCookie or b""
            self.assertIs(b"; Secure" in cookie, expected, asked)

    def test_sourceIP(self) -> None:
        """
        Clients of one prefix stay together, for a while.
        """
        parts = partsFor(
            "pools: {web: {affinity: {sourceIP: {prefix4: 24, ttl: 60s}}, "
            'backends: ["192.0.2.1:80", "192.0.2.2:80"]}}'
        )
        buildPools(parts)
        pool = parts.registry.pool("web")
        self.assertIsInstance(pool.affinity, TableAffinity)
        served = {pool.acquire(FakeContext(f"198.51.100.{at}")).backend for at in range(9)}
        self.assertEqual(len(served), 1)
        parts.reactor.advance(61)
        others = [pool.acquire(FakeContext("198.51.100.1")).backend for _ in range(1)]
        self.assertNotEqual(set(others), served)

    def test_header(self) -> None:
        """
        So do those with the same value of a header.
        """
        pool = build("affinity: {header: X-User}")
        for user in ("a", "b"):
            served = {
                pool.acquire(FakeContext(f"192.0.2.{at}", headers={"X-User": user})).backend
                for at in range(9)
            }
            self.assertEqual(len(served), 1)


class PolicyTests(SynchronousTestCase):
    """
    Everything else about a pool.
    """

    def test_defaults(self) -> None:
        """
        Nothing that was not asked for is switched on.
        """
        policy = build("").policy
        self.assertIsNone(policy.outliers)
        self.assertEqual((policy.breakers, policy.slowStart, policy.queue.size), ((), 0.0, 0))
        self.assertEqual((policy.spread.panic, policy.spread.zone), (0.0, ""))
        self.assertAlmostEqual(policy.retries.share, 0.2)

    def test_everything(self) -> None:
        """
        What was asked for is what there is.
        """
        policy = build(
            "zone: a, panic: 50%, slowStart: 30s, queue: {size: 9, timeout: 2s, fairBy: path}, "
            "retries: {budget: 10%}, "
            "outlierDetection: {consecutiveFailures: 3, failureRate: 50%, window: 20s, "
            "minRequests: 5, ejectFor: 10s, maxEjectFor: 1m, maxEjected: 30%}, "
            "circuitBreaker: {failures: 4, openFor: 90s, probes: 2}"
        ).policy
        self.assertEqual(
            (policy.spread.zone, policy.spread.panic, policy.slowStart), ("a", 0.5, 30)
        )
        queue = policy.queue
        self.assertEqual((queue.size, queue.timeout, queue.fairBy), (9, 2.0, "path"))
        self.assertAlmostEqual(policy.retries.share, 0.1)
        outliers = policy.outliers
        assert outliers is not None
        self.assertEqual(
            (outliers.consecutiveFailures, outliers.failureRate, outliers.window), (3, 0.5, 20.0)
        )
        self.assertEqual((outliers.minRequests, outliers.ejectFor), (5, 10.0))
        self.assertEqual((outliers.maxEjectFor, outliers.maxEjected), (60.0, 0.3))
        (breaker,) = policy.breakers
        self.assertEqual((breaker.failures, breaker.openFor, breaker.trials), (4, 90.0, 2))
        self.assertGreaterEqual(breaker.maxOpenFor, 90.0)

    def test_clock(self) -> None:
        """
        Pools live by the reactor's clock.
        """
        parts = partsFor(
            "pools: {web: {outlierDetection: {consecutiveFailures: 1, ejectFor: 10s, "
            'maxEjected: 100%}, backends: ["192.0.2.1:80", "192.0.2.2:80"]}}'
        )
        buildPools(parts)
        pool = parts.registry.pool("web")
        for backend in pool.backends.values():
            pool.setHealth(backend, Health.UP)
        lease = pool.acquire(FakeContext())
        lease.release(Outcome.RESET)
        self.assertTrue(lease.backend.ejected)
        parts.reactor.advance(11)
        parts.registry.tick()
        self.assertFalse(lease.backend.ejected)
