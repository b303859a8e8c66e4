"""
Promises of L{lbproxy.pool.outliers}, through a pool.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.errors import Outcome
from lbproxy.pool.backend import Health
from lbproxy.pool.outliers import OutlierSettings
from lbproxy.pool.policy import Policy
from lbproxy.pool.pool import Pool
from lbproxy.testing import FakeContext, buildPool, picks, spec

OK, RESET, BAD = Outcome.OK, Outcome.RESET, Outcome.SERVER_ERROR


class OutlierTests(SynchronousTestCase):
    """
    Who fails real traffic is taken out for a while.
    """

    def build(self, *names: str, **settings: Any) -> Pool:
        self.clock = Clock()
        settings = {"failureRate": 0.0, "ejectFor": 30, **settings}
        pool = buildPool(
            *(names or "abcd"),
            seconds=self.clock.seconds,
            policy=Policy(outliers=OutlierSettings(**settings)),
        )
        self.heard: list[str] = []
        pool.observer = lambda event: self.heard.append(str(event))
        return pool

    def use(self, pool: Pool, name: str, *outcomes: Outcome) -> None:
        """
        Uses of one backend, whoever would be next.
        """
        others = [backend for backend in pool.backends.values() if backend.name != name]
        for outcome in outcomes:
            pool.acquire(FakeContext(), others).release(outcome)

    def ejected(self, pool: Pool) -> str:
        return "".join(b.name for b in pool.backends.values() if b.ejected)

    def test_afterConsecutiveFailures(self) -> None:
        """Five in a row, not four, and not five with a good one between."""
        pool = self.build()
        self.use(pool, "a", *[RESET] * 4, OK, *[RESET] * 4)
        self.assertEqual(self.ejected(pool), "")
        self.use(pool, "a", RESET)
        self.assertEqual(self.ejected(pool), "a")
        self.assertEqual(
            self.heard, ["backend web/a ejected: 5 failures in a row, reset; for 30 s"]
        )
        self.assertEqual(set(picks(pool, 9)), set("bcd"))

    def test_theClientLeavingIsNoFailure(self) -> None:
        """Nor does it clear what was counted."""
        pool = self.build()
        self.use(pool, "a", *[BAD] * 4, *[Outcome.CLIENT_LEFT] * 9)
        self.assertEqual(self.ejected(pool), "")
        self.use(pool, "a", BAD)
        self.assertEqual(self.ejected(pool), "a")

    def test_afterAFailureRate(self) -> None:
        """Half of the uses of the last 10 s, if there were enough to judge by."""
        pool = self.build(failureRate=0.5, minRequests=20, consecutiveFailures=0, window=10)
        self.use(pool, "a", *[OK, BAD] * 9)
        self.assertEqual(self.ejected(pool), "")
        self.use(pool, "a", OK, BAD)
        self.assertEqual(self.ejected(pool), "a")
        self.assertIn("10 of 20 failed in 10 s, server error", self.heard[0])

    def test_theWindowSlides(self) -> None:
        """Failures that are older than the window do not count, newer ones always do."""
        pool = self.build(failureRate=0.5, minRequests=20, consecutiveFailures=0, window=10)
        self.use(pool, "a", *[OK, BAD] * 9)
        self.clock.advance(10.5)
        self.use(pool, "a", *[OK, BAD] * 9)
        self.assertEqual(self.ejected(pool), "")
        self.clock.advance(5)
        self.use(pool, "a", OK, BAD)
        self.assertEqual(self.ejected(pool), "a")

    def test_returnsWhenItsTimeIsOver(self) -> None:
        """The first pick after that may be its own: nobody has to watch the clock."""
        pool = self.build()
        self.use(pool, "a", *[RESET] * 5)
        self.clock.advance(29.9)
        self.assertNotIn("a", picks(pool, 9))
        self.clock.advance(0.1)
        self.assertIn("a", picks(pool, 4))
        self.assertEqual(self.heard[-1], "backend web/a readmitted: its time is over")

    def test_returnsByATickWithoutTraffic(self) -> None:
        """So that observers hear of it in time."""
        pool = self.build()
        self.use(pool, "a", *[RESET] * 5)
        self.clock.advance(30)
        pool.tick()
        self.assertEqual(self.ejected(pool), "")

    def test_growsWithRepeats(self) -> None:
        """Each further ejection is longer, up to the longest."""
        pool = self.build(maxEjectFor=100)
        lengths = []
        for _ in range(5):
            self.use(pool, "a", *[RESET] * 5)
            start = self.clock.seconds()
            while self.ejected(pool):
                self.clock.advance(1)
                pool.tick()
            lengths.append(self.clock.seconds() - start)
        self.assertEqual(lengths, [30, 60, 90, 100, 100])

    def test_goodTimesAreRemembered(self) -> None:
        """For each 30 s that it was well one ejection is forgotten."""
        pool = self.build()
        for wait in (30, 60, 90):
            self.use(pool, "a", *[RESET] * 5)
            self.clock.advance(wait)
            pool.tick()
        self.clock.advance(61)
        self.use(pool, "a", *[RESET] * 5)
        self.clock.advance(60)
        pool.tick()
        self.assertEqual(self.ejected(pool), "")

    def test_neverMoreThanAShare(self) -> None:
        """Half of them stay in, whatever they do."""
        pool = self.build(maxEjected=0.5)
        for lease in [pool.acquire(FakeContext()) for _ in range(40)]:
            lease.release(RESET)
        self.assertEqual(self.ejected(pool), "ab")

    def test_aSingleBackendIsNeverEjected(self) -> None:
        """There would be nobody."""
        pool = self.build("a")
        self.use(pool, "a", *[RESET] * 20)
        self.assertEqual(self.ejected(pool), "")

    def test_aPassingCheckForgives(self) -> None:
        """An active check that passes brings it back; a failing one does not matter here."""
        pool = self.build()
        a = pool.backends["a"]
        self.use(pool, "a", *[RESET] * 5)
        pool.setHealth(a, Health.UP)
        self.assertEqual(self.ejected(pool), "")
        self.assertEqual(self.heard[-1], "backend web/a readmitted: a check passed")

    def test_checksNeedNotForgive(self) -> None:
        """With C{checkForgives} off the time is served in full."""
        pool = self.build(checkForgives=False)
        self.use(pool, "a", *[RESET] * 5)
        pool.setHealth(pool.backends["a"], Health.UP)
        self.assertEqual(self.ejected(pool), "a")

    def test_isNotHealth(self) -> None:
        """Ejected is no health: checks and traffic each keep their own word."""
        pool = self.build()
        a = pool.backends["a"]
        self.use(pool, "a", *[RESET] * 5)
        self.assertEqual((a.health, a.ejected), (Health.UP, True))
        pool.setHealth(a, Health.DOWN)
        self.clock.advance(30)
        pool.tick()
        self.assertEqual((a.health, a.ejected), (Health.DOWN, False))

    def test_localFailuresCanBeSplit(self) -> None:
        """What we failed to do and what the backend answered are counted apart."""
        pool = self.build(splitLocal=True, consecutiveFailures=3, consecutiveLocalFailures=2)
        self.use(pool, "a", BAD, BAD, RESET, OK, RESET, BAD, RESET)
        self.assertEqual(self.ejected(pool), "")
        self.use(pool, "a", Outcome.TIMED_OUT)
        self.assertEqual(self.ejected(pool), "a")
        self.assertIn("2 local failures in a row, timed out", self.heard[0])

    def test_usesThatWereUnderWayDoNotCountAgainstTheReturned(self) -> None:
        """It begins anew when it returns."""
        pool = self.build()
        others = [backend for backend in pool.backends.values() if backend.name != "a"]
        old = [pool.acquire(FakeContext(), others) for _ in range(4)]
        self.use(pool, "a", *[RESET] * 5)
        for lease in old:
            lease.release(RESET)
        self.clock.advance(30)
        pool.tick()
        self.use(pool, "a", RESET)
        self.assertEqual(self.ejected(pool), "")

    def test_whoLeftIsForgotten(self) -> None:
        """A set that changes keeps nothing of those who left."""
        pool = self.build()
        self.use(pool, "a", *[RESET] * 5)
        pool.replaceBackends([spec("b"), spec("c")])
        self.clock.advance(60)
        pool.tick()
        self.assertEqual(len([line for line in self.heard if "readmitted" in line]), 0)

    def test_refusesSettingsThatMeanNothing(self) -> None:
        """Times are more than 0, shares at most 1."""
        for bad in ({"window": 0}, {"ejectFor": 0}, {"failureRate": 2.0}, {"maxEjected": -1.0}):
            with self.assertRaises(ValueError):
                OutlierSettings(**bad)
