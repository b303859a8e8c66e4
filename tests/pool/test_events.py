"""
Promises of L{lbproxy.pool.events}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.pool.backend import AdminState, Health
from lbproxy.pool.events import (
    AdminChanged,
    BackendAdded,
    BackendLeft,
    EjectionChanged,
    HealthChanged,
    WeightChanged,
)
from lbproxy.testing import buildBackends


class EventTests(SynchronousTestCase):
    """
    The log line of each change.
    """

    def test_readsAsALogLine(self) -> None:
        """Which backend, what happened, and why."""
        (b2,) = buildBackends("b2")
        down = "HTTP 503, wanted 200-399, 3 in a row"
        ready, drain = AdminState.READY, AdminState.DRAIN
        for event, line in {
            HealthChanged("web", b2, Health.UP, Health.DOWN, down): f"down: {down}",
            HealthChanged("web", b2, Health.UNKNOWN, Health.UP, ""): "up",
            AdminChanged("web", b2, ready, drain): "drain",
            AdminChanged("web", b2, drain, ready, "deployed"): "ready: deployed",
            EjectionChanged("web", b2, True, "5 failures"): "ejected: 5 failures",
            EjectionChanged("web", b2, False, "30 s are over"): "readmitted: 30 s are over",
            WeightChanged("web", b2, 1, 5): "weight 1 to 5",
            BackendAdded("web", b2): "added: b2.test:80",
            BackendLeft("web", b2): "left: 0 active",
        }.items():
            self.assertEqual(str(event), f"backend web/b2 {line}")
