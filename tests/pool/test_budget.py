"""
Promises of L{lbproxy.pool.budget}, through a pool.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.errors import NoBackendAvailable, Outcome
from lbproxy.pool.budget import BudgetSettings
from lbproxy.pool.policy import Policy
from lbproxy.pool.pool import Pool
from lbproxy.testing import FakeContext, buildPool

SOMEONE = FakeContext()


class RetryBudgetTests(SynchronousTestCase):
    """
    Retries are a part of the work, never most of it.
    """

    def build(self, **settings: float) -> Pool:
        policy = Policy(retries=BudgetSettings(**settings))  # type: ignore[arg-type]
        return buildPool("a", "b", policy=policy)

    def test_aFewAreAlwaysAllowed(self) -> None:
        """Three at a time, though nothing else is under way."""
        pool = self.build()
        leases = [pool.retry(SOMEONE, ()) for _ in range(3)]
        error = self.assertRaises(NoBackendAvailable, pool.retry, SOMEONE, ())
        self.assertEqual(error.reason, "the retry budget is spent")
        leases[0].release(Outcome.RESET)
        pool.retry(SOMEONE, ())

    def test_aShareOfTheWorkUnderWay(self) -> None:
        """With a hundred uses under way twenty may be retries."""
        pool = self.build(share=0.2, minimum=0)
        held = [pool.acquire(SOMEONE) for _ in range(80)]
        allowed = 0
        while pool.retries.begin(lambda: pool.active):
            allowed += 1
        self.assertEqual(allowed, 16)
        for lease in held[40:]:
            lease.release(Outcome.OK)
        self.assertFalse(pool.retries.begin(lambda: pool.active))
        self.assertEqual(pool.retries.refused, 2)

    def test_goesElsewhere(self) -> None:
        """A retry never comes to a backend that was tried."""
        pool = self.build()
        a, b = pool.backends.values()
        self.assertIs(pool.retry(SOMEONE, [a]).backend, b)
        self.assertIs(pool.retry(SOMEONE, [b]).backend, a)

    def test_whatFindsNobodyCostsNothing(self) -> None:
        """A retry that nobody could serve does not count."""
        pool = self.build()
        for _ in range(9):
            self.assertRaises(NoBackendAvailable, pool.retry, SOMEONE, list(pool.backends.values()))
        self.assertEqual(pool.retries.active, 0)

    def test_endsWithItsLease(self) -> None:
        """Releasing the lease is all that there is to do, and it is done once."""
        pool = self.build()
        lease = pool.retry(SOMEONE, ())
        self.assertEqual((pool.retries.active, pool.active), (1, 1))
        lease.release(Outcome.OK)
        self.assertEqual((pool.retries.active, pool.active), (0, 0))
        self.assertRaises(AssertionError, lease.release, Outcome.OK)
        self.assertRaises(AssertionError, pool.retries.end)

    def test_refusesSettingsThatMeanNothing(self) -> None:
        """A share is 0 to 1, a number of retries not negative."""
        self.assertRaises(ValueError, BudgetSettings, 1.5)
        self.assertRaises(ValueError, BudgetSettings, 0.2, -1)
