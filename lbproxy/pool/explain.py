"""
Why this backend? What a pool would do for a client, and why, as a value to print or to serialize.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lbproxy.errors import NoBackendAvailable
from lbproxy.pool.backend import Backend
from lbproxy.pool.context import Context
from lbproxy.pool.tiers import Ranks, whyNone, whyNot

if TYPE_CHECKING:
    from lbproxy.pool.pool import Pool

#: C{candidate}: work is given to it. C{reserve}: only if no candidate is left. C{out}: not at all.
Place = Literal["candidate", "reserve", "out"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What stands for or against one backend.

    C{why} is empty for one that could be picked; C{share} is its part of its tier's work, 0 to 1.
    """

    name: str
    address: str
    place: Place
    why: str
    share: float
    active: int

    def __str__(self) -> str:
        text = f"{self.name:20} {self.place:9} {self.active} active"
        if self.place == "candidate":
            text += f", {self.share:.1%} of the work"
        return f"{text}, {self.why}" if self.why else text


@dataclass(frozen=True, slots=True)
class Explanation:
    """
    What a pool would do for a client.

    C{belongsTo} is the backend that affinity names, C{choice} the one that would be given; both are
    L{None} where there is none. C{reason} says why that one, or why nobody.
    """

    pool: str
    verdicts: tuple[Verdict, ...]
    belongsTo: str | None
    choice: str | None
    reason: str

    def __str__(self) -> str:
        lines = [f"pool {self.pool}", *(f"  {verdict}" for verdict in self.verdicts)]
        if self.belongsTo is not None:
            lines.append(f"  the client belongs to {self.belongsTo}")
        lines.append(f"  -> {self.choice or 'nobody'}: {self.reason}")
        return "\n".join(lines)


def explain(pool: Pool, context: Context, exclude: Collection[Backend] = ()) -> Explanation:
    """
    What L{Pool.acquire} would do. Nothing is taken and nobody is woken, but a balancer that gives
    turns has given one.
    """
    held = None if pool.affinity is None else pool.affinity.find(context)
    choice, reason = _choice(pool, context, exclude, held)
    ranks = pool.selection.ranks
    shares = _shares(ranks)
    verdicts = tuple(
        _verdict(backend, ranks, shares.get(backend, 0.0), exclude)
        for backend in pool.backends.values()
    )
    belongsTo = held.name if held is not None else None
    return Explanation(
        pool.name, verdicts, belongsTo, choice.name if choice is not None else None, reason
    )


def _choice(
    pool: Pool, context: Context, exclude: Collection[Backend], held: Backend | None
) -> tuple[Backend | None, str]:
    pool.guards.advance()
    ranks = pool.selection.ranks
    mayReturn = held is not None and pool.selection.mayReturn(held, exclude)
    if not pool.admission.paused and not ranks.tiers and not mayReturn and not ranks.reserve:
        return None, whyNone(pool.backends.values(), exclude)
    try:
        choice = pool.preview(context, exclude)
    except NoBackendAvailable as error:
        return None, error.reason
    if choice is held:
        return choice, "the client belongs to it"
    if choice in ranks.reserve:
        return choice, "no candidate is left"
    picked = f"picked by {type(pool.balancer).__name__}"
    if held is None:
        return choice, picked
    return choice, f"{picked}, as {held.name} is {_against(held, exclude) or 'not to be had'}"


def _verdict(backend: Backend, ranks: Ranks, share: float, exclude: Collection[Backend]) -> Verdict:
    place: Place = "out"
    if share:
        place = "candidate"
    elif backend in ranks.reserve:
        place = "reserve"
    why = _against(backend, exclude)
    if ranks.panic and place == "candidate" and why:
        why += ", but that is not believed: too many are"
    elif place == "reserve" and not why:
        why = f"priority {backend.priority}, {backend.health.value}"
    if backend.reason and why and place == "out":
        why += f" ({backend.reason})"
    return Verdict(backend.name, str(backend.address), place, why, round(share, 6), backend.active)


def _against(backend: Backend, exclude: Collection[Backend]) -> str:
    return "tried" if backend in exclude else whyNot(backend)


def _shares(ranks: Ranks) -> dict[Backend, float]:
    """
    Which part of all work each candidate has; a tier that only stands by counts as in reserve.
    """
    shares: dict[Backend, float] = {}
    for tier in ranks.tiers:
        total = sum(backend.share for backend in tier.candidates)
        for backend in tier.candidates:
            shares[backend] = tier.share * backend.share / total
    return shares
