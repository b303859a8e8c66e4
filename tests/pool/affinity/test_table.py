"""
Promises of L{lbproxy.pool.affinity.table}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from lbproxy.errors import Outcome
from lbproxy.interfaces import IAffinity
from lbproxy.pool.affinity.table import (
    TableAffinity,
    addressKey,
    headerAffinity,
    sourceIPAffinity,
)
from lbproxy.pool.backend import AdminState, Health
from lbproxy.pool.pool import Pool
from lbproxy.testing import FakeContext, buildPool, spec


def visit(pool: Pool, clientIP: str = "192.0.2.1", **headers: str) -> str:
    lease = pool.acquire(FakeContext(clientIP, headers=headers))
    lease.release(Outcome.OK)
    return lease.backend.name


class SourceIPTests(SynchronousTestCase):
    """
    A client is known by its address.
    """

    def setUp(self) -> None:
        self.clock = Clock()

    def build(self, **settings: Any) -> Pool:
        self.affinity = sourceIPAffinity(self.clock.seconds, **settings)
        return buildPool("a", "b", "c", affinity=self.affinity, seconds=self.clock.seconds)

    def test_providesTheInterface(self) -> None:
        """A table is one way of affinity."""
        self.build()
        verifyObject(IAffinity, self.affinity)

    def test_comesBackToItsBackend(self) -> None:
        """The same address goes to the same backend, others are balanced."""
        pool = self.build()
        self.assertEqual([visit(pool, f"192.0.2.{n}") for n in range(3)], ["a", "b", "c"])
        for _ in range(3):
            self.assertEqual([visit(pool, f"192.0.2.{n}") for n in range(3)], ["a", "b", "c"])

    def test_isForgottenAfterItsTime(self) -> None:
        """Who does not come for C{ttl} seconds is a new client."""
        pool = self.build(ttl=60)
        self.assertEqual(visit(pool), "a")
        self.clock.advance(60)
        self.assertEqual(visit(pool), "b")

    def test_useRefreshes(self) -> None:
        """The time counts from the last visit."""
        pool = self.build(ttl=60)
        for _ in range(5):
            self.assertEqual(visit(pool), "a")
            self.clock.advance(59)

    def test_tableIsBounded(self) -> None:
        """When it is full, who was away for longest is forgotten."""
        pool = self.build(maxEntries=3)
        for n in (0, 1, 2, 0, 3):
            visit(pool, f"192.0.2.{n}")
        self.assertEqual(len(self.affinity), 3)
        before = len(self.affinity)
        self.assertEqual(visit(pool, "192.0.2.0"), "a")
        self.assertEqual(len(self.affinity), before)

    def test_expiredEntriesGoByThemselves(self) -> None:
        """Clients that never return leave nothing behind."""
        pool = self.build(ttl=10)
        for n in range(50):
            visit(pool, f"192.0.2.{n}")
        self.clock.advance(11)
        for _ in range(51):
            visit(pool, "198.51.100.1")
        self.assertEqual(len(self.affinity), 1)

    def test_drainKeepsDownMoves(self) -> None:
        """A client stays while its backend drains and moves when it is down."""
        pool = self.build()
        self.assertEqual(visit(pool), "a")
        pool.setAdmin(pool.backends["a"], AdminState.DRAIN)
        self.assertEqual(visit(pool), "a")
        pool.setHealth(pool.backends["a"], Health.DOWN)
        moved = visit(pool)
        self.assertNotEqual(moved, "a")
        pool.setHealth(pool.backends["a"], Health.UP)
        self.assertEqual(visit(pool), moved)

    def test_leftBackendIsForgotten(self) -> None:
        """Who belonged to a backend that left is a new client."""
        pool = self.build()
        visit(pool)
        pool.replaceBackends([spec("b"), spec("c")])
        self.assertIn(visit(pool), "bc")

    def test_unixClientsAreNotRemembered(self) -> None:
        """Without an address there is nothing to know a client by."""
        pool = self.build()
        self.assertEqual([visit(pool, "") for _ in range(3)], ["a", "b", "c"])
        self.assertEqual(len(self.affinity), 0)


class AddressKeyTests(SynchronousTestCase):
    """
    Which addresses are one client.
    """

    def same(self, first: str, second: str, **prefixes: int) -> bool:
        key = addressKey(prefixes.get("prefix4", 32), prefixes.get("prefix6", 64))
        return key(FakeContext(first)) == key(FakeContext(second))

    def test_ipv4IsWholeUnlessAskedOtherwise(self) -> None:
        """Neighbours are other clients, or the same with a shorter prefix."""
        self.assertFalse(self.same("192.0.2.1", "192.0.2.2"))
        self.assertTrue(self.same("192.0.2.1", "192.0.2.254", prefix4=24))
        self.assertFalse(self.same("192.0.2.1", "192.0.3.1", prefix4=24))

    def test_ipv6IsTheNetworkOfAHousehold(self) -> None:
        """A host changes its address within its /64 all day long."""
        self.assertTrue(self.same("2001:db8::1", "2001:db8::ffff:1"))
        self.assertFalse(self.same("2001:db8::1", "2001:db8:0:1::1"))
        self.assertFalse(self.same("2001:db8::1", "2001:db8::2", prefix6=128))

    def test_ipv4BehindADualStackListener(self) -> None:
        """Mapped addresses are IPv4 clients, not one household."""
        self.assertFalse(self.same("::ffff:192.0.2.1", "::ffff:192.0.2.2"))

    def test_scopesDoNotCount(self) -> None:
        """A link-local address is the same through any interface."""
        self.assertTrue(self.same("fe80::1%eth0", "fe80::1%eth1"))

    def test_refusesPrefixesThatAreNone(self) -> None:
        """A prefix is 1 to 32, or 1 to 128, bits."""
        for prefix4, prefix6 in ((0, 64), (33, 64), (32, 0), (32, 129)):
            self.assertRaises(ValueError, addressKey, prefix4, prefix6)


class HeaderTests(SynchronousTestCase):
    """
    A client is known by a header.
    """

    def test_comesBackByHeader(self) -> None:
        """Who says the same user comes to the same backend, from wherever."""
        affinity = headerAffinity("X-User", Clock().seconds)
        pool = buildPool("a", "b", "c", affinity=affinity)
        homes = [visit(pool, f"10.0.0.{n}", **{"X-User": "ann"}) for n in range(4)]
        self.assertEqual(homes, ["a"] * 4)
        self.assertEqual(visit(pool, **{"X-User": "bob"}), "b")

    def test_longValuesAreShortened(self) -> None:
        """Long headers take no more memory than short ones, and still differ."""
        affinity = headerAffinity("X-User", Clock().seconds)
        pool = buildPool("a", "b", "c", affinity=affinity)
        self.assertEqual(visit(pool, **{"X-User": "x" * 4000}), "a")
        self.assertEqual(visit(pool, **{"X-User": "x" * 4001}), "b")
        self.assertEqual(visit(pool, **{"X-User": "x" * 4000}), "a")
        self.assertEqual({len(key) for key in affinity._table}, {32})

    def test_refusesNoTimeAndNoRoom(self) -> None:
        """A table must be able to hold something."""
        key = addressKey(32, 64)
        self.assertRaises(ValueError, TableAffinity, key, 0, Clock().seconds)
        self.assertRaises(ValueError, TableAffinity, key, 1, Clock().seconds, 0)
