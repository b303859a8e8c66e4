"""
Who is in the set now? What changes when a pool gets a new set of backends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lbproxy.pool.backend import AdminState, Backend, BackendSpec


@dataclass(frozen=True, slots=True)
class Membership:
    """
    C{backends} is the new set, in its order; C{added} were not in the old one, C{left} are not in
    the new one.
    """

    backends: dict[str, Backend]
    added: tuple[Backend, ...]
    left: tuple[Backend, ...]


def replaced(pool: str, before: Mapping[str, Backend], specs: Iterable[BackendSpec]) -> Membership:
    """
    Make the set C{specs}. Backends with a known name and address are kept, with their state and
    their counters; those that are not wanted any more drain.
    """
    after: dict[str, Backend] = {}
    added = []
    for spec in specs:
        assert spec.name not in after, f"two backends named {spec.name} in pool {pool}"
        backend = before.get(spec.name)
        if backend is None or backend.address != spec.address:
            backend = Backend(pool, spec)
            added.append(backend)
        else:
            backend.adopt(spec)
        after[spec.name] = backend
    kept = set(after.values())
    left = [backend for backend in before.values() if backend not in kept]
    for backend in left:
        backend.admin = AdminState.DRAIN
        backend.reason = "left the pool"
    return Membership(after, tuple(added), tuple(left))
