"""
Tests for L{lbproxy.services.shedding}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.services.shedding import LagWatch


class Target:
    """
    Something that can shed.
    """

    overloaded = False


class LagWatchTests(SynchronousTestCase):
    """
    A loop that lags sheds work.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.watch = LagWatch(self.clock.seconds, 0.25)
        self.target = Target()
        self.watch.watch("web", 1.0, self.target)
        self.watch.tick()

    def tickAfter(self, seconds: float) -> bool:
        self.clock.advance(seconds)
        self.watch.tick()
        return self.target.overloaded

    def test_punctual(self) -> None:
        """
        Ticks that come in time, or a little late, shed nothing.
        """
        self.assertFalse(self.tickAfter(0.25))
        self.assertFalse(self.tickAfter(1.2))

    def test_late(self) -> None:
        """
        A tick that comes too late sheds, the next one in time ends it.
        """
        self.assertTrue(self.tickAfter(1.3))
        self.assertTrue(self.tickAfter(2.0))
        self.assertFalse(self.tickAfter(0.25))
