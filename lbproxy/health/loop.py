"""
What keeps looking? One loop per backend, which nothing that a probe does can end.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from lbproxy.health.conversation import ProbeFailed
from lbproxy.health.schedule import Entry, Schedule
from lbproxy.interfaces import IProbe
from lbproxy.pool.backend import Backend


class Judge(Protocol):
    """
    Makes something of results.
    """

    def judge(self, passed: bool, seen: object) -> None:
        """
        @param seen: what the probe's Deferred fired with, or in words why it did not pass.
        """

    def interval(self) -> float:
        """
        Seconds from the start of the last check to the start of the next one. Never raises.
        """


class Loop:
    """
    Runs a probe again and again. Each run ends exactly once: by its result, by an exception or by
    the timeout, whichever comes first; what comes later is not heard. Whatever way it ended, the
    next run is scheduled.

    @ivar running: whether a check is under way.
    """

    log = Logger()

    __slots__ = (
        "_backend",
        "_broken",
        "_check",
        "_judge",
        "_number",
        "_probe",
        "_schedule",
        "_started",
        "_timeout",
        "_timer",
        "running",
    )

    def __init__(
        self, probe: IProbe, backend: Backend, judge: Judge, timeout: float, schedule: Schedule
    ) -> None:
        """
        @param timeout: seconds that a check may take.
        """
        self._probe = probe
        self._backend = backend
        self._judge = judge
        self._timeout = timeout
        self._schedule = schedule
        self._timer: Entry | None = None
        self._check: Deferred[Any] | None = None
        # Counts runs; a result that comes with another number comes too late.
        self._number = 0
        self._started = 0.0
        self._broken = False
        self.running = False

    def start(self, delay: float) -> None:
        """
        Check for the first time in C{delay} seconds.
        """
        assert self._timer is None, "started twice"
        self._timer = self._schedule.after(delay, self._run)

    def stop(self) -> None:
        """
        Never check again; a check under way is cancelled.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._abandon()

    def _run(self) -> None:
        self._number += 1
        self._started = self._schedule.seconds()
        self._timer = self._schedule.after(self._timeout, self._timedOut)
        self.running = True
        check = self._check = self._begin()
        if not self.running:
            # Stopped by the probe itself.
            self._abandon()
        number = (self._number,)
        check.addCallbacks(self._passed, self._failed, callbackArgs=number, errbackArgs=number)

    def _begin(self) -> Deferred[Any]:
        try:
            check = self._probe.check(self._backend)
        except BaseException:
            # Not even SystemExit from a plug-in ends the loop.
            return fail()
        if isinstance(check, Deferred):
            return check
        # A probe of a user may be a coroutine, or know the answer at once.
        return maybeDeferred(lambda: check)

    def _passed(self, seen: object, number: int) -> None:
        if number == self._number and self.running:
            self._broken = False
            self._finish(True, seen)

    def _failed(self, failure: Failure, number: int) -> None:
        if number != self._number or not self.running:
            return
        problem = failure.value
        if isinstance(problem, ProbeFailed):
            self._broken = False
            self._finish(False, problem.reason)
            return
        if not self._broken:
            # Once is enough: a probe that is broken is so every time.
            self._broken = True
            self.log.failure("the probe of {backend} broke", failure, backend=self._backend)
        words = f"{type(problem).__name__}: {failure.getErrorMessage()}"
        self._finish(False, f"the probe broke: {words}")

    def _timedOut(self) -> None:
        self._abandon()
        self._finish(False, f"no answer within {self._timeout:g} s")

    def _abandon(self) -> None:
        """
        Whatever the check under way says from now on, nobody hears it.
        """
        check, self._check = self._check, None
        self.running = False
        if check is not None:
            try:
                check.cancel()
            except Exception:
                self.log.failure("cannot cancel the probe of {backend}", backend=self._backend)

    def _finish(self, passed: bool, seen: object) -> None:
        self.running = False
        self._check = None
        if self._timer is not None:
            self._timer.cancel()
        try:
            self._judge.judge(passed, seen)
        except Exception:
            self.log.failure("the result of {backend} cannot be used", backend=self._backend)
        if self._timer is None:
            # Stopped while it was told.
            return
        interval = self._judge.interval()
        delay = self._started + interval - self._schedule.seconds()
        # The clock is the system's: it may have been set back meanwhile.
        self._timer = self._schedule.after(min(max(delay, 0.0), interval), self._run)
