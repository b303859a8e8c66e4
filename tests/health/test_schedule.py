"""
Promises of L{lbproxy.health.schedule}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.health.schedule import Schedule


class ScheduleTests(SynchronousTestCase):
    """
    Many calls over one timer.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.schedule = Schedule(self.clock)
        self.ran: list[str] = []

    def plan(self, delay: float, name: str) -> None:
        """
        Have C{name} noted down after C{delay} seconds.
        """
        self.schedule.after(delay, lambda: self.ran.append(name))

    def test_runsEachOnceAtItsTime(self) -> None:
        """
        In the order of their times, and not before.
        """
        self.plan(2.0, "b")
        self.plan(1.0, "a")
        self.plan(3.0, "c")
        self.clock.advance(0.99)
        self.assertEqual(self.ran, [])
        self.clock.advance(0.01)
        self.assertEqual(self.ran, ["a"])
        self.clock.pump([0.5, 0.5])
        self.assertEqual(self.ran, ["a", "b"])
        self.clock.pump([0.5, 0.5, 5.0])
        self.assertEqual(self.ran, ["a", "b", "c"])

    def test_keepsTheOrderOfEqualTimes(self) -> None:
        """
        Who came first runs first.
        """
        for name in "abc":
            self.plan(1.0, name)
        self.clock.advance(1.0)
        self.assertEqual(self.ran, ["a", "b", "c"])

    def test_runsWithinTheGrain(self) -> None:
        """
        Calls that are close to each other share one timer, and are late by the grain at most.
        """
        for number in range(100):
            self.plan(1.0 + number / 1000, str(number))
        wakes = 0
        while len(self.ran) < 100:
            due = self.clock.getDelayedCalls()
            self.assertEqual(len(due), 1)
            self.clock.advance(due[0].getTime() - self.clock.seconds())
            late = self.clock.seconds() - (1.0 + (len(self.ran) - 1) / 1000)
            self.assertLess(late, 0.0101)
            wakes += 1
        self.assertLess(wakes, 15)

    def test_cancelsOne(self) -> None:
        """
        A cancelled call never runs; a schedule without calls has no timer.
        """
        entry = self.schedule.after(1.0, lambda: self.ran.append("cancelled"))
        self.plan(1.0, "other")
        entry.cancel()
        self.assertEqual(self.schedule.pending(), 1)
        self.clock.advance(2.0)
        self.assertEqual(self.ran, ["other"])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        entry.cancel()

    def test_leavesNothingInTheReactor(self) -> None:
        """
        Once the last call is cancelled the timer is, too; another call sets it again.
        """
        entries = [self.schedule.after(delay, lambda: None) for delay in (1.0, 2.0)]
        for entry in entries:
            self.assertEqual(len(self.clock.getDelayedCalls()), 1)
            entry.cancel()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.plan(1.0, "again")
        self.clock.advance(1.0)
        self.assertEqual((self.ran, self.schedule.pending()), (["again"], 0))

    def test_forgetsAllWhenStopped(self) -> None:
        """
        Nothing runs any more, nothing is left in the reactor, and cancelling does no harm.
        """
        entry = self.schedule.after(1.0, lambda: self.ran.append("late"))
        self.plan(2.0, "later")
        self.schedule.stop()
        self.schedule.stop()
        entry.cancel()
        self.assertEqual((self.schedule.pending(), self.clock.getDelayedCalls()), (0, []))
        self.clock.advance(5.0)
        self.assertEqual(self.ran, [])

    def test_mayCancelTheLastFromWithinACall(self) -> None:
        """
        A call may cancel all others, and plan one.
        """
        later = self.schedule.after(2.0, lambda: self.ran.append("cancelled"))

        def act() -> None:
            later.cancel()
            self.plan(1.0, "planned")

        self.schedule.after(1.0, act)
        self.clock.pump([1.0, 1.0, 1.0])
        self.assertEqual(self.ran, ["planned"])

    def test_isNotEndedByAnError(self) -> None:
        """
        A call that fails is logged; those after it run.
        """
        self.schedule.after(1.0, lambda: 1 / 0)
        self.plan(1.0, "b")
        self.plan(2.0, "c")
        self.clock.pump([1.0, 1.0])
        self.assertEqual(self.ran, ["b", "c"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_mayBeAskedFromWithinACall(self) -> None:
        """
        A call may plan the next one, also for at once.
        """

        def again() -> None:
            self.ran.append("x")
            if len(self.ran) < 3:
                self.schedule.after(0.0, again)

        self.schedule.after(0.0, again)
        self.clock.pump([0.02] * 4)
        self.assertEqual(self.ran, ["x"] * 3)

    def test_movesItsTimerForAnEarlierCall(self) -> None:
        """
        What comes sooner than all others is in time.
        """
        self.plan(100.0, "late")
        self.plan(0.5, "soon")
        self.clock.advance(0.5)
        self.assertEqual(self.ran, ["soon"])

    def test_leavesRoomForOthers(self) -> None:
        """
        Of very many that are due at once, a batch runs per turn of the loop.
        """
        for number in range(250):
            self.plan(0.0, str(number))
        turns = []
        while len(self.ran) < 250:
            (call,) = self.clock.calls
            self.clock.calls.remove(call)
            call.func(*call.args, **call.kw)
            turns.append(len(self.ran))
        self.assertEqual(turns, [100, 200, 250])

    def test_readsSocketsFirstAfterAHoldUp(self) -> None:
        """
        When the process stood still, answers that have arrived are read before time is called.
        """
        self.plan(1.0, "timeout")
        (call,) = self.clock.calls
        self.clock.calls.remove(call)
        self.clock.rightNow = 3.0
        call.func()
        self.assertEqual(self.ran, [])
        self.clock.advance(0)
        self.assertEqual(self.ran, ["timeout"])
