"""
Tests for L{lbproxy.l4.sharedlease}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.errors import Outcome
from lbproxy.l4.sharedlease import SharedLease
from lbproxy.testing import FakeContext, buildPool


class SharedLeaseTests(SynchronousTestCase):
    """
    Tests for L{SharedLease}.
    """

    def test_lastHolder(self) -> None:
        """
        The lease is released by its last holder, and counts as one until then.
        """
        pool = buildPool("a")
        lease = pool.acquire(FakeContext())
        shared = SharedLease(lease)
        self.assertIs(shared.join(), shared)
        self.assertIs(shared.backend, lease.backend)
        shared.release(Outcome.OK)
        self.assertEqual((lease.released, lease.backend.active), (False, 1))
        shared.release(Outcome.TIMED_OUT, 0.5)
        self.assertEqual((lease.released, lease.backend.active), (True, 0))
        self.assertEqual(lease.backend.failures, 1)
