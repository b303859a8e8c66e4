"""
Do we keep up? When turns of the loop take too long, new work is turned away at once rather than
served too late.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.logger import Logger


class Shedding(Protocol):
    """
    What turns work away while it is told to.
    """

    overloaded: bool


class LagWatch:
    """
    Looks, at each tick, how much later than due it comes.

    @ivar lag: seconds that the last tick was late.
    """

    _log = Logger()

    def __init__(self, seconds: Callable[[], float], interval: float) -> None:
        """
        @param interval: seconds between two ticks.
        """
        self._seconds = seconds
        self._interval = interval
        self._due = 0.0
        self._watched: list[tuple[float, str, Shedding]] = []
        self.lag = 0.0

    def watch(self, name: str, limit: float, target: Shedding) -> None:
        """
        Have C{target} turn work away while ticks come more than C{limit} seconds late.
        """
        self._watched.append((limit, name, target))

    def tick(self) -> None:
        """
        To be called every C{interval} seconds.
        """
        now = self._seconds()
        self.lag = max(0.0, now - self._due) if self._due else 0.0
        self._due = now + self._interval
        for limit, name, target in self._watched:
            overloaded = self.lag > limit
            if overloaded is not target.overloaded:
                target.overloaded = overloaded
                self._tell(name, overloaded)

    def _tell(self, name: str, overloaded: bool) -> None:
        if overloaded:
            self._log.warn(
                "listener {name} turns requests away: the loop lags {lag:.2f} s",
                name=name,
                lag=self.lag,
            )
        else:
            self._log.info("listener {name} takes requests again", name=name)
