"""
Promises of L{lbproxy.health.checker}.
"""

from __future__ import annotations

import random

from twisted.internet.task import Clock
from twisted.logger import LogLevel
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.health.checker import Checker, CheckSettings
from lbproxy.health.schedule import Schedule
from lbproxy.health.standing import Standing
from lbproxy.pool.backend import Health
from lbproxy.pool.outliers import OutlierSettings
from lbproxy.pool.policy import Policy
from lbproxy.testing import buildPool
from tests.health.doubles import FakeProbe, LogLines

STEADY = CheckSettings(jitter=0.0)


class CheckerTests(SynchronousTestCase):
    """
    From results to states.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.schedule = Schedule(self.clock, grain=0.0)
        self.pool = buildPool("b1", "b2", health=Health.UNKNOWN)
        self.backend = self.pool.backends["b2"]
        self.standing = Standing(self.pool, self.backend)
        self.probe = FakeProbe()
        self.log = LogLines(self)

    def start(self, settings: CheckSettings = STEADY) -> Checker:
        """
        A checker whose first check is under way.
        """
        checker = Checker(self.standing, self.probe, settings, self.schedule, random.Random(1))
        checker.start()
        self.clock.advance(0)
        return checker

    def results(self, *passed: bool, every: float = 2.0) -> list[Health]:
        """
        What is believed after each result.
        """
        states = []
        for one in passed:
            if one:
                self.probe.passes()
            else:
                self.probe.fails()
            states.append(self.backend.health)
            self.clock.advance(every)
        return states

    def test_letsTheFirstPassDecide(self) -> None:
        """
        From unknown one result is enough, whichever way.
        """
        self.start()
        self.assertEqual(self.results(True), [Health.UP])
        self.assertEqual(self.log.lines, ["backend web/b2 up: HTTP 200"])

    def test_letsTheFirstFailureDecide(self) -> None:
        """
        A backend that fails its first check never gets work.
        """
        self.start()
        self.assertEqual(self.results(False), [Health.DOWN])
        self.assertEqual(self.log.lines, ["backend web/b2 down: HTTP 503, wanted 200-399"])

    def test_goesDownAfterFall(self) -> None:
        """
        Three failures in a row take it down, with one line that says why; two do not.
        """
        self.start()
        up, down = Health.UP, Health.DOWN
        states = self.results(True, False, False, True, False, False, False)
        self.assertEqual(states, [up, up, up, up, up, up, down])
        self.assertEqual(
            self.log.lines[1:], ["backend web/b2 down: HTTP 503, wanted 200-399, 3 in a row"]
        )
        self.assertEqual(self.backend.reason, "HTTP 503, wanted 200-399, 3 in a row")

    def test_comesUpAfterRise(self) -> None:
        """
        Two passes in a row bring it back, with one line.
        """
        self.start()
        up, down = Health.UP, Health.DOWN
        states = self.results(False, True, False, True, True, True)
        self.assertEqual(states, [down, down, down, down, up, up])
        self.assertEqual(self.log.lines[1:], ["backend web/b2 up: HTTP 200, 2 in a row"])

    def test_forgivesEjection(self) -> None:
        """
        A backend that was ejected for what traffic showed is back once a check passes.
        """
        policy = Policy(outliers=OutlierSettings())
        self.pool = buildPool("b1", "b2", health=Health.UNKNOWN, policy=policy)
        self.backend = self.pool.backends["b2"]
        self.standing = Standing(self.pool, self.backend)
        self.start()
        self.results(True)
        self.pool.setEjected(self.backend, True, "5 failures in a row")
        self.results(False)
        self.assertTrue(self.backend.ejected)
        self.results(True)
        self.assertFalse(self.backend.ejected)

    def test_warnsOfWhatGoesDown(self) -> None:
        """
        Down is a warning, up is a piece of information.
        """
        self.start()
        self.results(False, True, True)
        self.assertEqual(self.log.levels, [LogLevel.warn, LogLevel.info])

    def test_countsTimeouts(self) -> None:
        """
        A check without an answer is a failure like any other.
        """
        self.start()
        self.results(True)
        self.clock.pump([1.0] * 6)
        self.assertEqual(
            self.log.lines[1:], ["backend web/b2 down: no answer within 1 s, 3 in a row"]
        )

    def test_checksFasterWhileUnsure(self) -> None:
        """
        The fast interval holds while a state is about to change, the down interval while it is
        down for good.
        """
        settings = CheckSettings(fastInterval=0.5, downInterval=10.0, jitter=0.0)
        self.start(settings)
        waits = []
        for passed in (True, False, False, False, True, True):
            if passed:
                self.probe.passes()
            else:
                self.probe.fails()
            count, wait = len(self.probe.checks), 0.0
            while len(self.probe.checks) == count:
                self.clock.advance(0.5)
                wait += 0.5
            waits.append(wait)
        self.assertEqual(waits, [2.0, 0.5, 0.5, 10.0, 0.5, 2.0])

    def test_variesItsInterval(self) -> None:
        """
        By chance, and by no more than the jitter.
        """
        checker = self.start(CheckSettings(interval=10.0, jitter=0.1))
        self.probe.passes()
        intervals = [checker.interval() for _ in range(200)]
        self.assertTrue(all(9.0 <= interval <= 11.0 for interval in intervals))
        self.assertLess(min(intervals), 9.2)
        self.assertGreater(max(intervals), 10.8)

    def test_keepsWhatIsKnownWhenRestarted(self) -> None:
        """
        A checker with new settings begins with the state that the old one left.
        """
        self.start().stop()
        self.pool.setHealth(self.backend, Health.UP)
        self.standing = Standing(self.pool, self.backend)
        self.start()
        self.assertEqual(self.results(False, False), [Health.UP, Health.UP])

    def test_leavesNothingWhenStopped(self) -> None:
        """
        The check under way is cancelled, and no line is logged.
        """
        checker = self.start()
        checker.stop()
        self.assertEqual((self.probe.cancelled, self.schedule.pending()), (1, 0))
        self.assertEqual((self.log.lines, self.backend.health), ([], Health.UNKNOWN))

    def test_takesProbesOfFewWords(self) -> None:
        """
        A probe of a user may fire with nothing.
        """
        self.start()
        self.probe.passes(None)
        self.assertEqual(self.log.lines, ["backend web/b2 up: passed"])


class CheckSettingsTests(SynchronousTestCase):
    """
    Settings that make sense.
    """

    def test_refusesOthers(self) -> None:
        """
        Each limit is checked on its own.
        """
        for settings in (
            {"interval": 0.0},
            {"timeout": 0.0},
            {"rise": 0},
            {"fall": 0},
            {"fastInterval": -1.0},
            {"downInterval": -1.0},
            {"jitter": 1.0},
            {"jitter": -0.1},
        ):
            self.assertRaises(ValueError, CheckSettings, **settings)
