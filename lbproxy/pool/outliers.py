"""
Who fails real traffic? The outlier detector: ejects a backend by what its uses came to.

It knows nothing of active checks, and they know nothing of it: a backend may be healthy by its
checks and ejected by its traffic. Only a check that passes is taken as a word for the backend.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from math import inf

from lbproxy.errors import Outcome
from lbproxy.pool.backend import Backend
from lbproxy.pool.window import Window

# We could not reach it, or it did not answer us; the others are what it answered.
_LOCAL = frozenset({Outcome.CONNECT_FAILED, Outcome.TIMED_OUT, Outcome.RESET})


@dataclass(frozen=True, slots=True)
class OutlierSettings:
    """
    When to eject, and for how long. Times are in seconds, shares 0 to 1.

    C{consecutiveFailures}: so many in a row; 0: never for that. C{failureRate}: this share of the
    uses in the last C{window}, if there were C{minRequests}; 0: never for that. C{splitLocal}:
    failures to connect and timeouts are counted for themselves, up to
    C{consecutiveLocalFailures}, and not in the other two.

    C{ejectFor} is for the first ejection; each further one takes as much longer again, up to
    C{maxEjectFor}, until the backend has been well for C{ejectFor} for each that is forgotten.
    Never are more than C{maxEjected} of the backends ejected. C{checkForgives}: a passing active
    check ends an ejection.
    """

    consecutiveFailures: int = 5
    failureRate: float = 0.85
    window: float = 10.0
    minRequests: int = 50
    ejectFor: float = 30.0
    maxEjectFor: float = 300.0
    maxEjected: float = 0.5
    splitLocal: bool = False
    consecutiveLocalFailures: int = 5
    checkForgives: bool = True

    def __post_init__(self) -> None:
        if self.window <= 0 or self.ejectFor <= 0:
            raise ValueError("window and ejectFor must be more than 0")
        if not 0 <= self.failureRate <= 1 or not 0 <= self.maxEjected <= 1:
            raise ValueError("failureRate and maxEjected are shares from 0 to 1")


class _Record:
    """
    What is held against one backend.
    """

    __slots__ = ("failures", "localFailures", "quietSince", "times", "until", "window")

    def __init__(self, window: float) -> None:
        self.failures = 0
        self.localFailures = 0
        self.window = Window(window)
        self.times = 0
        self.until = inf
        self.quietSince = 0.0


class OutlierDetector:
    """
    Decides; the pool acts. So each method returns what should happen.
    """

    def __init__(self, settings: OutlierSettings, seconds: Callable[[], float]) -> None:
        self.settings = settings
        self._seconds = seconds
        self._records: dict[Backend, _Record] = {}
        self._ejected: dict[Backend, float] = {}

    @property
    def due(self) -> float:
        """
        When the next ejection ends, in the clock's seconds; infinity if there is none.
        """
        return min(self._ejected.values(), default=inf)

    def rebuild(self, members: Collection[Backend]) -> None:
        """
        The set of backends changed.
        """
        records = self._records
        self._records = {b: records.get(b) or _Record(self.settings.window) for b in members}
        self._ejected = {b: until for b, until in self._ejected.items() if b in self._records}

    def observe(self, backend: Backend, outcome: Outcome) -> str:
        """
        A use ended.

        @return: why the backend must be ejected now; empty if it need not be.
        """
        record = self._records.get(backend)
        if record is None or outcome is Outcome.CLIENT_LEFT:
            return ""
        if outcome is Outcome.OK:
            record.failures = record.localFailures = 0
            if self.settings.failureRate:
                record.window.addGood(self._seconds())
            return ""
        reason = self._count(record, outcome, self._seconds())
        if not reason or backend in self._ejected or not self._mayEject():
            return ""
        return reason

    def eject(self, backend: Backend) -> float:
        """
        The backend is ejected now.

        @return: for how many seconds.
        """
        settings = self.settings
        record = self._records[backend]
        now = self._seconds()
        # One earlier ejection is forgotten for each time that it was well for as long as one takes.
        record.times -= min(record.times, int((now - record.quietSince) / settings.ejectFor))
        record.times += 1
        length = min(settings.ejectFor * record.times, max(settings.maxEjectFor, settings.ejectFor))
        self._ejected[backend] = record.quietSince = now + length
        self._forget(record)
        return length

    def over(self) -> list[Backend]:
        """
        Whose ejection is over by now.
        """
        now = self._seconds()
        return [backend for backend, until in self._ejected.items() if until <= now]

    def readmit(self, backend: Backend) -> None:
        """
        The backend is back, whether its time was over or somebody forgave it.
        """
        if self._ejected.pop(backend, None) is not None:
            record = self._records[backend]
            record.quietSince = self._seconds()
            self._forget(record)

    def _forget(self, record: _Record) -> None:
        record.failures = record.localFailures = 0
        record.window.clear()

    def _count(self, record: _Record, outcome: Outcome, now: float) -> str:
        settings = self.settings
        if settings.splitLocal and outcome in _LOCAL:
            record.localFailures += 1
            if 0 < settings.consecutiveLocalFailures <= record.localFailures:
                return f"{record.localFailures} local failures in a row, {outcome.value}"
            return ""
        record.failures += 1
        # An answer, if a bad one, shows that the way there is good.
        record.localFailures = 0
        window = record.window
        window.addBad(now)
        if 0 < settings.consecutiveFailures <= record.failures:
            return f"{record.failures} failures in a row, {outcome.value}"
        total = window.good + window.bad
        if not settings.failureRate or total < max(1, settings.minRequests):
            return ""
        if window.bad < settings.failureRate * total:
            return ""
        return f"{window.bad} of {total} failed in {settings.window:g} s, {outcome.value}"

    def _mayEject(self) -> bool:
        return len(self._ejected) + 1 <= self.settings.maxEjected * len(self._records)
