"""
Promises of L{lbproxy.pool.refusal}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.errors import NoBackendAvailable
from lbproxy.pool.admission import QueueSettings
from lbproxy.pool.policy import Policy
from lbproxy.pool.pool import Pool
from lbproxy.pool.refusal import Refused
from lbproxy.testing import FakeContext, buildPool, spec


class RefusedTests(SynchronousTestCase):
    """
    What to do when nobody was given.
    """

    def refusal(self, pool: Pool) -> Refused:
        error = self.assertRaises(Refused, pool.acquire, FakeContext())
        assert isinstance(error, Refused)
        return error

    def test_isWhatEverybodyCatches(self) -> None:
        """Whoever does not care for waiting catches the general error."""
        error = self.refusal(buildPool())
        self.assertIsInstance(error, NoBackendAvailable)
        self.assertEqual(
            (str(error), error.mayWait, error.retryAfter),
            ("pool web: the pool has no backends", False, 0.0),
        )

    def test_tellsWhetherToWaitAndWhenToAskAgain(self) -> None:
        """With a queue one may wait; without, or paused, it is said when to come again."""
        policy = Policy(queue=QueueSettings(size=3, timeout=4, holdSize=0, holdTimeout=20))
        pool = buildPool(spec("a", maxConnections=1), policy=policy)
        pool.acquire(FakeContext())
        error = self.refusal(pool)
        self.assertEqual((error.mayWait, error.retryAfter), (True, 4))
        pool.pause()
        error = self.refusal(pool)
        self.assertEqual((error.mayWait, error.retryAfter), (False, 20))
