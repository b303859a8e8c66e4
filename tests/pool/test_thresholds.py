"""
Promises of L{lbproxy.pool.thresholds}.
"""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.pool.backend import Health
from lbproxy.pool.thresholds import Thresholds

UP, DOWN, UNKNOWN = Health.UP, Health.DOWN, Health.UNKNOWN


class ThresholdsTests(SynchronousTestCase):
    """
    Rise and fall.
    """

    def feed(self, thresholds: Thresholds, results: str) -> list[Health | None]:
        return [thresholds.passed() if one == "+" else thresholds.failed() for one in results]

    def test_firstResultDecides(self) -> None:
        """While nothing is known one result is enough, whichever it is."""
        self.assertEqual(self.feed(Thresholds(rise=5, fall=5), "+"), [UP])
        self.assertEqual(self.feed(Thresholds(rise=5, fall=5), "-"), [DOWN])

    def test_fallThresholdTakesBackendDown(self) -> None:
        """A backend leaves rotation only after C{fall} failures in a row."""
        thresholds = Thresholds(rise=2, fall=3, health=UP)
        self.assertEqual(self.feed(thresholds, "--+---"), [None] * 5 + [DOWN])

    def test_riseThresholdBringsBackendUp(self) -> None:
        """A backend comes back only after C{rise} passes in a row."""
        thresholds = Thresholds(rise=3, fall=1, health=DOWN)
        self.assertEqual(self.feed(thresholds, "++-+++"), [None] * 5 + [UP])

    def test_changeIsToldOnce(self) -> None:
        """Further results of the same kind change nothing."""
        thresholds = Thresholds(rise=1, fall=2)
        self.assertEqual(self.feed(thresholds, "+++"), [UP, None, None])
        self.assertEqual(self.feed(thresholds, "----"), [None, DOWN, None, None])

    def test_reasonTellsHowOftenInARow(self) -> None:
        """The log line of a change says how many results it took."""
        thresholds = Thresholds(rise=2, fall=3, health=UP)
        self.feed(thresholds, "---")
        self.assertEqual(
            thresholds.explain("HTTP 503, wanted 200-399"),
            "HTTP 503, wanted 200-399, 3 in a row",
        )

    def test_reasonOfASingleResultStandsAlone(self) -> None:
        """ "1 in a row" would say nothing."""
        thresholds = Thresholds()
        thresholds.failed()
        self.assertEqual(thresholds.explain("refused"), "refused")

    def test_changingWhileResultsSpeakAgainstTheState(self) -> None:
        """A faster interval applies while nothing is known or a change is under way."""
        thresholds = Thresholds(rise=2, fall=2)
        seen = [thresholds.changing]
        for result in "+-++--":
            self.feed(thresholds, result)
            seen.append(thresholds.changing)
        self.assertEqual(seen, [True, False, True, False, False, True, False])

    def test_refusesThresholdsBelowOne(self) -> None:
        """No result at all cannot change a state."""
        self.assertRaises(ValueError, Thresholds, rise=0)
        self.assertRaises(ValueError, Thresholds, fall=0)

    @given(st.integers(1, 5), st.integers(1, 5), st.text("+-", max_size=60))
    def test_neverFlapsFasterThanRiseAndFall(self, rise: int, fall: int, results: str) -> None:
        """Between two changes of state there are at least C{rise} or C{fall} results."""
        changes = self.feed(Thresholds(rise, fall), results)
        places = [place for place, change in enumerate(changes) if change is not None]
        for before, after in pairwise(places):
            needed = rise if changes[after] is UP else fall
            self.assertGreaterEqual(after - before, needed)
            self.assertEqual(
                set(results[after - needed + 1 : after + 1]),
                {"+" if changes[after] is UP else "-"},
            )
