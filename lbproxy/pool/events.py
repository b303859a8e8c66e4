"""
What changed in the registry? One frozen value per fact; its text is the line for the log.
"""

from __future__ import annotations

from dataclasses import dataclass

from lbproxy.pool.backend import AdminState, Backend, Health
from lbproxy.pool.breaker import Circuit


@dataclass(frozen=True, slots=True)
class HealthChanged:
    """
    Active checks changed their mind.
    """

    pool: str
    backend: Backend
    old: Health
    new: Health
    reason: str

    def __str__(self) -> str:
        return _line(self.pool, self.backend, self.new.value, self.reason)


@dataclass(frozen=True, slots=True)
class AdminChanged:
    """
    The operator changed a backend's state.
    """

    pool: str
    backend: Backend
    old: AdminState
    new: AdminState
    reason: str = ""

    def __str__(self) -> str:
        return _line(self.pool, self.backend, self.new.value, self.reason)


@dataclass(frozen=True, slots=True)
class EjectionChanged:
    """
    The outlier detector took a backend out, or let it back in.
    """

    pool: str
    backend: Backend
    ejected: bool
    reason: str

    def __str__(self) -> str:
        return _line(
            self.pool, self.backend, "ejected" if self.ejected else "readmitted", self.reason
        )


@dataclass(frozen=True, slots=True)
class WeightChanged:
    """
    A backend's weight was changed at run time.
    """

    pool: str
    backend: Backend
    old: int
    new: int

    def __str__(self) -> str:
        return _line(self.pool, self.backend, f"weight {self.old} to {self.new}", "")


@dataclass(frozen=True, slots=True)
class BackendAdded:
    """
    A pool's set has a backend that it had not.
    """

    pool: str
    backend: Backend

    def __str__(self) -> str:
        return _line(self.pool, self.backend, "added", str(self.backend.address))


@dataclass(frozen=True, slots=True)
class BackendLeft:
    """
    A backend is no longer in the pool's set; the leases it has run to their end.
    """

    pool: str
    backend: Backend

    def __str__(self) -> str:
        return _line(self.pool, self.backend, "left", f"{self.backend.active} active")


@dataclass(frozen=True, slots=True)
class CircuitChanged:
    """
    A backend's circuit breaker opened, closed, or lets somebody try.
    """

    pool: str
    backend: Backend
    circuit: Circuit
    reason: str

    def __str__(self) -> str:
        return _line(self.pool, self.backend, f"circuit {self.circuit.value}", self.reason)


@dataclass(frozen=True, slots=True)
class PauseChanged:
    """
    A pool holds its work, or lets it go on. C{waiting}: how much waits at that time.
    """

    pool: str
    paused: bool
    waiting: int

    def __str__(self) -> str:
        return f"pool {self.pool} {'paused' if self.paused else 'resumed'}: {self.waiting} waiting"


Event = (
    HealthChanged
    | AdminChanged
    | EjectionChanged
    | WeightChanged
    | CircuitChanged
    | BackendAdded
    | BackendLeft
    | PauseChanged
)


def _line(pool: str, backend: Backend, what: str, reason: str) -> str:
    text = f"backend {pool}/{backend.name} {what}"
    return f"{text}: {reason}" if reason else text
