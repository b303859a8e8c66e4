"""
Tests for L{lbproxy.l4.traffic}.
"""

from __future__ import annotations

from lbproxy.l4.traffic import Traffic
from tests.l4.udpfixture import RelayTestCase


class TrafficTests(RelayTestCase):
    """
    Tests for L{Traffic}.
    """

    def test_add(self) -> None:
        """
        Sessions add up, each to what was there.
        """
        self.build("a")
        self.ask(self.client(), b"12")
        self.ask(self.client(), b"3")
        traffic = Traffic(10, 20, 30, 40)
        for session in self.relay._sessions.values():
            traffic.add(session)
        self.assertEqual(traffic, Traffic(12, 22, 33, 47))
