"""
Promises of L{lbproxy.pool.backend}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address
from lbproxy.pool.backend import NO_LIMIT, AdminState, Backend, BackendSpec, Health

ADDRESS = Address("10.0.0.1", 8080)


class BackendSpecTests(SynchronousTestCase):
    """
    What can be asked for.
    """

    def test_refusesWeightOutOfRange(self) -> None:
        """A weight is 0 to 1000."""
        for weight in (0, 1, 1000):
            BackendSpec("b1", ADDRESS, weight=weight)
        for weight in (-1, 1001):
            with self.assertRaisesRegex(ValueError, "b1"):
                BackendSpec("b1", ADDRESS, weight=weight)

    def test_refusesNegativeNumbers(self) -> None:
        """Priorities and limits count from 0."""
        self.assertRaises(ValueError, BackendSpec, "b1", ADDRESS, priority=-1)
        self.assertRaises(ValueError, BackendSpec, "b1", ADDRESS, maxConnections=-1)


class BackendTests(SynchronousTestCase):
    """
    One server's state.
    """

    def backend(self, maxConnections: int = 0) -> Backend:
        return Backend("web", BackendSpec("b1", ADDRESS, maxConnections=maxConnections))

    def test_startsUnknownAndReady(self) -> None:
        """Nothing is known of a backend until somebody looked."""
        backend = self.backend()
        self.assertEqual(
            (backend.health, backend.admin, backend.ejected),
            (Health.UNKNOWN, AdminState.READY, False),
        )

    def test_withoutMaximumIsNeverFull(self) -> None:
        """C{maxConnections: 0} is no limit."""
        self.assertEqual(self.backend().limit, NO_LIMIT)
        self.assertEqual(self.backend(maxConnections=7).limit, 7)

    def test_reachableUnlessDownEjectedOrInMaintenance(self) -> None:
        """A client stays with its backend while that drains, but not when it is gone."""
        for health in Health:
            for admin in AdminState:
                for ejected in (False, True):
                    backend = self.backend()
                    backend.health, backend.admin, backend.ejected = health, admin, ejected
                    gone = health is Health.DOWN or admin is AdminState.MAINTENANCE or ejected
                    self.assertEqual(backend.reachable, not gone, repr(backend))

    def test_reprTellsStateAndCounts(self) -> None:
        """What a human reads in a log or at a prompt."""
        backend = self.backend()
        backend.health, backend.reason, backend.active, backend.total = (
            Health.DOWN,
            "HTTP 503",
            2,
            9,
        )
        self.assertEqual(repr(backend), "<Backend web/b1 down ready, 2 active, 9 total: HTTP 503>")
