"""
Who may serve? What is derived from the three facts: the candidates, and the reserve behind them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from lbproxy.pool.backend import AdminState, Backend, Health


@dataclass(frozen=True, slots=True)
class Ranks:
    """
    C{candidates} take the work; C{reserve} is who stands behind them, best first: other priorities,
    then those of whom nothing is known while others are known to be up.
    """

    candidates: Sequence[Backend] = ()
    reserve: Sequence[Backend] = ()


def takesNewWork(backend: Backend) -> bool:
    """
    Could new work go there, if its health allows?
    """
    return backend.admin is AdminState.READY and not backend.ejected and backend.weight > 0


def rank(members: Iterable[Backend]) -> Ranks:
    """
    Those that are up come before those that nothing is known of; in each, lower priorities first.
    """
    ready = [backend for backend in members if takesNewWork(backend)]
    groups = [
        *_byPriority([backend for backend in ready if backend.health is Health.UP]),
        *_byPriority([backend for backend in ready if backend.health is Health.UNKNOWN]),
    ]
    if not groups:
        return Ranks()
    return Ranks(tuple(groups[0]), tuple(backend for group in groups[1:] for backend in group))


def whyNone(members: Collection[Backend], exclude: Collection[Backend]) -> str:
    """
    Why nobody can be picked, in words for a log.
    """
    if not members:
        return "the pool has no backends"
    return "no backend available: " + _count(_obstacle(backend, exclude) for backend in members)


def _obstacle(backend: Backend, exclude: Collection[Backend]) -> str:
    if backend in exclude:
        return "tried"
    if backend.admin is AdminState.MAINTENANCE:
        return "in maintenance"
    if backend.health is Health.DOWN:
        return "down"
    if backend.ejected:
        return "ejected"
    if backend.admin is AdminState.DRAIN:
        return "draining"
    if backend.weight == 0:
        return "with weight 0"
    return "full" if backend.active >= backend.limit else "in reserve"


def _count(words: Iterable[str]) -> str:
    return ", ".join(f"{number} {word}" for word, number in Counter(words).items())


def _byPriority(backends: Sequence[Backend]) -> list[list[Backend]]:
    groups: dict[int, list[Backend]] = {}
    for backend in backends:
        groups.setdefault(backend.priority, []).append(backend)
    return [groups[priority] for priority in sorted(groups)]
