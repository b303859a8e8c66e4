"""
Tests for L{lbproxy.net.deadlines}.
"""

from __future__ import annotations

import math

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.net.deadlines import HORIZON, Deadlines


class Waiting:
    """
    Something with a deadline that remembers when it was told.
    """

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.told: list[float] = []
        self.next = 0.0
        self.error: Exception | None = None

    def deadlinePassed(self, now: float) -> None:
        self.told.append(now)
        self.deadline = self.next
        if self.error is not None:
            raise self.error


class DeadlinesTests(SynchronousTestCase):
    """
    Tests for L{Deadlines}.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000.0)
        self.wheel = Deadlines(self.clock, tick=0.1)
        self.wheel.start()

    def waiting(self, seconds: float) -> Waiting:
        item = Waiting(self.clock.seconds() + seconds)
        self.wheel.watch(item)
        return item

    def turn(self, seconds: float) -> None:
        """
        Let the time pass in small steps, as it does in a process.
        """
        for _ in range(round(seconds / 0.05)):
            self.clock.advance(0.05)

    def test_toldOnceWhenTheDeadlineIsOver(self) -> None:
        """
        A deadline is told once: not before its time, and within a tick after it.
        """
        item = self.waiting(1.0)
        self.turn(0.95)
        self.assertEqual([], item.told)
        self.turn(5)
        self.assertEqual(1, len(item.told))
        self.assertTrue(1001.0 <= item.told[0] <= 1001.2, item.told)

    def test_neverEarly(self) -> None:
        """
        Wherever between two ticks a deadline lies, nobody is told before it.
        """
        items = [(self.waiting(n / 97), 1000.0 + n / 97) for n in range(1, 200)]
        for _ in range(900):
            self.clock.advance(0.003)
        for item, deadline in items:
            self.assertEqual(1, len(item.told))
            self.assertTrue(deadline <= item.told[0] <= deadline + 0.21, (deadline, item.told))

    def test_movedLaterByAssignment(self) -> None:
        """
        More time is given by assigning the attribute, and the wheel keeps to it.
        """
        item = self.waiting(1.0)
        self.turn(0.9)
        item.deadline += 2.0
        self.turn(2.0)
        self.assertEqual([], item.told)
        self.turn(0.3)
        self.assertEqual(1, len(item.told))

    def test_movedEarlierByWatchingAgain(self) -> None:
        """
        Less time is given by assigning the attribute and watching again; the old time is void.
        """
        item = self.waiting(60.0)
        item.deadline = self.clock.seconds() + 1.0
        self.wheel.watch(item)
        self.turn(1.2)
        self.assertEqual(1, len(item.told))
        self.turn(70)
        self.assertEqual(1, len(item.told))

    def test_movedEarlierByAssignment(self) -> None:
        """
        Whoever leaves itself the wheel's horizon of time need not watch again to have less.
        """
        item = self.waiting(600.0)
        for _ in range(5):
            self.turn(1.3)
            item.deadline = self.clock.seconds() + HORIZON
        self.turn(HORIZON - 0.1)
        self.assertEqual([], item.told)
        self.turn(0.3)
        self.assertEqual(1, len(item.told))

    def test_noDeadlineIsNotWatched(self) -> None:
        """
        0 and infinity mean "no deadline", when watched and when assigned afterwards.
        """
        items = [Waiting(0.0), Waiting(math.inf), self.waiting(1.0), self.waiting(1.0)]
        for item in items:
            self.wheel.watch(item)
        items[2].deadline = 0.0
        items[3].deadline = math.inf
        self.turn(3)
        self.assertEqual([[], [], [], []], [item.told for item in items])
        self.assertEqual(0, len(self.wheel))

    def test_forgottenIsNeverTold(self) -> None:
        """
        What was forgotten is told nothing, and the wheel holds no reference to it.
        """
        item = self.waiting(1.0)
        self.wheel.forget(item)
        self.wheel.forget(item)
        self.turn(2)
        self.assertEqual([], item.told)
        self.assertEqual(0, len(self.wheel))

    def test_forgottenBeforeAnySweep(self) -> None:
        """
        Whoever comes and goes between two sweeps leaves nothing behind, and may come again.
        """
        item = self.waiting(1.0)
        self.assertEqual(1, len(self.wheel))
        self.wheel.forget(item)
        self.assertEqual(0, len(self.wheel))
        self.wheel.watch(item)
        self.wheel.watch(item)
        self.turn(0.5)
        self.assertEqual(1, len(self.wheel))
        self.wheel.forget(item)
        self.turn(2)
        self.assertEqual([], item.told)
        self.assertEqual(0, len(self.wheel))

    def test_changedBeforeAnySweep(self) -> None:
        """
        What counts is the deadline that is there when the wheel comes by.
        """
        items = [self.waiting(1.0), self.waiting(1.0), self.waiting(60.0)]
        items[0].deadline = 0.0
        items[1].deadline += 1.0
        items[2].deadline -= 59.5
        self.turn(0.8)
        self.assertEqual([0, 0, 1], [len(item.told) for item in items])
        self.turn(0.9)
        self.assertEqual([0, 0, 1], [len(item.told) for item in items])
        self.turn(0.7)
        self.assertEqual([0, 1, 1], [len(item.told) for item in items])
        self.assertEqual(0, len(self.wheel))

    def test_forgottenByAnotherInTheSameSweep(self) -> None:
        """
        A deadline that is handled may make another one of the same moment void.
        """
        first, second = self.waiting(1.0), self.waiting(1.0)
        first.deadlinePassed = lambda now: self.wheel.forget(second)  # type: ignore[method-assign]
        self.turn(2)
        self.assertEqual([], second.told)

    def test_newDeadlineAssignedWhileTold(self) -> None:
        """
        One that is told may give itself a new deadline by assigning it.
        """
        item = self.waiting(1.0)
        item.next = self.clock.seconds() + 3.0
        self.turn(2.9)
        self.assertEqual(1, len(item.told))
        item.next = 0.0
        self.turn(0.4)
        self.assertEqual(2, len(item.told))

    def test_forgetsItselfWhileTold(self) -> None:
        """
        One that forgets itself while it is told stays forgotten, whatever its deadline says.
        """
        item = self.waiting(1.0)
        item.deadlinePassed = lambda now: self.wheel.forget(item)  # type: ignore[method-assign]
        self.turn(2)
        self.assertEqual(0, len(self.wheel))

    def test_errorStopsNobodyElse(self) -> None:
        """
        A failing callback is logged; the others are told, then and later.
        """
        bad, good, later = self.waiting(1.0), self.waiting(1.0), self.waiting(2.0)
        bad.error = ValueError("broken")
        self.turn(3)
        self.assertEqual(1, len(self.flushLoggedErrors(ValueError)))
        self.assertEqual([1, 1, 1], [len(item.told) for item in (bad, good, later)])

    def test_longPause(self) -> None:
        """
        After a pause of the whole process everything that came due is told, in order, at once.
        """
        order: list[str] = []
        for name, seconds in (("late", 500.0), ("early", 1.0), ("never", 5000.0)):
            item = self.waiting(seconds)
            item.deadlinePassed = lambda now, name=name: order.append(name)  # type: ignore
        self.clock.advance(1000)
        self.assertEqual(["early", "late"], order)

    def test_pastDeadlineIsToldSoon(self) -> None:
        """
        A deadline that was over before it was watched is told at the next sweep.
        """
        item = self.waiting(-5.0)
        self.turn(0.25)
        self.assertEqual(1, len(item.told))

    def test_noTimerWhileNothingIsWatched(self) -> None:
        """
        An idle wheel does not wake the process.
        """
        self.assertEqual([], self.clock.getDelayedCalls())
        self.waiting(0.5)
        self.assertEqual(1, len(self.clock.getDelayedCalls()))
        self.turn(1)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_stoppedWheelTellsNobodyUntilStarted(self) -> None:
        """
        A stopped wheel is silent and leaves no timer; started again, it catches up.
        """
        item = self.waiting(1.0)
        self.wheel.stop()
        self.assertEqual([], self.clock.getDelayedCalls())
        self.turn(3)
        self.assertEqual([], item.told)
        self.wheel.start()
        self.turn(0.2)
        self.assertEqual(1, len(item.told))

    def test_clockSetBack(self) -> None:
        """
        A clock that is set back makes deadlines late, and loses none.
        """
        item = self.waiting(1.0)
        self.clock.rightNow -= 10.0
        self.turn(10.9)
        self.assertEqual([], item.told)
        self.turn(0.5)
        self.assertEqual(1, len(item.told))
