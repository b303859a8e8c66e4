"""
Tests for L{lbproxy.l4.complaint}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l4.complaint import Complaint


class ComplaintTests(SynchronousTestCase):
    """
    Tests for L{Complaint}.
    """

    def test_oncePerMinute(self) -> None:
        """
        The first is logged at once, then one line per minute with their number.
        """
        clock = Clock()
        complaint = Complaint("dns", "datagrams dropped", clock.seconds)
        with capturedLogs() as events:
            complaint.add("no backend")
            for _ in range(50):
                complaint.add("no backend")
            clock.advance(59)
            complaint.add("no backend")
            clock.advance(1)
            complaint.add("all are down")
        self.assertEqual(
            [formatEvent(event) for event in events],
            [
                "listener dns: 1 datagrams dropped: no backend",
                "listener dns: 52 datagrams dropped: all are down",
            ],
        )
        self.assertEqual(complaint.total, 53)
