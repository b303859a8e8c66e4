"""
Is it worth trying? A circuit breaker for each backend.

Closed, work passes. After C{failures} in a row the circuit opens and nothing passes for C{openFor}
seconds. Then it is half open: C{trials} uses at a time are let through. C{successes} good ones
close it; a bad one opens it again, for twice as long, up to C{maxOpenFor}.

A pause after failed connects is the same machine with other settings: see L{connectBackoff}.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import Enum
from math import inf

from lbproxy.errors import Outcome
from lbproxy.pool.backend import NO_LIMIT, Backend

# Part of each pause that is added by chance, so that several nodes do not come back at once.
_JITTER = 0.1

_FAILURES = frozenset(Outcome) - {Outcome.OK, Outcome.CLIENT_LEFT}


class Circuit(Enum):
    """
    Whether work passes.
    """

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half open"


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """
    Times are in seconds; C{counts} is what counts as a failure: everything else that a backend
    does shows that it works.
    """

    failures: int = 5
    openFor: float = 5.0
    maxOpenFor: float = 60.0
    trials: int = 1
    successes: int = 1
    counts: frozenset[Outcome] = _FAILURES

    def __post_init__(self) -> None:
        if self.failures < 1 or self.trials < 1 or self.successes < 1:
            raise ValueError("failures, trials and successes must be at least 1")
        if not 0 < self.openFor <= self.maxOpenFor:
            raise ValueError("openFor must be more than 0 and at most maxOpenFor")


def connectBackoff(first: float, longest: float) -> BreakerSettings:
    """
    Who refuses a connection is left alone for C{first} seconds, then tried by one client, and left
    alone for twice as long if that fails, up to C{longest} seconds.
    """
    return BreakerSettings(1, first, longest, counts=frozenset({Outcome.CONNECT_FAILED}))


class _State:
    """
    One backend's circuit.
    """

    __slots__ = ("circuit", "failures", "opened", "successes")

    def __init__(self) -> None:
        self.circuit = Circuit.CLOSED
        self.failures = 0
        self.successes = 0
        self.opened = 0


class Breaker:
    """
    Decides; the pool acts by what L{limit} says.
    """

    def __init__(
        self, settings: BreakerSettings, seconds: Callable[[], float], rng: random.Random
    ) -> None:
        self.settings = settings
        self._seconds = seconds
        self._rng = rng
        self._states: dict[Backend, _State] = {}
        self._open: dict[Backend, float] = {}
        self._limits = {
            Circuit.CLOSED: NO_LIMIT,
            Circuit.OPEN: 0,
            Circuit.HALF_OPEN: settings.trials,
        }

    @property
    def due(self) -> float:
        """
        When the next open circuit becomes half open, in the clock's seconds; infinity if none is.
        """
        return min(self._open.values(), default=inf)

    def rebuild(self, members: Collection[Backend]) -> None:
        """
        The set of backends changed.
        """
        states = self._states
        self._states = {backend: states.get(backend) or _State() for backend in members}
        self._open = {b: until for b, until in self._open.items() if b in self._states}

    def circuit(self, backend: Backend) -> Circuit:
        """
        How the circuit of C{backend} is.
        """
        state = self._states.get(backend)
        return Circuit.CLOSED if state is None else state.circuit

    def limit(self, backend: Backend) -> int:
        """
        How many leases the circuit lets through at a time.
        """
        return self._limits[self.circuit(backend)]

    def observe(self, backend: Backend, outcome: Outcome) -> bool:
        """
        A use ended.

        @return: whether that changed the circuit.
        """
        state = self._states.get(backend)
        if state is None or outcome is Outcome.CLIENT_LEFT or state.circuit is Circuit.OPEN:
            # What was under way when it opened says nothing new.
            return False
        if outcome in self.settings.counts:
            return self._failed(backend, state)
        return self._succeeded(state)

    def halfOpen(self) -> list[Backend]:
        """
        Half-open every circuit whose time is over.

        @return: whose they are.
        """
        now = self._seconds()
        over = [backend for backend, until in self._open.items() if until <= now]
        for backend in over:
            del self._open[backend]
            state = self._states[backend]
            state.circuit = Circuit.HALF_OPEN
            state.successes = 0
        return over

    def _succeeded(self, state: _State) -> bool:
        state.failures = 0
        if state.circuit is Circuit.CLOSED:
            return False
        state.successes += 1
        if state.successes < self.settings.successes:
            return False
        state.circuit = Circuit.CLOSED
        state.opened = 0
        return True

    def _failed(self, backend: Backend, state: _State) -> bool:
        settings = self.settings
        state.failures += 1
        if state.circuit is Circuit.CLOSED and state.failures < settings.failures:
            return False
        # The exponent is bounded because the number of failures is not.
        pause = min(settings.openFor * 2 ** min(state.opened, 30), settings.maxOpenFor)
        state.opened += 1
        state.circuit = Circuit.OPEN
        self._open[backend] = self._seconds() + pause * (1 + _JITTER * self._rng.random())
        return True
