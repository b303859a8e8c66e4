"""
Promises of L{lbproxy.pool.window}.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.pool.window import Window


class WindowTests(SynchronousTestCase):
    """
    Counts over the last seconds.
    """

    def test_countsBothKinds(self) -> None:
        """Good and bad are counted apart."""
        window = Window(10)
        for now in (0.0, 1.0, 2.0):
            window.addGood(now)
        window.addBad(2.0)
        self.assertEqual((window.good, window.bad), (3, 1))

    def test_slides(self) -> None:
        """What is older than the window goes by itself, and only that."""
        window = Window(10)
        for now in range(10):
            window.addBad(now)
        window.slideTo(12.5)
        self.assertApproximates(window.bad, 7, 1)
        window.slideTo(40)
        self.assertEqual(window.bad, 0)

    def test_burstAcrossAnyEdgeIsSeen(self) -> None:
        """Ten events within less than the window are ten, whenever they begin."""
        for start in range(200):
            window = Window(10)
            for number in range(10):
                window.addBad(start / 10 + number)
            self.assertEqual(window.bad, 10)

    def test_clockThatGoesBack(self) -> None:
        """Nothing is believed that comes from the future."""
        window = Window(10)
        window.addBad(100)
        window.addGood(50)
        self.assertEqual((window.good, window.bad), (1, 0))

    @settings(max_examples=50, deadline=None)
    @given(st.lists(st.floats(0, 3), max_size=80))
    def test_isExactToAStep(self, pauses: list[float]) -> None:
        """Never is anything counted that is older, or missed that is younger by more than 1/32."""
        window, now, times = Window(10), 0.0, []
        for pause in pauses:
            now += pause
            times.append(now)
            window.addBad(now)
            self.assertLessEqual(window.bad, sum(now - time <= 10 for time in times))
            self.assertGreaterEqual(window.bad, sum(now - time < 10 - 10 / 32 for time in times))

    def test_refusesNoLength(self) -> None:
        """A window must have a length."""
        self.assertRaises(ValueError, Window, 0)
