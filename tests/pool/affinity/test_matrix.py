"""
The table of C{docs/affinity.md}, line by line, for a cookie and for an address.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Literal

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.errors import NoBackendAvailable, Outcome
from lbproxy.interfaces import IAffinity
from lbproxy.pool.admission import QueueSettings
from lbproxy.pool.affinity.cookie import CookieAffinity, CookieSettings
from lbproxy.pool.affinity.table import sourceIPAffinity
from lbproxy.pool.backend import AdminState, Backend, Health
from lbproxy.pool.breaker import BreakerSettings
from lbproxy.pool.lease import Lease
from lbproxy.pool.policy import Policy
from lbproxy.pool.pool import Pool
from lbproxy.pool.refusal import Refused
from lbproxy.pool.tiers import Spread
from lbproxy.testing import FakeContext, buildPool, spec

#: What becomes of the client: it stays, it moves and belongs elsewhere, or it has to wait.
Fate = Literal["stays", "moves", "waits"]


class Quiet:
    """
    Somebody who waits and remembers what came of it.
    """

    lease: Lease | None = None

    def leaseGranted(self, lease: Lease) -> None:
        self.lease = lease

    def leaseRefused(self, error: NoBackendAvailable) -> None:
        raise AssertionError(error)


class MatrixTests(SynchronousTestCase):
    """
    What happens on drain, down, full and redispatch.
    """

    def fates(
        self,
        change: Callable[[Pool, Backend], object],
        policy: Policy | None = None,
        exclude: bool = False,
    ) -> list[Fate]:
        """
        What becomes of a client of backend a, after C{change}, with each kind of affinity.
        """
        clock = Clock()
        kinds: list[IAffinity] = [
            CookieAffinity(CookieSettings(["secret"])),
            sourceIPAffinity(clock.seconds),
        ]
        fates = []
        for affinity in kinds:
            pool = buildPool(
                spec("a", maxConnections=5),
                "b",
                affinity=affinity,
                policy=policy,
                seconds=clock.seconds,
            )
            client = FakeContext("192.0.2.1")
            lease = pool.acquire(client)
            client.keepCookie(lease.setCookie)
            lease.release(Outcome.OK)
            home = lease.backend
            change(pool, home)
            fates.append(self.fate(pool, client, [home] if exclude else [], home))
        return fates

    def fate(
        self, pool: Pool, client: FakeContext, exclude: Collection[Backend], home: Backend
    ) -> Fate:
        try:
            lease = pool.acquire(client, exclude)
        except Refused as error:
            assert error.mayWait
            return "waits"
        client.keepCookie(lease.setCookie)
        moved = lease.backend is not home
        assert pool.affinity is not None
        belongsTo = pool.affinity.find(client)
        self.assertIs(belongsTo, lease.backend)
        if not moved:
            self.assertIsNone(lease.setCookie)
        return "moves" if moved else "stays"

    def test_available(self) -> None:
        """It stays."""
        self.assertEqual(self.fates(lambda pool, home: None), ["stays"] * 2)

    def test_draining(self) -> None:
        """Drain and weight 0 keep away new clients only."""
        for change in (
            lambda pool, home: pool.setAdmin(home, AdminState.DRAIN),
            lambda pool, home: pool.setWeight(home, 0),
        ):
            self.assertEqual(self.fates(change), ["stays"] * 2)

    def test_unknown(self) -> None:
        """That nothing is known of it is no reason to leave."""
        fates = self.fates(lambda pool, home: pool.setHealth(home, Health.UNKNOWN))
        self.assertEqual(fates, ["stays"] * 2)

    def test_backup(self) -> None:
        """It stays with its backup though the others are back."""
        fates = self.fates(
            lambda pool, home: pool.replaceBackends([spec("a", priority=1), spec("b")])
        )
        self.assertEqual(fates, ["stays"] * 2)

    def test_gone(self) -> None:
        """Down, ejected, in maintenance: it moves."""
        for change in (
            lambda pool, home: pool.setHealth(home, Health.DOWN),
            lambda pool, home: pool.setEjected(home, True),
            lambda pool, home: pool.setAdmin(home, AdminState.MAINTENANCE),
            lambda pool, home: pool.replaceBackends([spec("b")]),
        ):
            self.assertEqual(self.fates(change), ["moves"] * 2)

    def test_panic(self) -> None:
        """When health is not believed it stays."""
        policy = Policy(spread=Spread(panic=0.9))
        fates = self.fates(lambda pool, home: pool.setHealth(home, Health.DOWN), policy)
        self.assertEqual(fates, ["stays"] * 2)

    def test_full(self) -> None:
        """Without a queue it moves, with one it waits."""
        self.assertEqual(self.fates(self.fill), ["moves"] * 2)
        queue = Policy(queue=QueueSettings(size=9))
        self.assertEqual(self.fates(self.fill, queue), ["waits"] * 2)

    def fill(self, pool: Pool, home: Backend) -> None:
        others = [backend for backend in pool.backends.values() if backend is not home]
        for number in range(5):
            pool.acquire(FakeContext(f"198.51.100.{number}"), others)

    def test_openCircuit(self) -> None:
        """It moves, even where there is a queue."""
        policy = Policy(breakers=(BreakerSettings(failures=1),), queue=QueueSettings(size=9))

        def trip(pool: Pool, home: Backend) -> None:
            others = [backend for backend in pool.backends.values() if backend is not home]
            pool.acquire(FakeContext("198.51.100.1"), others).release(Outcome.RESET)

        self.assertEqual(self.fates(trip, policy), ["moves"] * 2)

    def test_tried(self) -> None:
        """A redispatch breaks the affinity."""
        self.assertEqual(self.fates(lambda pool, home: None, exclude=True), ["moves"] * 2)

    def test_paused(self) -> None:
        """It waits, and then it is served by its own."""
        self.assertEqual(self.fates(lambda pool, home: pool.pause()), ["waits"] * 2)
        pool = buildPool("a", "b", affinity=CookieAffinity(CookieSettings(["secret"])))
        pool.acquire(FakeContext())
        client = FakeContext()
        lease = pool.acquire(client)
        client.keepCookie(lease.setCookie)
        pool.pause()
        waiter = Quiet()
        pool.wait(client, waiter)
        pool.resume(over=0)
        assert waiter.lease is not None
        self.assertIs(waiter.lease.backend, lease.backend)
