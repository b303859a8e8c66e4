"""
Is it well, and since when not? One backend's loop of checks and what follows from its results.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from lbproxy.health.loop import Loop
from lbproxy.health.schedule import Schedule
from lbproxy.health.standing import Standing
from lbproxy.interfaces import IProbe
from lbproxy.pool.backend import Health
from lbproxy.pool.thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """
    When to check, and how many results count. Times are in seconds, C{jitter} is a share of the
    interval.

    C{fastInterval} holds while a state is unknown or about to change, C{downInterval} while the
    backend is down and nothing speaks for a change; 0 means C{interval} for both.
    """

    interval: float = 2.0
    timeout: float = 1.0
    rise: int = 2
    fall: int = 3
    fastInterval: float = 0.0
    downInterval: float = 0.0
    jitter: float = 0.1

    def __post_init__(self) -> None:
        if self.interval <= 0 or self.timeout <= 0:
            raise ValueError("interval and timeout of a health check must be more than 0")
        if self.rise < 1 or self.fall < 1:
            raise ValueError("rise and fall of a health check must be at least 1")
        if min(self.fastInterval, self.downInterval) < 0 or not 0 <= self.jitter < 1:
            raise ValueError("intervals of a health check are never negative, jitter is below 100%")


class Checker:
    """
    Checks one backend for as long as it runs, and says to its L{Standing} what that showed.
    """

    __slots__ = ("_loop", "_name", "_rng", "_settings", "_standing", "_thresholds")

    def __init__(
        self,
        standing: Standing,
        probe: IProbe,
        settings: CheckSettings,
        schedule: Schedule,
        rng: random.Random,
        name: str = "check",
    ) -> None:
        """
        @param name: whose word it is at the standing.
        """
        self._standing = standing
        self._name = name
        self._settings = settings
        self._rng = rng
        # A backend that was checked before, under other settings, keeps what is known of it.
        self._thresholds = Thresholds(settings.rise, settings.fall, standing.last(name))
        self._loop = Loop(probe, standing.backend, self, settings.timeout, schedule)

    def start(self, delay: float = 0.0) -> None:
        """
        Check for the first time in C{delay} seconds.
        """
        self._loop.start(delay)

    def stop(self) -> None:
        """
        Never check again; a check under way is cancelled. What is known stays.
        """
        self._loop.stop()

    def judge(self, passed: bool, seen: object) -> None:
        """
        One result.
        """
        thresholds = self._thresholds
        changed = thresholds.passed() if passed else thresholds.failed()
        if changed is not None:
            words = seen if isinstance(seen, str) else "passed"
            self._standing.say(self._name, changed, thresholds.explain(words))
        elif passed:
            self._standing.confirm()

    def interval(self) -> float:
        """
        Seconds to the next check.
        """
        settings = self._settings
        thresholds = self._thresholds
        interval = settings.interval
        if thresholds.changing:
            interval = settings.fastInterval or interval
        elif thresholds.health is Health.DOWN:
            interval = settings.downInterval or interval
        return interval * (1 + settings.jitter * self._rng.uniform(-1, 1))
