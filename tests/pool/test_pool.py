"""
Promises of L{lbproxy.pool.pool}.
"""

from __future__ import annotations

from itertools import product

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address
from lbproxy.errors import NoBackendAvailable, Outcome
from lbproxy.pool.backend import AdminState, Health
from lbproxy.pool.events import Event
from lbproxy.pool.pool import Pool
from lbproxy.testing import FakeContext, buildPool, picks, spec

SOMEONE = FakeContext()


class AvailabilityTests(SynchronousTestCase):
    """
    Three facts, and what follows from them.
    """

    def test_everyCombinationOfFacts(self) -> None:
        """Available is: not ejected, ready, and up, or unknown while nobody else is up."""
        for health, admin, ejected, otherUp in product(
            Health, AdminState, (False, True), (False, True)
        ):
            pool = buildPool("a", "b")
            a, b = pool.backends.values()
            pool.setHealth(b, Health.UP if otherUp else Health.DOWN)
            pool.setHealth(a, health)
            pool.setAdmin(a, admin)
            pool.setEjected(a, ejected)
            serves = (
                not ejected
                and admin is AdminState.READY
                and (health is Health.UP or (health is Health.UNKNOWN and not otherUp))
            )
            served = set(picks(pool, 4)) if serves or otherUp else set()
            self.assertEqual("a" in served, serves, repr(a))
            if not served:
                self.assertRaises(NoBackendAvailable, pool.acquire, SOMEONE)

    def test_unknownServesUntilSomebodyPassed(self) -> None:
        """A pool serves before its first checks; once one has passed the unknown wait."""
        pool = buildPool("a", "b", "c", health=Health.UNKNOWN)
        self.assertEqual(picks(pool, 3), "abc")
        pool.setHealth(pool.backends["b"], Health.UP)
        self.assertEqual(picks(pool, 3), "bbb")
        pool.setHealth(pool.backends["b"], Health.DOWN)
        self.assertEqual(sorted(picks(pool, 2)), ["a", "c"])

    def test_higherPriorityOnlyWhenNoneOfTheLowerIsLeft(self) -> None:
        """Backups serve when all that come before them are gone."""
        pool = buildPool("a", "b", spec("c", priority=1), spec("d", priority=2))
        a, b, c, _ = pool.backends.values()
        self.assertEqual(set(picks(pool, 6)), {"a", "b"})
        pool.setHealth(a, Health.DOWN)
        self.assertEqual(set(picks(pool, 6)), {"b"})
        pool.setAdmin(b, AdminState.DRAIN)
        self.assertEqual(set(picks(pool, 6)), {"c"})
        pool.setEjected(c, True)
        self.assertEqual(set(picks(pool, 6)), {"d"})
        pool.setHealth(a, Health.UP)
        self.assertEqual(set(picks(pool, 6)), {"a"})

    def test_saysWhyNobodyIsAvailable(self) -> None:
        """The error names the pool and counts the reasons."""
        pool = buildPool("a", "b", "c", "d", "e", spec("f", 0))
        a, b, c, d, e, _ = pool.backends.values()
        pool.setHealth(a, Health.DOWN)
        pool.setHealth(b, Health.DOWN)
        pool.setAdmin(c, AdminState.MAINTENANCE)
        pool.setAdmin(d, AdminState.DRAIN)
        pool.setEjected(e, True)
        error = self.assertRaises(NoBackendAvailable, pool.acquire, SOMEONE)
        self.assertEqual(
            str(error),
            "pool web: no backend available: "
            "2 down, 1 in maintenance, 1 draining, 1 ejected, 1 with weight 0",
        )
        empty = self.assertRaises(NoBackendAvailable, buildPool().acquire, SOMEONE)
        self.assertEqual((empty.pool, empty.reason), ("web", "the pool has no backends"))

    def test_reprTellsHowItIs(self) -> None:
        """What a human reads at a prompt."""
        pool = buildPool("a", "b")
        pool.setHealth(pool.backends["a"], Health.DOWN)
        self.assertEqual(repr(pool), "<Pool web: 1 of 2 up>")


class ExcludeTests(SynchronousTestCase):
    """
    A retry goes elsewhere.
    """

    def test_reserveServesWhenAllOthersWereTried(self) -> None:
        """Rather than failing, a retry goes to a backup, then to one that nothing is known of."""
        pool = buildPool("a", spec("b", priority=1), "c")
        a, b, c = pool.backends.values()
        pool.setHealth(c, Health.UNKNOWN)
        self.assertIs(pool.acquire(SOMEONE, [a]).backend, b)
        self.assertIs(pool.acquire(SOMEONE, [a, b]).backend, c)
        error = self.assertRaises(NoBackendAvailable, pool.acquire, SOMEONE, [a, b, c])
        self.assertEqual(error.reason, "no backend available: 3 tried")

    def test_fullDoesNotCallTheReserve(self) -> None:
        """Backups are for failures, not for load."""
        pool = buildPool(spec("a", maxConnections=1), spec("b", priority=1))
        pool.acquire(SOMEONE)
        error = self.assertRaises(NoBackendAvailable, pool.acquire, SOMEONE)
        self.assertEqual(error.reason, "no backend available: 1 full, 1 in reserve")

    def test_someTriedTheOthersFull(self) -> None:
        """The reason tells both."""
        pool = buildPool("a", spec("b", maxConnections=1))
        a, b = pool.backends.values()
        pool.acquire(SOMEONE, [a])
        error = self.assertRaises(NoBackendAvailable, pool.acquire, SOMEONE, [a])
        self.assertEqual(error.reason, "no backend available: 1 tried, 1 full")
        self.assertEqual(b.active, 1)


