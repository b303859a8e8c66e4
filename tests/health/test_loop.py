"""
Promises of L{lbproxy.health.loop}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import AlreadyCalledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from lbproxy.health.conversation import ProbeFailed
from lbproxy.health.loop import Loop
from lbproxy.health.schedule import Schedule
from lbproxy.interfaces import IProbe
from lbproxy.pool.backend import Backend
from tests.health.doubles import FakeProbe, aBackend


class Notes:
    """
    A judge that notes everything down.
    """

    def __init__(self) -> None:
        self.results: list[tuple[bool, object]] = []
        self.judged: Callable[[], object] = lambda: None

    def judge(self, passed: bool, seen: object) -> None:
        """
        Note it.
        """
        self.results.append((passed, seen))
        self.judged()

    def interval(self) -> float:
        """
        Two seconds.
        """
        return 2.0


@implementer(IProbe)
class Calling:
    """
    A probe that is a function.
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function

    def check(self, backend: Backend) -> Any:
        """
        Call it.
        """
        return self._function()


class LoopTests(SynchronousTestCase):
    """
    Checks go on for ever.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.schedule = Schedule(self.clock, grain=0.0)
        self.probe = FakeProbe()
        self.notes = Notes()

    def start(self, probe: IProbe | None = None) -> Loop:
        """
        A loop that runs, with a timeout of one second.
        """
        loop = Loop(probe or self.probe, aBackend(), self.notes, 1.0, self.schedule)
        loop.start(0.0)
        self.clock.advance(0)
        return loop

    def surviving(self, function: Callable[[], Any]) -> list[tuple[bool, object]]:
        """
        The results of a probe that misbehaves, over three intervals.
        """
        loop = self.start(Calling(function))
        self.clock.pump([1.0] * 5)
        self.assertEqual(len(self.notes.results), 3)
        loop.stop()
        self.assertEqual(self.schedule.pending(), 0)
        return self.notes.results

    def test_checksAtEachInterval(self) -> None:
        """
        From the start of one check to the start of the next, however long it takes.
        """
        self.start()
        self.clock.advance(0.5)
        self.probe.passes()
        self.clock.advance(1.4)
        self.assertEqual(len(self.probe.checks), 1)
        self.clock.advance(0.1)
        self.assertEqual(len(self.probe.checks), 2)
        self.assertEqual(self.notes.results, [(True, "HTTP 200")])

    def test_waitsForItsFirstCheck(self) -> None:
        """
        A loop begins when it is told to.
        """
        loop = Loop(self.probe, aBackend(), self.notes, 1.0, self.schedule)
        loop.start(0.7)
        self.clock.advance(0.6)
        self.assertEqual(self.probe.checks, [])
        self.clock.advance(0.1)
        self.assertEqual(len(self.probe.checks), 1)

    def test_tellsWhyACheckFailed(self) -> None:
        """
        The probe's reason is the result.
        """
        self.start()
        self.probe.fails("connection refused")
        self.assertEqual(self.notes.results, [(False, "connection refused")])

    def test_endsACheckThatHangs(self) -> None:
        """
        The timeout cancels the check and counts as a failure; the next check comes in its time.
        """
        self.start()
        self.clock.advance(1.0)
        self.assertEqual(self.notes.results, [(False, "no answer within 1 s")])
        self.assertEqual(self.probe.cancelled, 1)
        self.clock.advance(1.0)
        self.assertEqual(len(self.probe.checks), 2)

    def test_hearsNothingAfterTheTimeout(self) -> None:
        """
        A result that comes late, once or twice, counts for nothing: not for its own check, and not
        for the one that runs by then.
        """
        checks: list[Deferred[Any]] = []

        def look() -> Deferred[Any]:
            checks.append(Deferred())
            return checks[-1]

        self.start(Calling(look))
        self.clock.pump([1.0, 1.0])
        checks[0].callback("late")
        self.assertRaises(AlreadyCalledError, checks[0].callback, "twice")
        self.assertEqual(len(self.notes.results), 1)
        checks[1].callback("in time")
        self.assertEqual(self.notes.results[1:], [(True, "in time")])

    def test_survivesAProbeThatRaises(self) -> None:
        """
        An exception counts as a failure and is logged once, not each time.
        """
        nothing: dict[str, str] = {}
        results = self.surviving(lambda: nothing["x"])
        self.assertEqual(results[0], (False, "the probe broke: KeyError: 'x'"))
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_survivesAProbeThatExits(self) -> None:
        """
        Not even SystemExit ends the loop.
        """

        def leave() -> None:
            raise SystemExit(1)

        self.surviving(leave)
        self.flushLoggedErrors(SystemExit)

    def test_survivesAProbeThatNeverFires(self) -> None:
        """
        A Deferred that is forgotten about, and cannot be cancelled, is left behind.
        """

        def stubborn() -> Deferred[None]:
            outer: Deferred[None] = Deferred()
            outer.addErrback(lambda _: Deferred())
            return outer

        self.assertEqual(self.surviving(stubborn)[0], (False, "no answer within 1 s"))

    def test_survivesACancellerThatRaises(self) -> None:
        """
        An error in giving up is logged.
        """

        def cancel(_: Deferred[None]) -> None:
            raise RuntimeError("no")

        self.surviving(lambda: Deferred(cancel))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 3)

    def test_survivesAProbeThatFiresTwice(self) -> None:
        """
        The second firing is the probe's own error.
        """
        self.start()
        check = self.probe.checks[0]
        check.callback("first")
        self.assertRaises(AlreadyCalledError, check.callback, "second")
        self.clock.advance(2.0)
        self.assertEqual(len(self.probe.checks), 2)
        self.assertEqual(self.notes.results, [(True, "first")])

    def test_survivesAnExceptionThatCannotBePrinted(self) -> None:
        """
        Whatever the exception is, it counts.
        """

        class Evil(Exception):
            def __str__(self) -> str:
                raise RuntimeError("no words")

        def evil() -> None:
            raise Evil

        self.assertIn("the probe broke: Evil", str(self.surviving(evil)[0][1]))
        self.flushLoggedErrors(Evil)

    def test_survivesAJudgeThatRaises(self) -> None:
        """
        A pool or an observer that fails does not end the checks.
        """
        self.notes.judged = lambda: 1 / 0
        self.surviving(lambda: None)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 3)

    def test_takesWhatAPluginGives(self) -> None:
        """
        A probe may be a coroutine, or answer at once.
        """

        async def bad() -> None:
            raise ProbeFailed("full")

        async def good() -> str:
            return "fine"

        for function, result in (
            (bad, (False, "full")),
            (good, (True, "fine")),
            (lambda: None, (True, None)),
        ):
            self.notes.results.clear()
            self.start(Calling(function)).stop()
            self.assertEqual(self.notes.results, [result])

    def test_leavesNothingWhenStopped(self) -> None:
        """
        Stopping cancels a check under way, in silence, and the next one.
        """
        loop = self.start()
        loop.stop()
        self.assertEqual((self.probe.cancelled, self.schedule.pending()), (1, 0))
        loop = self.start()
        self.probe.passes()
        loop.stop()
        self.assertEqual(self.schedule.pending(), 0)
        self.assertEqual(self.notes.results, [(True, "HTTP 200")])
        loop.stop()

    def test_mayBeStoppedByWhatItReports(self) -> None:
        """
        A result may make the backend leave.
        """
        loop = self.start()
        self.notes.judged = loop.stop
        self.probe.passes()
        self.assertEqual(self.schedule.pending(), 0)

    def test_mayBeStoppedByItsProbe(self) -> None:
        """
        A check that takes its own backend away is cancelled at once.
        """
        loop: Loop

        def leave() -> Deferred[None]:
            loop.stop()
            return self.probe.check(aBackend())

        loop = Loop(Calling(leave), aBackend(), self.notes, 1.0, self.schedule)
        loop.start(0.0)
        self.clock.advance(0)
        self.assertEqual((self.probe.cancelled, self.schedule.pending()), (1, 0))
        self.assertEqual(self.notes.results, [])

    def test_doesNotWaitForAClockThatWasSetBack(self) -> None:
        """
        The next check is an interval away at most.
        """
        self.start()
        self.clock.rightNow -= 1000
        self.probe.passes()
        self.clock.advance(2.0)
        self.assertEqual(len(self.probe.checks), 2)
