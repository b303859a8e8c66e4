"""
Promises of L{lbproxy.pool.lease}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.errors import Outcome
from lbproxy.testing import FakeContext, buildPool


class LeaseTests(SynchronousTestCase):
    """
    One use of a backend.
    """

    def test_countsWhileHeld(self) -> None:
        """A backend's active leases are those not yet released; its total keeps all."""
        pool = buildPool("a")
        backend = pool.backends["a"]
        first, second = pool.acquire(FakeContext()), pool.acquire(FakeContext())
        self.assertEqual((backend.active, backend.total), (2, 2))
        first.release(Outcome.OK, 0.01)
        second.release(Outcome.OK)
        self.assertEqual((backend.active, backend.total), (0, 2))

    def test_releaseIsOnce(self) -> None:
        """A lease that is released twice is a bug, and says so at once."""
        pool = buildPool("a")
        lease = pool.acquire(FakeContext())
        self.assertFalse(lease.released)
        lease.release(Outcome.OK)
        self.assertTrue(lease.released)
        self.assertRaises(AssertionError, lease.release, Outcome.OK)
        self.assertEqual(pool.backends["a"].active, 0)

    def test_failuresAreTheBackendsOwn(self) -> None:
        """What went wrong counts against the backend, unless the client left."""
        pool = buildPool("a")
        for outcome in Outcome:
            pool.acquire(FakeContext()).release(outcome)
        self.assertEqual(pool.backends["a"].failures, len(Outcome) - 2)

    def test_reprTellsWhatItHolds(self) -> None:
        """What a human reads when something is wrong."""
        lease = buildPool("a").acquire(FakeContext())
        self.assertIn("held of <Backend web/a up ready, 1 active", repr(lease))
        lease.release(Outcome.OK)
        self.assertIn("released of <Backend web/a up ready, 0 active", repr(lease))