class ChangeTests(SynchronousTestCase):
    """
    What is told, and what is kept.
    """

    def setUp(self) -> None:
        self.heard: list[str] = []

    def build(self, *backends: str) -> Pool:
        pool = buildPool(*backends)
        pool.observer = self.hear
        return pool

    def hear(self, event: Event) -> None:
        self.heard.append(str(event))

    def test_everyChangeIsToldOnce(self) -> None:
        """Saying again what is already so is no change."""
        pool = self.build("a")
        a = pool.backends["a"]
        for _ in range(2):
            pool.setHealth(a, Health.DOWN, "refused")
            pool.setAdmin(a, AdminState.MAINTENANCE, "disk")
            pool.setEjected(a, True, "5 failures in a row")
            pool.setWeight(a, 7)
        self.assertEqual(
            self.heard,
            [
                "backend web/a down: refused",
                "backend web/a maintenance: disk",
                "backend web/a ejected: 5 failures in a row",
                "backend web/a weight 1 to 7",
            ],
        )

    def test_refusesWeightOutOfRange(self) -> None:
        """A weight is 0 to 1000 at run time, too."""
        pool = self.build("a")
        for weight in (-1, 1001):
            self.assertRaises(ValueError, pool.setWeight, pool.backends["a"], weight)

    def test_changedWeightCountsAtOnce(self) -> None:
        """The next round has the new weights."""
        pool = self.build("a", "b")
        pool.setWeight(pool.backends["a"], 3)
        self.assertEqual(picks(pool, 8).count("a"), 6)

    def test_thoseThatStayKeepTheirState(self) -> None:
        """A new set does not forget what is known of the old one's backends."""
        pool = self.build("a", "b")
        a = pool.backends["a"]
        lease = pool.acquire(SOMEONE)
        pool.setHealth(a, Health.DOWN, "refused")
        pool.replaceBackends([spec("c"), spec("a", 5, maxConnections=9, zone="z")])
        self.assertIs(pool.backends["a"], a)
        self.assertEqual(list(pool.backends), ["c", "a"])
        self.assertEqual((a.health, a.active, a.total), (Health.DOWN, 1, 1))
        self.assertEqual((a.weight, a.limit, a.zone), (5, 9, "z"))
        self.assertEqual(
            self.heard[1:], ["backend web/c added: c.test:80", "backend web/b left: 0 active"]
        )
        lease.release(Outcome.OK)

    def test_thoseThatLeftEndTheirWork(self) -> None:
        """A backend that left gets nothing new; it is gone when its last lease is."""
        pool = self.build("a")
        old = pool.backends["a"]
        leases = [pool.acquire(SOMEONE) for _ in range(2)]
        pool.replaceBackends([spec("b")])
        self.assertEqual(old.admin, AdminState.DRAIN)
        self.assertEqual(pool.leaving, [old])
        self.assertEqual(picks(pool, 3), "bbb")
        for lease in leases:
            self.assertEqual(pool.leaving, [old])
            lease.release(Outcome.OK)
        self.assertEqual(pool.leaving, [])

    def test_sameNameElsewhereIsAnotherBackend(self) -> None:
        """Nothing known of one address counts for another."""
        pool = self.build("a")
        old = pool.backends["a"]
        pool.replaceBackends([spec("a", address=Address("192.0.2.9", 80))])
        new = pool.backends["a"]
        self.assertIsNot(new, old)
        self.assertEqual((new.health, new.address.host), (Health.UNKNOWN, "192.0.2.9"))

    def test_limitThatIsTakenBackCounts(self) -> None:
        """A new limit counts for the leases that are there already."""
        pool = self.build("a")
        lease = pool.acquire(SOMEONE)
        pool.replaceBackends([spec("a", maxConnections=1)])
        self.assertRaises(NoBackendAvailable, pool.acquire, SOMEONE)
        lease.release(Outcome.OK)
        self.assertEqual(picks(pool, 2), "aa")

    def test_releaseWhileStateChanges(self) -> None:
        """A backend that was full when it went down is not full when it returns."""
        pool = buildPool(spec("a", maxConnections=1), "b")
        a = pool.backends["a"]
        lease = pool.acquire(SOMEONE)
        pool.setHealth(a, Health.DOWN)
        picks(pool, 2)
        lease.release(Outcome.RESET)
        pool.setHealth(a, Health.UP)
        self.assertIn("a", picks(pool, 2))
