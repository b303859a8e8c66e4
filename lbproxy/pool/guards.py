"""
Who must stay out, or go slowly, for a while? All that time and outcomes do to a pool's backends.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from lbproxy.errors import Outcome
from lbproxy.pool.backend import NO_LIMIT, Backend
from lbproxy.pool.breaker import Breaker, Circuit
from lbproxy.pool.events import CircuitChanged
from lbproxy.pool.outliers import OutlierDetector
from lbproxy.pool.slowstart import SlowStart

if TYPE_CHECKING:
    from lbproxy.pool.pool import Pool


class Guards:
    """
    The outlier detector, the circuit breakers and the slow start of one pool: they decide, this
    tells the pool.

    @ivar due: when L{advance} has something to do, in the clock's seconds; infinity if it has not.
    """

    __slots__ = ("_pool", "breakers", "due", "outliers", "slowStart")

    def __init__(self, pool: Pool) -> None:
        policy, seconds = pool.policy, pool.seconds
        self._pool = pool
        self.outliers: OutlierDetector | None = None
        if policy.outliers is not None:
            self.outliers = OutlierDetector(policy.outliers, seconds)
        self.breakers = tuple(Breaker(one, seconds, pool.rng) for one in policy.breakers)
        self.slowStart = SlowStart(policy.slowStart, seconds) if policy.slowStart else None
        self.due = inf

    @property
    def watching(self) -> bool:
        """
        Do outcomes matter here?
        """
        return bool(self.outliers or self.breakers)

    def rebuild(self, members: tuple[Backend, ...]) -> None:
        """
        The set of backends changed.
        """
        if self.outliers is not None:
            self.outliers.rebuild(members)
        for breaker in self.breakers:
            breaker.rebuild(members)
        self._schedule()

    def observe(self, backend: Backend, outcome: Outcome) -> None:
        """
        A use ended.
        """
        for breaker in self.breakers:
            if breaker.observe(backend, outcome):
                self._tellCircuit(breaker, backend, outcome.value)
                self._schedule()
        if self.outliers is not None:
            reason = self.outliers.observe(backend, outcome)
            if reason:
                length = self.outliers.eject(backend)
                self._pool.setEjected(backend, True, f"{reason}; for {length:g} s")
                self._schedule()

    def advance(self) -> None:
        """
        Let time pass.
        """
        if self.outliers is not None:
            for backend in self.outliers.over():
                self._pool.setEjected(backend, False, "its time is over")
        for breaker in self.breakers:
            for backend in breaker.halfOpen():
                self._tellCircuit(breaker, backend, "its time is over")
        if self.slowStart is not None and self.slowStart.advance():
            self._pool.sharesChanged()
        self._schedule()

    def checkPassed(self, backend: Backend) -> None:
        """
        An active check passed: that forgives, where the settings say so.
        """
        if backend.ejected and self.outliers is not None and self.outliers.settings.checkForgives:
            self._pool.setEjected(backend, False, "a check passed")

    def readmitted(self, backend: Backend) -> None:
        """
        An ejection ended, for whatever reason.
        """
        if self.outliers is not None:
            self.outliers.readmit(backend)
        self.returned(backend)

    def returned(self, backend: Backend) -> None:
        """
        A backend is back after a failure, or new.
        """
        if self.slowStart is not None:
            self.slowStart.begin(backend)
        self._schedule()

    def factor(self, backend: Backend) -> float:
        """
        Which part of its share a backend has while it warms up.
        """
        return 1.0 if self.slowStart is None else self.slowStart.factor(backend)

    def limit(self, backend: Backend) -> int:
        """
        How many leases the circuits let through at a time.
        """
        return min((breaker.limit(backend) for breaker in self.breakers), default=NO_LIMIT)

    def circuit(self, backend: Backend) -> Circuit:
        """
        The worst of the circuits' states.
        """
        states = {breaker.circuit(backend) for breaker in self.breakers}
        for circuit in (Circuit.OPEN, Circuit.HALF_OPEN):
            if circuit in states:
                return circuit
        return Circuit.CLOSED

    def _tellCircuit(self, breaker: Breaker, backend: Backend, reason: str) -> None:
        circuit = breaker.circuit(backend)
        self._pool.limitChanged(backend)
        self._pool.tell(CircuitChanged(self._pool.name, backend, circuit, reason))

    def _schedule(self) -> None:
        due = inf
        if self.outliers is not None:
            due = self.outliers.due
        for breaker in self.breakers:
            due = min(due, breaker.due)
        if self.slowStart is not None:
            due = min(due, self.slowStart.due)
        if (due < inf) is not (self.due < inf):
            self.due = due
            self._pool.selection.guard()
        self.due = due
