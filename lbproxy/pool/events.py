"""
What changed in the registry? One frozen value per fact; its text is the line for the log.
"""

from __future__ import annotations

from dataclasses import dataclass

from lbproxy.pool.backend import AdminState, Backend, Health


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


Event = HealthChanged | AdminChanged | EjectionChanged | WeightChanged | BackendAdded | BackendLeft


def _line(pool: str, backend: Backend, what: str, reason: str) -> str:
    text = f"backend {pool}/{backend.name} {what}"
    return f"{text}: {reason}" if reason else text
