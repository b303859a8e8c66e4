"""
Who is being checked? Everybody in a pool, whoever comes and goes.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from twisted.application.service import Service
from twisted.internet.interfaces import IReactorTime

from lbproxy.health.agent import AgentChecker
from lbproxy.health.checker import Checker, CheckSettings
from lbproxy.health.schedule import Schedule
from lbproxy.health.standing import Memory, Standing
from lbproxy.interfaces import IProbe
from lbproxy.pool.backend import Backend
from lbproxy.pool.events import BackendAdded, BackendLeft, Event
from lbproxy.pool.pool import Pool
from lbproxy.pool.registry import Registry


class Stagger:
    """
    Spreads first checks: one per C{spacing} seconds, or evenly over the interval where that would
    take longer. One for all pools, or thousands of small ones would start at once.
    """

    def __init__(self, schedule: Schedule, spacing: float = 0.001) -> None:
        self._schedule = schedule
        self._spacing = spacing
        self._free = 0.0

    def delay(self, within: float) -> float:
        """
        @param within: seconds; the delay is less.
        """
        now = self._schedule.seconds()
        at = max(self._free, now)
        self._free = at + self._spacing
        return (at - now) % within


@dataclass(frozen=True, slots=True)
class Check:
    """
    One of the things that are checked of each backend of a pool, and when.

    The probe of an C{agent} ends with a L{lbproxy.health.report.Report}; the thresholds of its
    settings mean nothing.
    """

    probe: IProbe
    settings: CheckSettings
    agent: bool = False


class Rota:
    """
    What the checks of all pools share. One for the process: it keeps what is known of backends
    over a change of the configuration.
    """

    def __init__(self, clock: IReactorTime, rng: random.Random | None = None) -> None:
        self.schedule = Schedule(clock)
        self.rng = rng or random.Random()
        self.stagger = Stagger(self.schedule)
        # A memory must not hold its backend, or neither would ever go.
        self._memories: WeakKeyDictionary[Backend, Memory] = WeakKeyDictionary()

    def standing(self, pool: Pool, backend: Backend) -> Standing:
        """
        How C{backend} stands, with what was known of it before.
        """
        return Standing(pool, backend, self._memories.setdefault(backend, Memory()))


class HealthChecks(Service):
    """
    Checks every backend of one pool while it runs, those too that come later.
    """

    def __init__(self, registry: Registry, pool: Pool, checks: Sequence[Check], rota: Rota) -> None:
        """
        @param checks: all must pass for a backend to be up. With none, backends are unknown again.
        """
        self._registry = registry
        self._pool = pool
        self._checks = {f"check {number}": check for number, check in enumerate(checks, 1)}
        self._rota = rota
        self._checkers: dict[Backend, list[Checker | AgentChecker]] = {}

    def startService(self) -> None:
        """
        Begin, spread over the interval.
        """
        super().startService()  # type: ignore[no-untyped-call]
        self._registry.addObserver(self._observe)
        for backend in self._pool.backends.values():
            self._take(backend)

    def stopService(self) -> None:
        """
        No check runs, no socket is open and nothing is scheduled when this returns.
        """
        super().stopService()  # type: ignore[no-untyped-call]
        self._registry.removeObserver(self._observe)
        for backend in tuple(self._checkers):
            self._leave(backend)

    def _observe(self, event: Event) -> None:
        if isinstance(event, BackendAdded) and event.pool == self._pool.name:
            self._take(event.backend)
        elif isinstance(event, BackendLeft) and event.pool == self._pool.name:
            self._leave(event.backend)

    def _take(self, backend: Backend) -> None:
        rota = self._rota
        standing = rota.standing(self._pool, backend)
        checkers = self._checkers[backend] = []
        for name, check in self._checks.items():
            kind = AgentChecker if check.agent else Checker
            settings = check.settings
            checker = kind(standing, check.probe, settings, rota.schedule, rota.rng, name)
            checkers.append(checker)
            checker.start(rota.stagger.delay(settings.interval))
        standing.hear(self._checks)

    def _leave(self, backend: Backend) -> None:
        for checker in self._checkers.pop(backend, ()):
            checker.stop()
